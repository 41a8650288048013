"""Tracing: a tower in torch becomes a graph of ONNX, in float32, whose vectors have unit norm.

It knows modules and graphs, not what they embed. What tracing leaves behind is simplified.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from export.conversion.activations import Arrays
from export.conversion.simplification import simplify
from export.errors import ModelError

OPSET = 18
_SIZES = ((2, 3), (5, 2))
"""Of the axes that may be longer or shorter, each with another size in the one run than in the other."""


class _Unit(nn.Module):
    """A tower whose vectors have unit norm."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, *inputs: Tensor) -> Tensor:
        return nn.functional.normalize(self.tower(*inputs), dim=-1)


def trace(
    tower: nn.Module, inputs: Mapping[str, Tensor], output: str, free: Mapping[str, Mapping[int, str]], *, name: str
) -> onnx.ModelProto:
    """The graph of a tower, in few nodes.

    Args:
        tower: Takes the inputs in their order.
        inputs: Examples of them, by the names that they get.
        output: What the vectors are called.
        free: Which axes of which inputs may be longer or shorter, and what they are called: two names at most.
        name: Of the model, for messages.

    Raises:
        ModelError: It can't be traced.
    """
    device = next(tower.parameters()).device
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of every constant that it makes of a shape
        path = Path(folder) / "tower.onnx"
        try:
            torch.onnx.export(
                _Unit(tower).eval(),
                tuple(each.to(device) for each in inputs.values()),
                str(path),
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes={**{each: dict(axes) for each, axes in free.items()}, output: {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )
            model: onnx.ModelProto = onnx.load(str(path))
        except Exception as error:  # torch's and onnx's own share no base
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{name} can't be exported ({type(error).__name__}: {reason})") from error
    known = {each.name for each in model.graph.input}
    for missing in inputs.keys() - known:  # an input that makes no difference is left out by the tracer
        shape = [free.get(missing, {}).get(axis, side) for axis, side in enumerate(inputs[missing].shape)]
        model.graph.input.append(onnx.helper.make_tensor_value_info(missing, onnx.TensorProto.INT64, shape))
    return simplify(model, _in_other_sizes(inputs, free))


def _in_other_sizes(inputs: Mapping[str, Tensor], free: Mapping[str, Mapping[int, str]]) -> Iterator[Arrays]:
    """Inputs like the examples, longer or shorter where they may be."""
    axes = dict.fromkeys(axis for of_input in free.values() for axis in of_input.values())
    for sizes in _SIZES:
        size_of = dict(zip(axes, sizes, strict=False))
        yield {
            name: np.resize(
                example.numpy(),
                [size_of.get(free.get(name, {}).get(axis, ""), side) for axis, side in enumerate(example.shape)],
            )
            for name, example in inputs.items()
        }
