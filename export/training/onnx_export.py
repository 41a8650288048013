"""From torch to ONNX: the captioner's graphs, and the proof that a graph agrees with its source.

Storage and arithmetic are separate choices. The captioner runs offline, so its weights are stored in 8 bits and
unfolded to float32 when the graph is loaded; the text encoder answers queries, so its weights stay quantised
(quantisation.py).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from export.errors import ModelError
from export.training.photo_model import PhotoModel
from handler.runtime import onnxruntime

OPSET = 18
CANDIDATES = 8
"""How many of the most probable next tokens the decoder's graph gives: the most beams there can be."""
_SMALL = 2_048
_PREFIX = "model."  # of a parameter's name, which is the attribute of _Vision and _Decoder
_WHOLE, _SCALE = "_int8", "_scale"


class _Vision(nn.Module):
    """uint8 photos as they come -> the visual view and the decoder's memory."""

    def __init__(self, model: PhotoModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        understood = self.model.understand_with_mirror(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0)
        return understood.visual, understood.memory


class _Decoder(nn.Module):
    """New tokens -> the most probable ones after the last of them, and the grown cache."""

    def __init__(self, model: PhotoModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, memory: Tensor, cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decoded = self.model.decode(tokens, memory, cache)
        best = decoded.logits[:, -1].log_softmax(-1).topk(CANDIDATES)
        return best.values, best.indices, decoded.cache


def export_vision(model: PhotoModel, path: Path, *, image_size: int) -> None:
    """Write pixels uint8 [n, image_size, image_size, 3] -> visual, memory, and check it."""
    shape = (2, image_size, image_size, 3)
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    _export(_Vision(model), {"pixels": pixels}, ("visual", "memory"), {"pixels": {0: "batch"}}, path, tolerance=1e-3)


def export_decoder(model: PhotoModel, path: Path) -> None:
    """Write tokens, memory, cache -> scores, candidates, grown; and check it."""
    shape = model.shape
    generator = torch.Generator().manual_seed(0)
    memory = torch.randn(2, shape.layers, 2, shape.heads, 5, shape.head_width, generator=generator)
    cache = torch.randn(4, shape.layers, 2, shape.heads, 3, shape.head_width, generator=generator)
    _export(
        _Decoder(model),
        {"tokens": torch.tensor([[5, 6], [7, 8], [9, 10], [11, 12]]), "memory": memory, "cache": cache},
        ("scores", "candidates", "grown"),
        {"tokens": {0: "rows", 1: "steps"}, "memory": {0: "photos", 4: "slots"}, "cache": {0: "rows", 4: "past"}},
        path,
        tolerance=1e-3,
    )


def store_in_8_bits(source: Path, target: Path) -> None:
    """Store every large weight as int8 with a scale for each of its rows, unfolded to float32 at load.

    A row, as torch keeps weights, is an output channel or a token. ONNX Runtime folds Cast and Mul
    of constants when it loads the graph, so that it computes in float32 at full speed from a file
    a quarter the size.
    """
    model = onnx.load(str(source))
    graph = model.graph
    unfolding: list[onnx.NodeProto] = []
    for item in list(graph.initializer):
        if item.data_type != TensorProto.FLOAT or np.prod(item.dims) < _SMALL or len(item.dims) < 2:
            continue
        weights = numpy_helper.to_array(item)
        columns = tuple(range(1, weights.ndim))
        scale = np.maximum(np.abs(weights).max(axis=columns, keepdims=True), 1e-12).astype(np.float32) / 127
        whole = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
        graph.initializer.remove(item)
        graph.initializer.append(numpy_helper.from_array(whole, item.name + _WHOLE))
        graph.initializer.append(numpy_helper.from_array(scale, item.name + _SCALE))
        unfolding.append(helper.make_node("Cast", [item.name + _WHOLE], [f"{item.name}_float"], to=TensorProto.FLOAT))
        unfolding.append(helper.make_node("Mul", [f"{item.name}_float", item.name + _SCALE], [item.name]))
    nodes = [*unfolding, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(target))


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of a graph that ``export_vision`` or ``export_decoder`` wrote, as they are stored or in 8 bits.

    Returns:
        float32 arrays by the names that the photo model's parameters have in torch.

    Raises:
        ModelError: the file is no graph.
    """
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf raises its own, the system another
        raise ModelError(f"{path} can't be read as ONNX: {error}") from error
    stored = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for name in [name.removesuffix(_WHOLE) for name in stored if name.endswith(_WHOLE)]:
        stored[name] = stored.pop(name + _WHOLE) * stored.pop(name + _SCALE)
    return {name.removeprefix(_PREFIX): weights for name, weights in stored.items() if name.startswith(_PREFIX)}


def _export(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: tuple[str, ...],
    dynamic: Mapping[str, Mapping[int, str]],
    path: Path,
    *,
    tolerance: float,
) -> None:
    """Export by tracing (whose graphs ONNX Runtime fuses best) and compare with torch.

    Numbers are compared, not the tokens that they belong to: those of all but the same score may change places.
    Nothing is folded, so that every weight keeps torch's name and shape (ONNX Runtime folds when it loads the graph).

    Raises:
        ModelError: the graph's outputs differ from torch's by more than ``tolerance``.
    """
    module.eval()
    batch_first = {name: {0: "batch"} for name in outputs}
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_axes={**{name: dict(axes) for name, axes in dynamic.items()}, **batch_first},
        opset_version=OPSET,
        do_constant_folding=False,
        dynamo=False,
    )
    with torch.no_grad():
        expected = module(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
        list(outputs), {name: value.numpy() for name, value in inputs.items()}
    )
    for name, want, got in zip(outputs, expected, found, strict=True):
        if not want.is_floating_point():
            continue
        worst = float(np.abs(want.numpy() - got).max())
        if not worst <= tolerance:
            path.unlink()
            raise ModelError(
                f"the exported {path.name} disagrees with torch: {name} differs by {worst:.2g}, "
                f"expected at most {tolerance:.2g}; it was removed"
            )
