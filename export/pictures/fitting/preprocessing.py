"""Preprocessing: how a model wants pictures, as its own processor says it: size, crop, interpolation, range.

It knows pictures and numbers, and no model. What transformers' and OpenCLIP's processors do is done here with Pillow,
step by step, so that workers need neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Resize = Literal["shortest", "longest", "squash"]
_MOST_SIDE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What is done with a picture.

    Attributes:
        resize: How it becomes as large as `size`: its shorter side, its longer side, or both, whatever its shape.
        size: Height and width in pixels.
        crop: Height and width in pixels of the middle that is taken afterwards; what is smaller gets a border.
        resample: How pixels are interpolated, as Pillow numbers it.
        rounds: Whether the middle is rounded to the closest pixel, as OpenCLIP does, or down, as transformers does.
        border: What the border is filled with, 0 to 255.
        scale: What each channel, 0 to 255, is multiplied by.
        offset: What is added to each then.
    """

    resize: Resize
    size: tuple[int, int]
    crop: tuple[int, int]
    resample: int
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    rounds: bool = False
    border: int = 0

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote; raises ValueError, KeyError or TypeError where it is something else."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        preprocessing = cls(**fields)
        sides = (*preprocessing.size, *preprocessing.crop)
        if not all(1 <= side <= _MOST_SIDE for side in sides):
            raise ValueError(f"sides of {sides} pixels (expected 1 to {_MOST_SIDE})")
        return preprocessing

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def picture_side(self) -> int:
        """Pixels that each side of a picture should have at least, so that it is resized with nothing lost."""
        return 2 * max(self.size)

    def apply(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Pictures, RGB, upright, in any shapes, as float32 [n, 3, height, width]."""
        return np.stack([self._apply(picture) for picture in pictures])

    def _apply(self, picture: Image.Image) -> NDArray[np.float32]:
        width, height = self._resized(picture.width, picture.height)
        pixels = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling(self.resample)))
        cropped = self._cropped(pixels).astype(np.float32)
        scaled = cropped * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height to which a picture is resized; what isn't whole is rounded as the processors do."""
        if self.resize == "squash":
            return self.size[1], self.size[0]
        if self.resize == "longest":
            factor = max(width, height) / max(self.size)
            return round(width / factor), round(height / factor)
        side = min(self.size)
        if width <= height:
            return side, int(side * height / width)
        return int(side * width / height), side

    def _cropped(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The middle, uint8 [*crop, 3]; where the picture ends before, the border."""
        height, width = self.crop
        if pixels.shape[:2] == self.crop:
            return pixels
        missing = (max(0, height - pixels.shape[0]), max(0, width - pixels.shape[1]))
        if any(missing):
            before = [(each // 2 if self.rounds else -(-each // 2)) for each in missing]
            around = [(first, each - first) for first, each in zip(before, missing, strict=True)]
            pixels = np.pad(pixels, (*around, (0, 0)), constant_values=self.border)
        top, left = (
            round((there - wanted) / 2) if self.rounds else (there - wanted) // 2
            for there, wanted in zip(pixels.shape, self.crop, strict=False)
        )
        return pixels[top : top + height, left : left + width]
