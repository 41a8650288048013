"""Quantisation: in how few bits the weights of a text encoder's graph are kept.

It knows graphs and matrices, nothing of torch. Matrix products become MatMulNBits, whose weights alone are rounded, or
static int8: products of integers, whose inputs are rounded by what was seen of them on some texts. With either, a text
has the same vector alone and in a batch; dynamic int8 has one scale for all texts of a batch. The table of the words
becomes GatherBlockQuantized.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.conversion.activations import Activations, Arrays, Tap, observe
from export.conversion.blocks import BLOCK, to_blocks
from export.conversion.rounding import round_for_inputs
from handler.runtime import onnxruntime

_SMALL = 2_048
WORDS = "input_ids"
"""What the names of tensors begin with that hold the numbers of words."""
_CONTRIBUTED = "com.microsoft"
_HIGHEST = 63
"""Of the weights of static int8, which have 7 bits: without VNNI, sums of two products with a byte are kept in 16."""
_ROUNDED_TO_INT8 = 4  # MatMulNBits' accuracy_level: blocks of what flows through it are rounded while it multiplies


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A choice of bits.

    Attributes:
        name: What it is called on the command line.
        products: Bits of the weights of matrix products, 4, 8 or 32 (float32).
        static: Of 8 bits, whether what flows through the graph is rounded too, by scales that are fixed.
        table: Bits of the table of words, 4, 8 or 32.
        dynamic: Instead of both, ONNX Runtime's dynamic int8 with a scale for each output channel.
        least_cosine: How far a vector may turn away from that in float32 before the result is refused.
    """

    name: str
    products: int = 32
    static: bool = False
    table: int = 32
    dynamic: bool = False
    least_cosine: float


FLOAT32 = Scheme(name="float32", least_cosine=0.9999)
DYNAMIC_INT8 = Scheme(name="dynamic-int8", dynamic=True, least_cosine=0.95)
BITS_8 = Scheme(name="8-bit", products=8, table=8, least_cosine=0.99)
BITS_8_TABLE_4 = Scheme(name="8-bit-table-4", products=8, table=4, least_cosine=0.95)
BITS_4_TABLE_8 = Scheme(name="4-bit-table-8", products=4, table=8, least_cosine=0.85)
BITS_4 = Scheme(name="4-bit", products=4, table=4, least_cosine=0.85)
STATIC_INT8 = Scheme(name="static-int8-table-4", products=8, static=True, table=4, least_cosine=0.85)
SCHEMES = (FLOAT32, DYNAMIC_INT8, BITS_8, BITS_8_TABLE_4, BITS_4_TABLE_8, BITS_4, STATIC_INT8)


def quantise(model: onnx.ModelProto, scheme: Scheme, texts: Iterable[Arrays] = ()) -> onnx.ModelProto:
    """A graph with its weights in the scheme's bits; the graph that is given stays as it is.

    Args:
        model: In float32.
        scheme: The bits.
        texts: The graph's inputs for some texts, one after the other, which a static scheme looks at.

    Raises:
        ValueError: The scheme is static and there are no texts.
    """
    if scheme.dynamic:
        return _dynamic(model)
    quantised = onnx.ModelProto()
    quantised.CopyFrom(model)
    graph = quantised.graph
    weights = {
        item.name: item
        for item in graph.initializer
        if item.data_type == TensorProto.FLOAT and len(item.dims) == 2 and np.prod(item.dims) >= _SMALL
    }
    products = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in weights]
    taps = {node.name: Tap(tensor=node.input[0], channels=-1) for node in products}
    seen = observe(model, taps, texts) if scheme.static else {}
    if scheme.static and seen.keys() != taps.keys():
        raise ValueError(f"the scheme {scheme.name} fixes its scales by what it sees of texts; found none")
    replaced: set[str] = set()
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node in products and scheme.products < 32:
            replaced.add(node.input[1])
            weight = weights[node.input[1]]
            if scheme.static:
                graph.node.append(_encode(graph, node, seen[node.name]))
                node = _product_of_integers(graph, node, weight, seen[node.name])
            else:
                node = _product_of_blocks(graph, node, weight, bits=scheme.products)
        elif node.op_type == "Gather" and node.input[0] in weights and _reads_words(node) and scheme.table < 32:
            replaced.add(node.input[0])
            node = _table_of_blocks(graph, node, weights[node.input[0]], bits=scheme.table)
        graph.node.append(node)
    used = {name for node in graph.node for name in node.input}
    for name in replaced - used:
        graph.initializer.remove(weights[name])
    _declare(quantised)
    return quantised


