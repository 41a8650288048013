"""Products of integers: what they give is what flows through them times the weights, a row at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.conversion.quantisation import INT8_BY_INT16, INT16_BY_INT16, quantise
from handler.runtime import onnxruntime

INPUTS, OUTPUTS = 96, 48


def product(weights: NDArray[np.float32]) -> onnx.ModelProto:
    """A graph of one matrix product, and of another of the same input."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "rows", INPUTS])
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "rows", OUTPUTS]) for name in ("y", "z")]
    nodes = [helper.make_node("MatMul", ["x", f"w{name}"], [name], name=f"of_{name}") for name in ("y", "z")]
    constants = [numpy_helper.from_array(sign * weights, f"w{name}") for name, sign in (("y", 1), ("z", -1))]
    graph = helper.make_graph(nodes, "product", [x], results, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model: onnx.ModelProto, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(["y", "z"], {"x": x}))


def test_rows_flow_through_in_16_bits_whatever_else_does() -> None:
    random = np.random.default_rng(2)
    weights = random.normal(size=(INPUTS, OUTPUTS)).astype(np.float32)
    x = random.normal(size=(3, 5, INPUTS)).astype(np.float32)
    x *= 10.0 ** random.integers(-6, 7, (3, 5, 1))  # each row has its own size
    x[1, 2] = 0.0
    x[..., 7] *= 100.0  # one input outweighs the others, as in trained transformers
    quantised = quantise(product(weights), INT8_BY_INT16, [{"x": x}])
    assert {node.op_type for node in quantised.graph.node}.isdisjoint({"MatMul"})
    parts = {item.name: numpy_helper.to_array(item) for item in quantised.graph.initializer}
    used = parts["wy_whole"] * parts["wy_scales"]  # what the weights have been rounded to
    assert np.abs(used - weights).max() < 0.1
    y, z = run(quantised, x)
    sizes = np.abs(x).max(-1, keepdims=True) * np.abs(used).sum(0)
    assert (np.abs(y - x @ used) <= 2e-5 * sizes + 1e-12).all()
    np.testing.assert_allclose(z, -y, rtol=1e-5, atol=1e-12)
    alone = np.concatenate([run(quantised, x[row : row + 1])[0] for row in range(3)])
    np.testing.assert_array_equal(alone, y)


def test_weights_of_two_bytes_lose_nothing_either() -> None:
    random = np.random.default_rng(2)
    weights = random.normal(size=(INPUTS, OUTPUTS)).astype(np.float32)
    weights[3] *= 10.0  # one input has larger weights
    x = random.normal(size=(3, 5, INPUTS)).astype(np.float32)
    quantised = quantise(product(weights), INT16_BY_INT16)
    assert {node.op_type for node in quantised.graph.node}.isdisjoint({"MatMul"})
    y, z = run(quantised, x)
    expected = x @ weights
    assert np.linalg.norm(y - expected) < 2e-4 * np.linalg.norm(expected)
    np.testing.assert_allclose(z, -y, rtol=1e-5, atol=1e-12)


def test_where_all_would_take_too_much_the_first_weights_have_two_bytes_and_the_others_one() -> None:
    random = np.random.default_rng(2)
    weights = random.normal(size=(INPUTS, OUTPUTS)).astype(np.float32)
    x = random.normal(size=(3, 5, INPUTS)).astype(np.float32)
    for spare, fine in {0: [], weights.size: ["wy"], 2 * weights.size: ["wy", "wz"]}.items():
        scheme = replace(INT16_BY_INT16, most_bytes=2 * weights.size + spare)
        quantised = quantise(product(weights), scheme, [{"x": x}])
        assert [name for name in ("wy", "wz") if f"{name}_rest" in constants_of(quantised)] == fine
        for name, sign, found in zip(("wy", "wz"), (1, -1), run(quantised, x), strict=True):
            off = np.linalg.norm(found - sign * x @ weights) / np.linalg.norm(found)
            assert (off < 2e-4) == (name in fine)
    with pytest.raises(ValueError, match="rounds for what it sees flow through the graph; found nothing"):
        quantise(product(weights), replace(INT16_BY_INT16, most_bytes=1))


def constants_of(model: onnx.ModelProto) -> set[str]:
    return {item.name for item in model.graph.initializer}
