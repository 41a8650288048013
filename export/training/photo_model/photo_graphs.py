"""The two graphs of a captioner: what the photo model computes, node by node.

``vision_graph``: pixels -> the visual view and the decoder's memory, run once a photo. ``decoder_graph``: tokens,
memory and cache -> the best next tokens and the grown cache, run once a token. Keys and values of each layer are
tensors of their own, so that nothing is copied but what grows. ``view_graph``: the visual view without a captioner.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper
from torch import nn

from export.conversion.graph_writing import CONTRIBUTED, Convolution, FloatWriter
from export.training.photo_model.backbone import CELL_PIXELS, GRID_WIDTH, Backbone, InvertedResidual, PaddedConvolution
from export.training.photo_model.hubness import SHARE, TEMPERATURE, Hubness
from export.training.photo_model.photo_model import NAME_TEMPERATURE, PhotoModel

_PARTS = ("keys", "values")
POOLED = "pooled"
"""What the visual head reads, in a vision graph: float32 [photos, 2560]."""
CANDIDATES = 8
"""How many of the most probable next tokens the decoder's graph gives: the most beams there can be."""


def vision_graph(writer: FloatWriter, model: PhotoModel, *, image_size: int) -> onnx.ModelProto:
    """Pixels uint8 [photos, image_size, image_size, 3] -> visual view and memory."""
    shape = model.shape
    levels = writer.node("Cast", [writer.node("Transpose", ["pixels"], perm=[0, 3, 1, 2])], to=TensorProto.FLOAT)
    halves = writer.node("Div", [levels, writer.constant(127.5)])
    image = writer.node("Sub", [halves, writer.constant(1.0)], "image")
    grid = writer.real(_backbone(writer, image, model.backbone))
    _visual(writer, grid, model)
    _memory(writer, grid, model, image_size=image_size)
    told = helper.make_tensor_value_info("told", TensorProto.FLOAT, ["photos", shape.names])
    photos = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["photos", image_size, image_size, 3])
    return writer.model("vision", [photos], [_view(model), told, *_heads("memory", "photos", "slots", model)])


def view_graph(writer: FloatWriter, model: PhotoModel, *, image_size: int) -> onnx.ModelProto:
    """Pixels float32 [photos, 3, image_size, image_size] in [-1, 1] -> visual view alone."""
    _visual(writer, writer.real(_backbone(writer, "pixels", model.backbone)), model)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["photos", 3, image_size, image_size])
    return writer.model("view", [pixels], [_view(model)])


def _view(model: PhotoModel) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("visual", TensorProto.FLOAT, ["photos", model.shape.dim])


def _backbone(writer: FloatWriter, x: str, backbone: Backbone) -> str:
    for name, layer in backbone.layers.named_children():
        name = f"backbone.layers.{name}"
        if isinstance(layer, PaddedConvolution):
            x = writer.convolve(x, _convolution(name, layer))
            continue
        assert isinstance(layer, InvertedResidual)
        y = x
        for part, module in layer.layers.named_children():
            assert isinstance(module, PaddedConvolution)
            y = writer.convolve(y, _convolution(f"{name}.layers.{part}", module))
        x = writer.add(x, y, f"{name}.sum") if layer.residual else y
    return x


def _convolution(name: str, module: PaddedConvolution) -> Convolution:
    before, after = module.zeros
    return Convolution(name=name, module=module, pads=(before, before, after, after), activate=module.activate)


def _visual(writer: FloatWriter, grid: str, model: PhotoModel) -> None:
    head = model.visual_head
    over_cells = [writer.node(by, [grid, writer.constant([2, 3])], keepdims=0) for by in ("ReduceMean", "ReduceMax")]
    pooled = writer.node("Concat", over_cells, POOLED, axis=1)
    normal = writer.normalise(pooled, "visual_head.norm", head.norm)
    hidden = writer.node("Gelu", [_gemm(writer, normal, "visual_head.hidden", head.hidden)], domain=CONTRIBUTED)
    parts = [f"visual_head.part.{number}" for number in range(len(head.project))]
    writer.nodes("Split", [hidden], parts, axis=1, num_outputs=len(parts))
    members = []
    for number, part in enumerate(parts):
        project = head.project[number]
        assert isinstance(project, nn.Linear)
        members.append(_unit(writer, _gemm(writer, part, f"visual_head.project.{number}", project)))
    seen = _unit(writer, writer.node("Sum", members), "seen")
    _without_hubness(writer, seen, model.hubness)


