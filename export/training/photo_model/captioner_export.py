"""From torch to ONNX: the captioner's graphs, the proof that they agree with torch, and their arithmetic in 8 bits.

A graph is written twice. In float32 it is compared with torch and run on crops of the sample photographs; what is seen
of its activations then says how the graph that is shipped rounds weights and activations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor

from export.conversion.activations import Arrays, observe
from export.conversion.graph_writing import PREFIX, SCALE, WHOLE, FloatWriter, Int8Writer
from export.errors import ModelError
from export.training.photo_model.photo_graphs import CANDIDATES, POOLED, decoder_graph, view_graph, vision_graph
from export.training.photo_model.photo_model import PhotoModel, VisualHead
from export.understanding.beam_search import Decoding, decode
from export.understanding.onnx_sessions import Reader
from handler.runtime import onnxruntime

_TOLERANCE = 1e-3
_PHOTOS_PER_RUN = 4


def export_vision(model: PhotoModel, path: Path, *, pixels: NDArray[np.uint8]) -> None:
    """Write pixels uint8 [photos, size, size, 3] -> visual, memory, as ``vision_graph`` says, in 8 bits.

    Args:
        model: The trained photo model.
        path: The file.
        pixels: Photos by which activations are measured, uint8 [n, size, size, 3].

    Raises:
        ModelError: The graph in float32 disagrees with torch.
    """
    size = pixels.shape[1]
    writer = FloatWriter()
    graph = vision_graph(writer, model.eval(), image_size=size)
    random = _random_pixels(size)
    with torch.no_grad():
        seen = model.understand_as_served(_prepared(random))
    _compare(graph, {"pixels": random}, {"visual": seen.visual, "told": seen.names, **_by_layer("memory", seen.memory)})
    activations = observe(graph, writer.taps, ({"pixels": part} for part in _parts(pixels)))
    onnx.save_model(vision_graph(Int8Writer(activations), model, image_size=size), str(path))


def export_view(model: PhotoModel, *, pixels: NDArray[np.uint8]) -> onnx.ModelProto:
    """The graph of the visual view alone, as ``view_graph`` says, in 8 bits.

    Args:
        model: Of which the visual view is trained.
        pixels: As ``export_vision`` takes them.

    Raises:
        ModelError: The graph in float32 disagrees with torch.
    """
    size = pixels.shape[1]
    writer = FloatWriter()
    graph = view_graph(writer, model.eval(), image_size=size)
    prepared = _prepared(_random_pixels(size))
    with torch.no_grad():
        visual = model.hubness(model.visual_head(VisualHead.pool(model.backbone(prepared))))
    _compare(graph, {"pixels": prepared.numpy()}, {"visual": visual})
    activations = observe(graph, writer.taps, ({"pixels": _prepared(part).numpy()} for part in _parts(pixels)))
    return view_graph(Int8Writer(activations), model, image_size=size)


def _random_pixels(size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)


def _prepared(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1.0


def _parts(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    return (pixels[start : start + _PHOTOS_PER_RUN] for start in range(0, len(pixels), _PHOTOS_PER_RUN))


def pooled_as_served(path: Path, pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    """What the visual head reads, as it is served.

    Args:
        path: What ``export_vision`` wrote.
        pixels: Photos, uint8 [n, size, size, 3].

    Yields:
        Of some photos after the other, float32 [photos, 2560].
    """
    graph = onnx.load(str(path))
    graph.graph.output.append(helper.make_empty_tensor_value_info(POOLED))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for start in range(0, len(pixels), _PHOTOS_PER_RUN):
        part = np.ascontiguousarray(pixels[start : start + _PHOTOS_PER_RUN])
        (pooled,) = session.run([POOLED], {"pixels": part})
        yield pooled


def export_decoder(
    model: PhotoModel, path: Path, *, pixels: NDArray[np.uint8], prefixes: Sequence[Sequence[int]], end_id: int
) -> None:
    """Write tokens, parents, memory, cache -> scores, candidates, grown, as ``decoder_graph`` says, in 8 bits.

    Args:
        model: The trained photo model.
        path: The file.
        pixels: Photos by whose answers activations are measured, uint8 [n, size, size, 3].
        prefixes: The tokens of each instruction that it answers.
        end_id: The token that ends an answer.

    Raises:
        ModelError: The graph in float32 disagrees with torch.
    """
    writer = FloatWriter()
    graph = decoder_graph(writer, model.eval())
    _compare_decoder(model, graph)
    answered = _answers(model, graph, pixels, prefixes, end_id=end_id)
    onnx.save_model(decoder_graph(Int8Writer(observe(graph, writer.taps, answered)), model), str(path))


def _compare_decoder(model: PhotoModel, graph: onnx.ModelProto) -> None:
    shape = model.shape
    generator = torch.Generator().manual_seed(0)
    memory = torch.randn(2, shape.layers, 2, shape.heads, 5, shape.head_width, generator=generator)
    cache = torch.randn(4, shape.layers, 2, shape.heads, 3, shape.head_width, generator=generator)
    tokens, parents = torch.tensor([[5, 6], [7, 8], [9, 10], [11, 12]]), torch.tensor([1, 0, 3, 3])
    with torch.no_grad():
        decoded = model.decode(tokens, memory, cache[parents])
    given = {"tokens": tokens.numpy(), "parents": parents.numpy()}
    states = {**_by_layer("memory", memory), **_by_layer("cache", cache)}
    # Tokens aren't compared: those of all but the same score may change places.
    scores = decoded.logits[:, -1].log_softmax(-1).topk(CANDIDATES).values
    expected = {"scores": scores, **_by_layer("grown", decoded.cache)}
    _compare(graph, given | {name: tensor.numpy() for name, tensor in states.items()}, expected)


def _answers(
    model: PhotoModel,
    graph: onnx.ModelProto,
    pixels: NDArray[np.uint8],
    prefixes: Sequence[Sequence[int]],
    *,
    end_id: int,
) -> Iterator[Arrays]:
    """What the decoder reads of some photos: each instruction and the answer to it, at once."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for number, photo in enumerate(pixels):
        with torch.no_grad():
            images = torch.from_numpy(photo[None]).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            memory = model.understand_as_served(images).memory
        states = _by_layer("memory", memory)
        prefix = prefixes[number % len(prefixes)]
        reader = Reader(session, {name: tensor.numpy() for name, tensor in states.items()})
        limit = model.shape.max_tokens - len(prefix)
        decoding = Decoding(beams=1, max_new_tokens=limit)
        ((answer,),) = decode(reader, prefix, 1, end_id=end_id, decoding=decoding)
        states |= _by_layer("cache", model.empty_cache(1))
        read = np.array([[*prefix, *answer.tokens]], np.int64)
        yield {"tokens": read, "parents": np.zeros(1, np.int64)} | {
            name: tensor.numpy() for name, tensor in states.items()
        }


