"""Training pixels: photos held small in memory, and the random crops, flips and light of augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional


def load_pixels(paths: Sequence[Path], size: int) -> NDArray[np.uint8]:
    """Photos squashed to a square, as indexing does; uint8 [n, size, size, 3] RGB."""
    pixels = np.empty((len(paths), size, size, 3), np.uint8)
    for row, path in enumerate(paths):
        with Image.open(path) as image:
            pixels[row] = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
    return pixels


def to_input(pixels: NDArray[np.uint8]) -> Tensor:
    """float32 [n, 3, size, size] in [-1, 1], channels last in memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def augment(images: Tensor, size: int, random: np.random.Generator) -> Tensor:
    """Random crops of 55-100% of the area, mirrored or not, in another light.

    Args:
        images: float32 [n, 3, any, any] in [-1, 1].
        size: Side in pixels of what is returned.
        random: What the crops depend on.

    Returns:
        float32 [n, 3, size, size] in [-1, 1], channels last in memory.
    """
    count = len(images)
    area = random.uniform(0.55, 1.0, count)
    aspect = np.exp(random.uniform(-0.2, 0.2, count))
    height = np.minimum(1.0, np.sqrt(area * aspect))
    width = np.minimum(1.0, np.sqrt(area / aspect))
    mirrored = np.where(random.random(count) < 0.5, -1.0, 1.0)
    transform = np.zeros((count, 2, 3), np.float32)
    transform[:, 0, 0] = width * mirrored
    transform[:, 1, 1] = height
    transform[:, 0, 2] = random.uniform(-1, 1, count) * (1 - width)
    transform[:, 1, 2] = random.uniform(-1, 1, count) * (1 - height)
    grid = functional.affine_grid(torch.from_numpy(transform), [count, 3, size, size], align_corners=False)
    cropped = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast = torch.from_numpy(random.uniform(0.8, 1.25, (count, 1, 1, 1)).astype(np.float32))
    brightness = torch.from_numpy(random.uniform(-0.2, 0.2, (count, 1, 1, 1)).astype(np.float32))
    tint = torch.from_numpy(random.uniform(-0.05, 0.05, (count, 3, 1, 1)).astype(np.float32))
    lit = (cropped * contrast + brightness + tint).clamp_(-1.0, 1.0)
    return lit.contiguous(memory_format=torch.channels_last)
