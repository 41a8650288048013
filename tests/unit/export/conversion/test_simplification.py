"""Simplified graphs: fewer nodes, and the same numbers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.conversion.simplification import simplify
from handler.runtime import onnxruntime

WIDTH = 32
random = np.random.default_rng(3)
MATRICES = {name: random.normal(size=(WIDTH, WIDTH)).astype(np.float32) for name in ("wq", "wk", "wv")}
VECTORS = {name: random.normal(size=WIDTH).astype(np.float32) for name in ("bq", "bv")}
NUMBERS = {"zero": 0, "one": 1, "heads": [4], "of_a_head": [WIDTH // 4], "two": [2], "first": [0], "forwards": [1]}


def model(nodes: list[onnx.NodeProto], *outputs: str, **constants: object) -> onnx.ModelProto:
    """A graph of x [n, tokens, WIDTH]."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "tokens", WIDTH])
    given = {name: np.array(value, np.int64) for name, value in (NUMBERS | constants).items()}
    arrays: dict[str, NDArray[np.generic]] = {**MATRICES, **VECTORS, **given}
    used = {name for node in nodes for name in node.input}
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items() if name in used]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "graph", [x], results, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def attention() -> list[onnx.NodeProto]:
    """Queries, keys and values as a tracer writes them: the keys without a bias, the queries as heads."""
    return [
        helper.make_node("MatMul", ["x", "wq"], ["xq"], name="of_q"),
        helper.make_node("MatMul", ["x", "wk"], ["k"], name="of_k"),
        helper.make_node("MatMul", ["x", "wv"], ["xv"], name="of_v"),
        helper.make_node("Add", ["xq", "bq"], ["flat"]),
        helper.make_node("Add", ["bv", "xv"], ["v"]),
        helper.make_node("Shape", ["flat"], ["shape"]),
        *(helper.make_node("Gather", ["shape", number], [f"side_{number}"]) for number in ("zero", "one")),
        *(helper.make_node("Unsqueeze", [f"side_{number}", "first"], [number + "_"]) for number in ("zero", "one")),
        helper.make_node("Concat", ["zero_", "one_", "heads", "of_a_head"], ["sizes"], axis=0),
        helper.make_node("Reshape", ["flat", "sizes"], ["q"]),
    ]


def run(graph: onnx.ModelProto, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": x}))


def simplified(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The same in fewer nodes; the given one stays."""
    before = graph.SerializeToString()
    found = simplify(graph, [{"x": np.zeros((n, tokens, WIDTH), np.float32)} for n, tokens in ((2, 3), (5, 2))])
    assert graph.SerializeToString() == before
    return found


def kinds(graph: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in graph.graph.node]


@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (4, 3), (3, 40)])
def test_an_attention_has_one_product_and_sizes_that_are_known(sides: tuple[int, int]) -> None:
    graph = model(attention(), "q", "k", "v")
    fewer = simplified(graph)
    assert sorted(kinds(fewer)) == ["Add", "MatMul", "Reshape", "Split"]
    assert [(each.domain, each.version) for each in fewer.opset_import] == [("", 18)]
    x = np.random.default_rng(1).normal(size=(*sides, WIDTH)).astype(np.float32)
    for found, expected in zip(run(fewer, x), run(graph, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_product_that_is_read_twice_keeps_what_is_added_apart() -> None:
    graph = model([*attention(), helper.make_node("Relu", ["xq"], ["positive"])], "q", "k", "v", "positive")
    x = np.random.default_rng(1).normal(size=(2, 3, WIDTH)).astype(np.float32)
    fewer = simplified(graph)
    assert kinds(fewer).count("MatMul") == 1
    for found, expected in zip(run(fewer, x), run(graph, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("start", "end", "step", "left"),
    [([0], [9_999], [1], ["Relu"]), ([-1], [-9_999], [-1], ["Relu", "Slice"]), ([1], [9_999], [1], ["Relu", "Slice"])],
    ids=["all", "backwards", "without the first"],
)
def test_a_slice_goes_that_takes_all_in_order(
    start: list[int], end: list[int], step: list[int], left: list[str]
) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["positive"]),
        helper.make_node("Slice", ["positive", "start", "end", "axis", "step"], ["y"]),
    ]
    graph = model(nodes, "y", start=start, end=end, axis=[1], step=step)
    fewer = simplified(graph)
    assert kinds(fewer) == left
    x = np.random.default_rng(1).normal(size=(2, 5, WIDTH)).astype(np.float32)
    np.testing.assert_array_equal(run(fewer, x)[0], run(graph, x)[0])


def test_sizes_that_do_not_follow_from_the_shape_are_computed() -> None:
    """Two sides that change and neither is where it was: the graph has to tell."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "turned"], ["sizes"]),
        helper.make_node("Reshape", ["x", "sizes"], ["y"]),
    ]
    graph = model(nodes, "y", turned=[1, 2, 0])
    x = np.random.default_rng(1).normal(size=(2, 5, WIDTH)).astype(np.float32)
    fewer = simplified(graph)
    assert "Shape" in kinds(fewer)
    np.testing.assert_array_equal(run(fewer, x)[0], run(graph, x)[0])