def _by_layer(role: str, tensor: Tensor) -> dict[str, Tensor]:
    """Memory or cache [rows, layers, 2, heads, length, head_width] as the tensors that graphs take."""
    return {
        f"{role}.{layer}.{part}": tensor[:, layer, number].contiguous()
        for layer in range(tensor.shape[1])
        for number, part in enumerate(("keys", "values"))
    }


def _compare(graph: onnx.ModelProto, given: Arrays, expected: Mapping[str, Tensor]) -> None:
    """Raises ModelError where an output differs from torch's by more than ``_TOLERANCE``."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for name, found in zip(expected, session.run(list(expected), dict(given)), strict=True):
        worst = float(np.abs(expected[name].numpy() - found).max())
        if not worst <= _TOLERANCE:
            raise ModelError(
                f"the exported {graph.graph.name} disagrees with torch: {name} differs by {worst:.2g}, "
                f"expected at most {_TOLERANCE:.2g}; nothing was written"
            )


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of a graph that ``export_vision`` or ``export_decoder`` wrote.

    Returns:
        float32 arrays by the names that the photo model's parameters have in torch.

    Raises:
        ModelError: The file is no graph.
    """
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf raises its own, the system another
        raise ModelError(f"{path} can't be read as ONNX: {error}") from error
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for name in [name.removesuffix(WHOLE) for name in stored if name.endswith(WHOLE)]:
        stored[name] = stored.pop(name + WHOLE) * stored.pop(name + SCALE)
    return {name.removeprefix(PREFIX): weights for name, weights in stored.items() if name.startswith(PREFIX)}
