"""Simplification: a graph computes the same in fewer nodes, for whoever loads it takes its time node by node.

It knows graphs and what flows in, nothing of what they embed. What tracing leaves behind is how each size was computed,
and the products of an attention one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import helper, numpy_helper

from export.conversion.activations import Arrays
from handler.runtime import onnxruntime

_AS_LONG, _REST = 0, -1
"""What stands in a Reshape for a size that stays, and for what is left."""
_SIZED = ("Reshape", "Slice", "Expand")
_HIDES_PRODUCTS = ["MatMulAddFusion"]
"""Of what ONNX Runtime would do: who rounds weights looks for products by themselves."""

_Shape = tuple[int, ...]


def simplify(model: onnx.ModelProto, runs: Iterable[Arrays]) -> onnx.ModelProto:
    """A graph that gives the same in fewer nodes; the one that is given stays as it is.

    Args:
        model: In float32.
        runs: Its inputs, with other sizes in each run for the axes that may be longer or shorter.
    """
    folded = _fold(model)
    _fix_sizes(folded.graph, _shapes(folded, runs))
    _join_products(folded.graph)
    _drop_unneeded(folded.graph)
    return _fold(folded)


def _fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """What ONNX Runtime makes of a graph at its basic level, which any processor can load: constants are computed."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        for setting, value in (("file_name", "folded.bin"), ("min_size_in_bytes", "1024")):
            options.add_session_config_entry(f"session.optimized_model_external_initializers_{setting}", value)
        _open(model, options, Path(folder))
        folded: onnx.ModelProto = onnx.load(str(path))
    used = {node.domain for node in folded.graph.node} | {""}
    imports = [each for each in folded.opset_import if each.domain in used]  # it names all that it knows
    del folded.opset_import[:]
    folded.opset_import.extend(imports)
    return folded


def _open(model: onnx.ModelProto, options: onnxruntime.SessionOptions, folder: Path) -> onnxruntime.InferenceSession:
    options.log_severity_level = 3  # else it tells of each constant that it no longer needs
    copy = onnx.ModelProto()
    copy.CopyFrom(model)  # onnx takes the weights out of what it writes
    # A message of protobuf has at most 2 GB, so that the weights lie beside it.
    onnx.save_model(copy, str(folder / "given.onnx"), save_as_external_data=True, location="given.bin")
    return onnxruntime.InferenceSession(
        str(folder / "given.onnx"), options, providers=["CPUExecutionProvider"], disabled_optimizers=_HIDES_PRODUCTS
    )


