"""Products of integers: matrix products of graphs whose inputs are rounded too, by fixed scales or row by row.

It knows nodes and constants, nothing of which product becomes which. ONNX Runtime computes them with the instructions
that processors have for bytes, several times as fast as in float32, and a row has the same product in any company.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.conversion.activations import Activations
from export.conversion.rounding import round_for_inputs, round_to_nearest

CONTRIBUTED = "com.microsoft"
_HIGHEST_OF_7_BITS, _HIGHEST_OF_8_BITS = 63, 127
"""Of weights. Without VNNI, sums of two products with a byte are kept in 16 bits, unless a session is told to be exact,
which takes longer: then 8 bits of the weights would be too many."""
_FINE_STEPS = 254
"""Of one coarse step."""
_ROWS: dict[str, NDArray[np.generic]] = {
    "one": np.array(1.0, np.float32),
    "highest": np.array(1 / 127, np.float32),
    "least": np.array(1e-12, np.float32),
    "fine": np.array(1 / _FINE_STEPS, np.float32),
    "middle": np.array(128, np.uint8),
    "last": np.array([-1], np.int64),
}


def constants(graph: onnx.GraphProto, name: str, **arrays: NDArray[np.generic]) -> list[str]:
    """Add what stands for a weight to the graph, unless another node that uses it has done so; gives the names."""
    known = {item.name for item in graph.initializer}
    names = [f"{name}_{part}" for part in arrays]
    for full_name, array in zip(names, arrays.values(), strict=True):
        if full_name not in known:
            graph.initializer.append(numpy_helper.from_array(array, full_name))
    return names


def product_by_fixed_scales(
    graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, seen: Activations
) -> list[onnx.NodeProto]:
    """Nodes in place of a product: what flows in becomes bytes by the range that was seen of it."""
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    step = np.float32(max(high - low, 1e-6) / 255)
    scale, zero = constants(graph, node.name, step=np.array(step), zero=np.array(np.rint(-low / step), np.uint8))
    codes = f"{node.name}_bytes"
    whole, scales, zeros = _weights(graph, weight, seen, highest=_HIGHEST_OF_7_BITS)
    return [
        helper.make_node("QuantizeLinear", [node.input[0], scale, zero], [codes]),
        _product([codes, whole, scale, scales, zero, zeros], node.output[0]),
    ]


def product_row_by_row(
    graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, seen: Activations | None, *, encoded: set[str]
) -> list[onnx.NodeProto]:
    """Nodes in place of a product: each row that flows in becomes numbers of 16 bits, by its largest.

    These are two bytes, coarse steps and fine ones, whose rows go through one product and are added up: so nothing
    is lost of what flows. Weights have one byte, rounded for such inputs, or two, of which the fine one is multiplied
    by coarse steps alone: fine by fine is less than what 16 bits round.

    Args:
        graph: Gets the constants.
        node: The product.
        weight: Its weights, float32 [inputs, outputs].
        seen: What flows in; None for weights of two bytes.
        encoded: The tensors that have been made bytes for another product; this one's is added.
    """
    x, y = node.input[0], node.output[0]
    one, highest, least, fine, middle, last = constants(graph, "rows", **_ROWS)
    nodes = []
    if x not in encoded:
        encoded.add(x)
        nodes = [
            helper.make_node("Abs", [x], [f"{x}_sizes"]),
            helper.make_node("ReduceMax", [f"{x}_sizes", last], [f"{x}_largest"], keepdims=1),
            helper.make_node("Mul", [f"{x}_largest", highest], [f"{x}_step_or_0"]),
            helper.make_node("Add", [f"{x}_step_or_0", least], [f"{x}_step"]),
            helper.make_node("Div", [x, f"{x}_step"], [f"{x}_steps"]),
            helper.make_node("QuantizeLinear", [f"{x}_steps", one, middle], [f"{x}_coarse"]),
            helper.make_node("DequantizeLinear", [f"{x}_coarse", one, middle], [f"{x}_rounded"]),
            helper.make_node("Sub", [f"{x}_steps", f"{x}_rounded"], [f"{x}_rest"]),
            helper.make_node("QuantizeLinear", [f"{x}_rest", fine, middle], [f"{x}_fine"]),
            helper.make_node("Concat", [f"{x}_coarse", f"{x}_fine"], [f"{x}_bytes"], axis=0),
        ]
    if seen is None:
        (whole, scales, zeros), rest = _two_bytes(graph, weight)
    else:
        (whole, scales, zeros), rest = _weights(graph, weight, seen, highest=_HIGHEST_OF_8_BITS), None
    nodes += [
        _product([f"{x}_bytes", whole, one, scales, middle, zeros], f"{y}_both"),
        helper.make_node("Split", [f"{y}_both"], [f"{y}_coarse", f"{y}_fine"], axis=0, num_outputs=2),
        helper.make_node("Mul", [f"{y}_fine", fine], [f"{y}_rest"]),
        helper.make_node("Add", [f"{y}_coarse", f"{y}_rest"], [f"{y}_steps"]),
    ]
    steps = f"{y}_steps"
    if rest is not None:
        nodes += [
            _product([f"{x}_coarse", rest[0], one, rest[1], middle, zeros], f"{y}_of_rests"),
            helper.make_node("Add", [steps, f"{y}_of_rests"], [f"{y}_all_steps"]),
        ]
        steps = f"{y}_all_steps"
    return [*nodes, helper.make_node("Mul", [steps, f"{x}_step"], [y])]


def _two_bytes(graph: onnx.GraphProto, weight: TensorProto) -> tuple[list[str], list[str]]:
    """The names of a weight's integers, scales and zeros, and of the integers and scales of what these leave."""
    matrix = numpy_helper.to_array(weight).T
    coarse = round_to_nearest(np.ascontiguousarray(matrix))
    fine = np.rint((matrix / coarse.scale - coarse.whole) * _FINE_STEPS).clip(-127, 127)
    names = constants(
        graph,
        weight.name,
        whole=np.ascontiguousarray(coarse.whole.T),
        scales=coarse.scale[:, 0],
        zeros=np.zeros(len(matrix), np.int8),
        rest=np.ascontiguousarray(fine.T.astype(np.int8)),
        rest_scales=coarse.scale[:, 0] / np.float32(_FINE_STEPS),
    )
    return names[:3], names[3:]


def _weights(graph: onnx.GraphProto, weight: TensorProto, seen: Activations, *, highest: int) -> list[str]:
    """The names of a weight's integers, of the scale of each output, and of its zeros."""
    names = [f"{weight.name}_{part}" for part in ("whole", "scales", "zeros")]
    if names[0] in {item.name for item in graph.initializer}:
        return names
    assert seen.moments is not None
    matrix = numpy_helper.to_array(weight)
    rounded = round_for_inputs(np.ascontiguousarray(matrix.T), seen.moments, highest=highest)
    return constants(
        graph,
        weight.name,
        whole=np.ascontiguousarray(rounded.whole.T),
        scales=rounded.scale[:, 0],
        zeros=np.zeros(matrix.shape[1], np.int8),
    )


def _product(inputs: list[str], output: str) -> onnx.NodeProto:
    return helper.make_node("MatMulIntegerToFloat", inputs, [output], domain=CONTRIBUTED)