def _without_hubness(writer: FloatWriter, seen: str, hubness: Hubness) -> None:
    """What ``Hubness`` computes, in float32: it is a few vectors' products."""
    bank, direction, level = (writer.weight(f"hubness.{part}", of) for part, of in hubness.named_buffers())
    closeness = writer.node("Gemm", [seen, bank], transB=1, alpha=1.0 / TEMPERATURE)
    sums = writer.node("ReduceLogSumExp", [closeness, writer.constant([1])], keepdims=1)
    nearness = writer.node("Mul", [sums, writer.constant(TEMPERATURE)])
    offset = writer.node("Mul", [writer.node("Sub", [nearness, level]), writer.constant(SHARE)])
    _unit(writer, writer.node("Sub", [seen, writer.node("Mul", [offset, direction])]), "visual")


def _gemm(writer: FloatWriter, x: str, name: str, linear: nn.Linear) -> str:
    """A linear layer in float32: of vectors for search, which are few."""
    weights = [writer.weight(f"{name}.{part}", tensor) for part, tensor in linear.named_parameters()]
    return writer.node("Gemm", [x, *weights], transB=1)


def _unit(writer: FloatWriter, x: str, output: str = "") -> str:
    return writer.node("LpNormalization", [x], output, p=2, axis=-1)


def _memory(writer: FloatWriter, grid: str, model: PhotoModel, *, image_size: int) -> None:
    shape = model.shape
    columns = writer.node("Reshape", [grid, writer.constant([0, GRID_WIDTH, -1])])
    rows = writer.node("Transpose", [columns], perm=[0, 2, 1])
    cells = writer.node(
        "Add", [_linear(writer, rows, "cell_projection", model.cell_projection), _places(writer, model, image_size)]
    )
    bank = writer.weight("names", model.names)
    near = writer.node("Gemm", ["seen", bank], transB=1, alpha=1.0 / NAME_TEMPERATURE)
    said = writer.node("MatMul", [writer.node("Softmax", [near], "told", axis=-1), bank])
    vectors = (("visual", "seen", model.visual_projection), ("name", said, model.name_projection))
    first = [_slot(writer, f"{of}_projection", vector, by, f"{of}_embedding", model) for of, vector, by in vectors]
    slots = writer.node("Concat", [*first, cells], axis=1)
    parts = _linear(writer, writer.normalise(slots, "memory_norm", model.memory_norm), "memory_in", model.memory_in)
    names = _names("memory", model)
    heads = writer.constant([0, 0, shape.heads, shape.head_width])
    split = writer.nodes("Split", [parts], [f"{name}.part" for name in names], axis=2, num_outputs=len(names))
    for part, name in zip(split, names, strict=True):
        writer.node("Transpose", [writer.node("Reshape", [part, heads])], name, perm=[0, 2, 1, 3])


def _slot(writer: FloatWriter, name: str, vector: str, projection: nn.Linear, embedding: str, model: PhotoModel) -> str:
    """A slot of the memory for one vector: [photos, 1, width]."""
    projected = _gemm(writer, vector, name, projection)
    slot = writer.node("Add", [projected, writer.weight(embedding, model.get_parameter(embedding))])
    return writer.node("Unsqueeze", [slot, writer.constant([1])])


