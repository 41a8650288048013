"""Quantisation: in how few bits the weights of an encoder's graph are kept.

It knows graphs and matrices, nothing of torch. Matrix products become MatMulNBits, whose weights alone are rounded, or
products of integers (integer_products.py), whose inputs are rounded by what was seen of them, or row by row. With any,
a text has the same vector alone and in a batch; dynamic int8 has one scale for all texts of a batch. The table of the
words becomes GatherBlockQuantized.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.conversion.activations import Arrays, Tap, observe
from export.conversion.blocks import BLOCK, to_blocks
from export.conversion.integer_products import (
    CONTRIBUTED,
    constants,
    product_by_fixed_scales,
    product_row_by_row,
)
from handler.runtime import onnxruntime

_SMALL = 2_048
WORDS = "input_ids"
"""What the names of tensors begin with that hold the numbers of words."""
_ROUNDED_TO_INT8 = 4  # MatMulNBits' accuracy_level: blocks of what flows through it are rounded while it multiplies


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A choice of bits.

    Attributes:
        name: What it is called on the command line.
        products: Bits of the weights of matrix products, 4, 8, 16 or 32 (float32).
        inputs: How what flows into products is rounded: "blocks" of a row, to 8 bits, while they are multiplied;
            "static", to 8 bits by scales that are fixed; or "rows", each to 16 bits. The last two need weights of 8,
            or for rows of 16.
        table: Bits of the table of words, 4, 8, 16 (float16) or 32.
        most_bytes: What the weights of products may take, where they have 16 bits; None for any. Of a larger graph the
            first ones have 16, as far as that goes, for what they are off by runs through all that follow; the others
            have 8, and so has the table.
        dynamic: Instead of both, ONNX Runtime's dynamic int8 with a scale for each output channel.
        least_cosine: How far a vector may turn away from that in float32 before the result is refused.
    """

    name: str
    products: int = 32
    inputs: Literal["blocks", "static", "rows"] = "blocks"
    table: int = 32
    most_bytes: int | None = None
    dynamic: bool = False
    least_cosine: float


FLOAT32 = Scheme(name="float32", least_cosine=0.9999)
DYNAMIC_INT8 = Scheme(name="dynamic-int8", dynamic=True, least_cosine=0.95)
BITS_8 = Scheme(name="8-bit", products=8, table=8, least_cosine=0.99)
BITS_8_TABLE_4 = Scheme(name="8-bit-table-4", products=8, table=4, least_cosine=0.95)
BITS_4_TABLE_8 = Scheme(name="4-bit-table-8", products=4, table=8, least_cosine=0.85)
BITS_4 = Scheme(name="4-bit", products=4, table=4, least_cosine=0.85)
STATIC_INT8 = Scheme(name="static-int8-table-4", products=8, inputs="static", table=4, least_cosine=0.85)
INT8_BY_INT16 = Scheme(name="int8-by-int16", products=8, inputs="rows", table=8, least_cosine=0.999)
INT16_BY_INT16 = Scheme(name="int16-by-int16", products=16, inputs="rows", table=16, least_cosine=0.9999)
INT16_IN_50_MB = Scheme(
    name="int16-in-50-mb", products=16, inputs="rows", table=16, most_bytes=50_000_000, least_cosine=0.999
)
SCHEMES = (
    FLOAT32,
    DYNAMIC_INT8,
    BITS_8,
    BITS_8_TABLE_4,
    BITS_4_TABLE_8,
    BITS_4,
    STATIC_INT8,
    INT8_BY_INT16,
    INT16_IN_50_MB,
)