def _shapes(model: onnx.ModelProto, runs: Iterable[Arrays]) -> dict[str, list[_Shape]]:
    """The shapes, run by run, of what flows into and out of nodes that are told sizes."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    wanted = {name for node in model.graph.node if node.op_type in _SIZED for name in (node.input[0], node.output[0])}
    computed = {name for node in model.graph.node for name in node.output}
    tensors = sorted(wanted & computed)
    outputs = {output.name for output in model.graph.output}
    opened.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in tensors if name not in outputs)
    shapes: dict[str, list[_Shape]] = {}
    with TemporaryDirectory() as folder:
        session = _open(opened, onnxruntime.SessionOptions(), Path(folder))
        for inputs in runs:
            found = dict(zip(tensors, session.run(tensors, dict(inputs)), strict=True))
            for name, array in (found | dict(inputs)).items():
                shapes.setdefault(name, []).append(array.shape)
    return shapes


def _fix_sizes(graph: onnx.GraphProto, shapes: Mapping[str, Sequence[_Shape]]) -> None:
    """Tell sizes that follow from what flows in by constants, and let through what keeps its shape."""
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer if np.prod(item.dims) < 100}
    for node in graph.node:
        if node.op_type not in _SIZED or not {node.input[0], node.output[0]} <= shapes.keys():
            continue
        before, after = shapes[node.input[0]], shapes[node.output[0]]
        if node.op_type == "Reshape":
            sizes = _sizes(before, after)
            if sizes.count(_REST) <= 1:
                node.input[1] = f"shape_of_{node.output[0]}"
                del node.attribute[:]
                graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), node.input[1]))
        elif before == after and _forwards(node, constants):
            node.op_type = "Identity"
            del node.input[1:]


def _sizes(before: Sequence[_Shape], after: Sequence[_Shape]) -> list[int]:
    """What a Reshape is told.

    Example: [(2, 5, 64), (3, 7, 64)], [(2, 5, 4, 16), (3, 7, 4, 16)] -> [0, 0, 4, 16]
    """
    sizes = []
    for axis, found in enumerate(zip(*after, strict=True)):
        if len(set(found)) == 1:
            sizes.append(found[0])
        elif all(shape[axis : axis + 1] == (size,) for shape, size in zip(before, found, strict=True)):
            sizes.append(_AS_LONG)
        else:
            sizes.append(_REST)
    return sizes


def _forwards(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> bool:
    """Whether a node that keeps the shape keeps the order too: a slice may go backwards."""
    steps = node.input[4] if node.op_type == "Slice" and len(node.input) > 4 else ""
    return not steps or (steps in constants and bool((constants[steps] > 0).all()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """A product and what is added to it: names of nodes by what they give, of constants, and of the result."""

    nodes: tuple[str, ...]
    weight: str
    bias: str
    result: str


def _join_products(graph: onnx.GraphProto) -> None:
    """Make products of one tensor, of which an attention has three, one product, whose result is split."""
    constants = {item.name: item for item in graph.initializer}
    replaced: set[str] = set()
    joined: dict[str, list[onnx.NodeProto]] = {}
    for x, products in _products(graph, constants).items():
        if len(products) < 2:
            continue
        weights = [numpy_helper.to_array(constants[product.weight]) for product in products]
        widths = [weight.shape[1] for weight in weights]
        biases = [
            numpy_helper.to_array(constants[product.bias]) if product.bias else np.zeros(width, np.float32)
            for product, width in zip(products, widths, strict=True)
        ]
        arrays = {
            "weight": np.concatenate(weights, axis=1),
            "bias": np.concatenate(biases),
            "widths": np.array(widths, np.int64),
        }
        names = {part: f"joined_{part}_of_{x}" for part in (*arrays, "product", "sum")}
        graph.initializer.extend(numpy_helper.from_array(array, names[part]) for part, array in arrays.items())
        joined[products[0].nodes[0]] = [
            helper.make_node("MatMul", [x, names["weight"]], [names["product"]], name=names["product"]),
            helper.make_node("Add", [names["product"], names["bias"]], [names["sum"]]),
            helper.make_node("Split", [names["sum"], names["widths"]], [each.result for each in products], axis=-1),
        ]
        replaced.update(name for product in products for name in product.nodes)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.extend(joined.get(node.output[0], []))
        if node.output[0] not in replaced:
            graph.node.append(node)


def _products(graph: onnx.GraphProto, constants: Mapping[str, onnx.TensorProto]) -> dict[str, list[_Product]]:
    """The products with constant weights, by what flows into them, in their order."""
    readers: dict[str, list[onnx.NodeProto]] = {output.name: [onnx.NodeProto()] for output in graph.output}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    products: dict[str, list[_Product]] = {}
    for node in graph.node:
        x, weight = node.input[:2] if node.op_type == "MatMul" else ("", "")
        if weight not in constants or len(constants[weight].dims) != 2:
            continue
        nodes, bias = [node], ""
        match readers.get(node.output[0]):
            case [add] if add.op_type == "Add":
                (added,) = (name for name in add.input if name != node.output[0])
                if added in constants and list(constants[added].dims) == list(constants[weight].dims[1:]):
                    nodes, bias = [node, add], added
        names = tuple(each.output[0] for each in nodes)
        products.setdefault(x, []).append(_Product(nodes=names, weight=weight, bias=bias, result=names[-1]))
    return products


def _drop_unneeded(graph: onnx.GraphProto) -> None:
    """Remove nodes whose results nobody reads, such as those that computed sizes."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