def _places(writer: FloatWriter, model: PhotoModel, image_size: int) -> str:
    """What tells the cells apart: [cells, width], for a grid of another size than in training resampled."""
    width, trained_side = model.shape.width, model.shape.trained_side
    places = writer.weight("cell_embedding", model.cell_embedding)
    if (side := image_size // CELL_PIXELS) != trained_side:
        places = writer.node("Reshape", [places, writer.constant([1, width, trained_side, trained_side])])
        sizes = writer.constant([1, width, side, side])
        places = writer.node("Resize", [places, "", "", sizes], mode="cubic")
    columns = writer.node("Reshape", [places, writer.constant([width, -1])])
    return writer.node("Transpose", [columns], perm=[1, 0])


def decoder_graph(writer: FloatWriter, model: PhotoModel) -> onnx.ModelProto:
    """tokens, parents, memory, cache -> scores, candidates, grown.

    tokens: int64 [rows, steps], what comes next; as many rows for each photo, photo by photo. parents: int64 [rows],
    of which row of the cache each goes on. scores, candidates: [rows, ``CANDIDATES``], log probabilities of the most
    probable next tokens, best first, and those tokens.
    """
    shape = model.shape
    words = writer.rows("token_embedding.weight", model.token_embedding.weight, "tokens")
    past = writer.node("Shape", ["cache.0.keys"], start=2, end=3)
    end = writer.node("Add", [past, writer.node("Shape", ["tokens"], start=1, end=2)])
    positions = writer.weight("position_embedding", model.position_embedding)
    x = writer.node("Add", [words, writer.node("Slice", [positions, past, end])])
    normal = writer.normalise(x, "layers.0.norm_self", model.decoder_layer(0).norm_self)
    for number in range(shape.layers):
        normal_before_next = f"layers.{number + 1}.norm_self" if number + 1 < shape.layers else "norm"
        following = model.decoder_layer(number + 1).norm_self if number + 1 < shape.layers else model.norm
        x, fed = _layer(writer, x, normal, number, model)
        x, normal = writer.normalise_sum(x, fed, normal_before_next, following)
    last = writer.node("Gather", [normal, writer.constant(-1)], axis=1)
    logits = writer.product(last, "token_embedding", model.token_embedding.weight, None)
    probabilities = writer.node("LogSoftmax", [logits], axis=-1)
    writer.nodes("TopK", [probabilities, writer.constant([CANDIDATES])], ["scores", "candidates"])
    return writer.model("decoder", _decoder_inputs(model), _decoder_outputs(model))


def _layer(writer: FloatWriter, x: str, normal: str, number: int, model: PhotoModel) -> tuple[str, str]:
    """One layer up to its last sum: what came in and was attended to, and what is to be added to it."""
    name, layer, heads = f"layers.{number}", model.decoder_layer(number), model.shape.heads
    together = _linear(writer, normal, f"{name}.self_in", layer.self_in)
    split = [f"{name}.{part}" for part in ("query", "key", "value")]
    query, key, value = writer.nodes("Split", [together], split, axis=2, num_outputs=3)
    kept = [writer.node("Gather", [f"cache.{number}.{part}", "parents"]) for part in _PARTS]
    attended, *_ = writer.nodes(
        "MultiHeadAttention",
        [query, key, value, "", "", "", *kept],
        [f"{name}.attended", *(f"grown.{number}.{part}" for part in _PARTS)],
        domain=CONTRIBUTED,
        num_heads=heads,
        unidirectional=1,
    )
    x, normal = writer.normalise_sum(
        x, _linear(writer, attended, f"{name}.self_out", layer.self_out), f"{name}.norm_photo", layer.norm_photo
    )
    query = _linear(writer, normal, f"{name}.photo_query", layer.photo_query)
    photos = writer.node("Shape", ["memory.0.keys"], start=0, end=1)
    by_photo = writer.node("Concat", [photos, writer.constant([-1, model.shape.width])], axis=0)
    query = writer.node("Reshape", [query, by_photo])
    memory = [f"memory.{number}.{part}" for part in _PARTS]
    seen = writer.node("MultiHeadAttention", [query, *memory], domain=CONTRIBUTED, num_heads=heads)
    seen = writer.node("Reshape", [seen, writer.node("Shape", [x])])
    x, normal = writer.normalise_sum(
        x, _linear(writer, seen, f"{name}.photo_out", layer.photo_out), f"{name}.norm_feed", layer.norm_feed
    )
    widened = writer.product(normal, f"{name}.feed_in", layer.feed_in.weight, None)
    bias = writer.weight(f"{name}.feed_in.bias", layer.feed_in.bias)
    hidden = writer.node("BiasGelu", [widened, bias], domain=CONTRIBUTED)
    return x, _linear(writer, hidden, f"{name}.feed_out", layer.feed_out)


def _linear(writer: FloatWriter, x: str, name: str, linear: nn.Linear) -> str:
    return writer.product(x, name, linear.weight, linear.bias)


def _decoder_inputs(model: PhotoModel) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, ["rows", "steps"]),
        helper.make_tensor_value_info("parents", TensorProto.INT64, ["rows"]),
        *_heads("memory", "photos", "slots", model),
        *_heads("cache", "rows before", "past", model),
    ]


def _decoder_outputs(model: PhotoModel) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", CANDIDATES]),
        helper.make_tensor_value_info("candidates", TensorProto.INT64, ["rows", CANDIDATES]),
        *_heads("grown", "rows", "read", model),
    ]


def _heads(role: str, first: str, length: str, model: PhotoModel) -> list[onnx.ValueInfoProto]:
    """Keys and values of each layer: [first, heads, length, head_width]."""
    sizes: Sequence[str | int] = [first, model.shape.heads, length, model.shape.head_width]
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in _names(role, model)]


def _names(role: str, model: PhotoModel) -> list[str]:
    return [f"{role}.{layer}.{part}" for layer in range(model.shape.layers) for part in _PARTS]