def quantise(model: onnx.ModelProto, scheme: Scheme, runs: Iterable[Arrays] = ()) -> onnx.ModelProto:
    """A graph with its weights in the scheme's bits; the graph that is given stays as it is.

    Args:
        model: In float32.
        scheme: The bits.
        runs: The graph's inputs for some texts or pictures, run by run, which products of integers are made for.

    Raises:
        ValueError: The scheme is such a one and there are no runs.
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
    fine = _in_two_bytes(products, weights, scheme)
    table = 8 if scheme.table == 16 and not all(node.input[1] in fine for node in products) else scheme.table
    looked_at = [] if scheme.inputs == "blocks" else [node for node in products if node.input[1] not in fine]
    taps = {node.name: Tap(tensor=node.input[0], channels=-1) for node in looked_at}
    seen = observe(model, taps, runs) if taps else {}
    if seen.keys() != taps.keys():
        raise ValueError(f"the scheme {scheme.name} rounds for what it sees flow through the graph; found nothing")
    replaced: set[str] = set()
    encoded: set[str] = set()
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node in products and scheme.products < 32:
            replaced.add(node.input[1])
            weight = weights[node.input[1]]
            if scheme.inputs == "static":
                graph.node.extend(product_by_fixed_scales(graph, node, weight, seen[node.name]))
            elif scheme.inputs == "rows":
                graph.node.extend(product_row_by_row(graph, node, weight, seen.get(node.name), encoded=encoded))
            else:
                graph.node.append(_product_of_blocks(graph, node, weight, bits=scheme.products))
        elif node.op_type == "Gather" and node.input[0] in weights and _reads_words(node) and table < 32:
            replaced.add(node.input[0])
            if table == 16:
                graph.node.extend(_table_of_halves(graph, node, weights[node.input[0]]))
            else:
                graph.node.append(_table_of_blocks(graph, node, weights[node.input[0]], bits=table))
        else:
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


def _in_two_bytes(products: Sequence[onnx.NodeProto], weights: Mapping[str, TensorProto], scheme: Scheme) -> set[str]:
    """The names of the weights that have 16 bits: all of products, or the first for which a scheme has the bytes."""
    if scheme.products != 16:
        return set()
    sizes = {node.input[1]: int(np.prod(weights[node.input[1]].dims)) for node in products}
    if scheme.most_bytes is None:
        return set(sizes)
    spare = scheme.most_bytes - sum(sizes.values())
    return {name for name, reached in zip(sizes, accumulate(sizes.values()), strict=True) if reached <= spare}


def _reads_words(gather: onnx.NodeProto) -> bool:
    """Whether a Gather looks up words; the tables of positions and types are small, and touch every text."""
    return bool(gather.input[1].startswith(WORDS))


def _product_of_blocks(
    graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, *, bits: int
) -> onnx.NodeProto:
    matrix = numpy_helper.to_array(weight)
    width, rows = matrix.shape
    blocks = to_blocks(np.ascontiguousarray(matrix.T), bits=bits)
    names = constants(graph, weight.name, codes=blocks.codes, scales=blocks.scales)
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], *names],
        list(node.output),
        name=node.name,
        domain=CONTRIBUTED,
        K=width,
        N=rows,
        bits=bits,
        block_size=BLOCK,
        accuracy_level=_ROUNDED_TO_INT8,
    )


def _table_of_halves(graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto) -> list[onnx.NodeProto]:
    (name,) = constants(graph, weight.name, halves=numpy_helper.to_array(weight).astype(np.float16))
    found = f"{node.output[0]}_halves"
    return [
        helper.make_node("Gather", [name, node.input[1]], [found], name=node.name, axis=0),
        helper.make_node("Cast", [found], list(node.output), to=TensorProto.FLOAT),
    ]


def _table_of_blocks(graph: onnx.GraphProto, node: onnx.NodeProto, weight: TensorProto, *, bits: int) -> onnx.NodeProto:
    table = numpy_helper.to_array(weight)
    blocks = to_blocks(table, bits=bits)
    rows, width = table.shape
    codes = blocks.codes.reshape(rows, -1)[:, : width * bits // 8]  # without the padding of the last block
    names = constants(graph, weight.name, codes=np.ascontiguousarray(codes), scales=blocks.scales)
    return helper.make_node(
        "GatherBlockQuantized",
        [names[0], node.input[1], names[1]],
        list(node.output),
        name=node.name,
        domain=CONTRIBUTED,
        bits=bits,
        block_size=BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )


def _declare(model: onnx.ModelProto) -> None:
    if all(opset.domain != CONTRIBUTED for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIBUTED, 1))


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
