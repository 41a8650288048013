"""Patching: a picture in its own shape becomes patches, each with its place, as SigLIP 2's NaFlex takes them.

It knows pictures and numbers, and no model. What transformers' processor does is done here with Pillow, step by step.
Where a patch lies among the others decides what the model adds to it: its table of places, which is a square, is
stretched to the picture's rows and columns of patches. So each patch carries how much of each row and column of the
table it gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.pictures.fitting.preprocessing import Preprocessing

_MOST_PATCHES, _MOST_PATCH = 4_096, 64
_CLOSE = 1e-5
"""How exactly the largest scale is looked for, and where that ends: as in transformers' image_processing_siglip2.py."""
_LARGEST_SCALE = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patching:
    """What is done with a picture.

    Attributes:
        patch: Side of a patch in pixels.
        patches: How many a picture has at most; what is left of them is empty.
        grid: Rows and columns of the model's table of places.
        resample: How pixels are interpolated, as Pillow numbers it.
        scale: What each channel, 0 to 255, is multiplied by.
        offset: What is added to each then.
    """

    patch: int
    patches: int
    grid: int
    resample: int
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote; raises ValueError, KeyError or TypeError where it is something else."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        patching = cls(**fields)
        if not (1 <= patching.patch <= _MOST_PATCH and 1 <= patching.patches <= _MOST_PATCHES):
            raise ValueError(
                f"{patching.patches} patches of {patching.patch} pixels (expected at most {_MOST_PATCHES} of "
                f"{_MOST_PATCH})"
            )
        return patching

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def crop(self) -> tuple[int, int]:
        """Height and width in pixels of a picture that is a square."""
        side = math.isqrt(self.patches) * self.patch
        return side, side

    @property
    def picture_side(self) -> int:
        """Pixels that each side of a picture should have at least, so that it is resized with nothing lost."""
        return 2 * max(self.crop)

    def apply(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Pictures, RGB, upright, in any shapes, as float32 [n, patches, 3 * patch * patch + 2 * grid].

        Of each patch the pixels come first, row by row, then what it gets of each row of the table, and of each column.
        """
        return np.stack([self._apply(picture) for picture in pictures])

    def _apply(self, picture: Image.Image) -> NDArray[np.float32]:
        rows, columns = self.shape(picture.width, picture.height)
        size = (columns * self.patch, rows * self.patch)
        pixels = np.asarray(picture.convert("RGB").resize(size, Image.Resampling(self.resample)), np.float32)
        scaled = pixels * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)
        cut = scaled.reshape(rows, self.patch, columns, self.patch, 3).transpose(0, 2, 1, 3, 4)
        of_rows = np.repeat(_stretched(self.grid, rows), columns, axis=0)
        of_columns = np.tile(_stretched(self.grid, columns), (rows, 1))
        there = np.concatenate([cut.reshape(rows * columns, -1), of_rows, of_columns], axis=1)
        return np.pad(there, ((0, self.patches - len(there)), (0, 0)))

    def shape(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of patches of a picture of so many pixels: as many as there may be, in its own shape.

        Example, of at most 256 patches of 16 pixels: 640 x 480 pixels -> (14, 18)
        """

        def at(scale: float) -> tuple[int, int]:
            rows, columns = (max(1, math.ceil(side * scale / self.patch)) for side in (height, width))
            return rows, columns

        low, high = _CLOSE / 10, _LARGEST_SCALE
        while high - low >= _CLOSE:
            middle = (low + high) / 2
            rows, columns = at(middle)
            low, high = (middle, high) if rows * columns <= self.patches else (low, middle)
        return at(low)


def preparation(document: dict[str, Any]) -> Preprocessing | Patching:
    """What ``to_json`` of either wrote; raises as ``from_json`` does."""
    return Patching.from_json(document) if "patches" in document else Preprocessing.from_json(document)


def _stretched(grid: int, count: int) -> NDArray[np.float32]:
    """How much each of `count` gets of each of `grid`, as pictures are resized: float32 [count, grid], of row sum 1."""
    each = Image.fromarray(np.eye(grid, dtype=np.float32))
    return np.asarray(each.resize((grid, count), Image.Resampling.BILINEAR), np.float32)
