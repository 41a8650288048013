"""Looks: what a decoded image looks like, in a few bytes.

It knows pixels, nothing of files or of what a photo shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PLACEHOLDER_SIZE = (4, 3)
_GRADIENTS = 8


def placeholder(image: Image.Image) -> str:
    """The mean colours of a grid 4 wide and 3 high, row by row, as hexadecimal digits.

    Args:
        image: Of mode RGB, in sRGB.

    Example: an image that is red all over -> "ff0000" twelve times
    """
    return image.resize(PLACEHOLDER_SIZE, Image.Resampling.BOX).tobytes().hex()


def fingerprint(image: Image.Image) -> str:
    """128 bits: where brightness grows from each cell of a coarse grid to the next, to the right and downwards.

    The difference hash (N. Krawetz, "Kind of Like That", 2013) of both directions: copies of a photo that were scaled,
    compressed or brightened differ in few bits, other photos in about half of them.

    Returns:
        32 hexadecimal digits.
    """
    grey = image.convert("L")
    to_the_right = np.diff(_cells(grey, _GRADIENTS + 1, _GRADIENTS), axis=1) > 0
    downwards = np.diff(_cells(grey, _GRADIENTS, _GRADIENTS + 1), axis=0) > 0
    return np.packbits(np.concatenate([to_the_right, downwards], axis=None)).tobytes().hex()


def _cells(grey: Image.Image, width: int, height: int) -> NDArray[np.int16]:
    return np.asarray(grey.resize((width, height), Image.Resampling.BOX), dtype=np.int16)