def write_graph(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph, its weights beside it (``encoder.bin`` beside ``encoder.onnx``), where they can be mapped."""
    weights = path.with_suffix(".bin")
    weights.unlink(missing_ok=True)  # onnx would append to it
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    onnx.save_model(
        copy,  # onnx takes the weights out of what it writes
        str(path),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=weights.name,
        size_threshold=1024,
    )
    weights.chmod(0o644)  # onnx writes it for its owner alone


def _reads_words(gather: onnx.NodeProto) -> bool:
    """Whether a Gather looks up words; the tables of positions and types are small, and touch every text."""
    return bool(gather.input[1].startswith(WORDS))


def _product_of_blocks(
    graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, *, bits: int
) -> onnx.NodeProto:
    matrix = numpy_helper.to_array(weight)
    width, rows = matrix.shape
    blocks = to_blocks(np.ascontiguousarray(matrix.T), bits=bits)
    names = _constants(graph, weight.name, codes=blocks.codes, scales=blocks.scales)
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], *names],
        list(node.output),
        name=node.name,
        domain=_CONTRIBUTED,
        K=width,
        N=rows,
        bits=bits,
        block_size=BLOCK,
        accuracy_level=_ROUNDED_TO_INT8,
    )


def _encode(graph: onnx.GraphProto, node: onnx.NodeProto, seen: Activations) -> onnx.NodeProto:
    """The node that rounds what flows into a product to bytes."""
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    step = np.float32(max(high - low, 1e-6) / 255)
    names = _constants(graph, node.name, step=np.array(step), zero=np.array(np.rint(-low / step), np.uint8))
    return helper.make_node("QuantizeLinear", [node.input[0], *names], [f"{node.name}_bytes"])


def _product_of_integers(
    graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, seen: Activations
) -> onnx.NodeProto:
    matrix = numpy_helper.to_array(weight)
    assert seen.moments is not None
    rounded = round_for_inputs(np.ascontiguousarray(matrix.T), seen.moments, highest=_HIGHEST)
    whole, scales, zeros = _constants(
        graph,
        weight.name,
        whole=np.ascontiguousarray(rounded.whole.T),
        scales=rounded.scale[:, 0],
        zeros=np.zeros(matrix.shape[1], np.int8),
    )
    inputs = [f"{node.name}_bytes", whole, f"{node.name}_step", scales, f"{node.name}_zero", zeros]
    return helper.make_node("MatMulIntegerToFloat", inputs, list(node.output), name=node.name, domain=_CONTRIBUTED)


def _table_of_blocks(graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, *, bits: int) -> onnx.NodeProto:
    table = numpy_helper.to_array(weight)
    blocks = to_blocks(table, bits=bits)
    rows, width = table.shape
    codes = blocks.codes.reshape(rows, -1)[:, : width * bits // 8]  # without the padding of the last block
    names = _constants(graph, weight.name, codes=np.ascontiguousarray(codes), scales=blocks.scales)
    return helper.make_node(
        "GatherBlockQuantized",
        [names[0], node.input[1], names[1]],
        list(node.output),
        name=node.name,
        domain=_CONTRIBUTED,
        bits=bits,
        block_size=BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )


def _constants(graph: onnx.GraphProto, name: str, **arrays: NDArray[np.generic]) -> list[str]:
    """Add what stands for a weight to the graph, unless another node that uses it has done so."""
    known = {item.name for item in graph.initializer}
    names = [f"{name}_{part}" for part in arrays]
    for full_name, array in zip(names, arrays.values(), strict=True):
        if full_name not in known:
            graph.initializer.append(numpy_helper.from_array(array, full_name))
    return names


def _declare(model: onnx.ModelProto) -> None:
    if all(opset.domain != _CONTRIBUTED for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_CONTRIBUTED, 1))


def _dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    assert onnxruntime  # handler.runtime loads it safely, and before anything of it is imported
    from onnxruntime.quantization import QuantType, quantize_dynamic

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with TemporaryDirectory() as folder:
        target = Path(folder) / "dynamic.onnx"
        logging.disable(logging.WARNING)  # of every operator whose types it doesn't know
        try:
            quantize_dynamic(
                copy,
                target,
                weight_type=QuantType.QInt8,
                per_channel=True,
                extra_options={"DefaultTensorType": TensorProto.FLOAT},
            )
        finally:
            logging.disable(logging.NOTSET)
        dynamic: onnx.ModelProto = onnx.load(str(target))
    return dynamic
