"""The vision backbone: MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) up to its last feature map.

It has no batch normalisation: the pretrained weights have its scales folded in.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from export.errors import ModelError

GRID_WIDTH = 1280
CELL_PIXELS = 32

_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class PaddedConvolution(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, which the pretrained weights expect, and maybe ReLU6."""

    def __init__(self, source: int, target: int, size: int, stride: int, groups: int, *, activate: bool) -> None:
        super().__init__(source, target, size, stride, padding=size // 2 if stride == 1 else 0, groups=groups)
        self.activate = activate

    @property
    def zeros(self) -> tuple[int, int]:
        """How many zeros are put before and behind each row and column."""
        return (0, 1) if self.stride[0] == 2 else (self.kernel_size[0] // 2,) * 2

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 2:
            x = functional.pad(x, self.zeros * 2)
        x = super().forward(x)
        return functional.relu6(x) if self.activate else x


class InvertedResidual(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, source: int, target: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = source * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(PaddedConvolution(source, hidden, 1, 1, 1, activate=True))
        layers.append(PaddedConvolution(hidden, hidden, 3, stride, hidden, activate=True))
        layers.append(PaddedConvolution(hidden, target, 1, 1, 1, activate=False))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and source == target

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Backbone(nn.Module):
    """MobileNetV2 1.0 up to its last feature map: [n, 3, size, size] in [-1, 1] -> [n, 1280, size/32, size/32]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [PaddedConvolution(3, 32, 3, 2, 1, activate=True)]
        channels = 32
        for expansion, target, repeats, stride in _BLOCKS:
            for repeat in range(repeats):
                layers.append(InvertedResidual(channels, target, stride if repeat == 0 else 1, expansion))
                channels = target
        layers.append(PaddedConvolution(channels, GRID_WIDTH, 1, 1, 1, activate=True))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        grid: Tensor = self.layers(x)
        return grid

    def load_onnx(self, path: Path) -> None:
        """Start from the weights of an ONNX MobileNetV2 1.0 with folded batch normalisation.

        Raises:
            ModelError: the file is missing or its convolutions are others.
        """
        if not path.is_file():
            raise ModelError(f"{path} is missing; --data wants MobileNetV2 there (see export/README.md)")
        graph = onnx.load(str(path)).graph
        arrays = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        found = [node.input[1:3] for node in graph.node if node.op_type == "Conv"]
        targets = [module for module in self.modules() if isinstance(module, PaddedConvolution)]
        if len(found) < len(targets):
            raise ModelError(
                f"{path} has {len(found)} convolutions, expected {len(targets)} or more as in MobileNetV2 1.0"
            )
        for position, convolution in enumerate(targets):
            weight, bias = (torch.from_numpy(arrays[name].copy()) for name in found[position])
            if weight.shape != convolution.weight.shape:
                raise ModelError(
                    f"{path}: convolution {position} is {tuple(weight.shape)}, "
                    f"expected {tuple(convolution.weight.shape)} as in MobileNetV2 1.0"
                )
            convolution.weight.data.copy_(weight)
            assert convolution.bias is not None
            convolution.bias.data.copy_(bias)
