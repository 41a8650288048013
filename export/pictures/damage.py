"""Damage: pictures of which nearly all is there are read all the same, and what is missing is measured.

Viewers show pictures whose end is missing, and pictures whose metadata don't match their checksums.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

MOST_MISSING = 0.2
_LEAST_TOLD = 0.005
_MEASURED = ("JPEG", "MPO", "PNG", "TIFF", "BMP")
"""What Pillow calls the formats whose decoders leave what is missing empty, or make it up as JPEG's does."""

_PNG = b"\x89PNG\r\n\x1a\n"
_NEEDED_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf")
_END_OF_JPEG = b"\xff\xd9"
_FILLING = b"\x55" * 65_536
_DIFFERS_BY = 8.0


@contextmanager
def damage_allowed() -> Iterator[None]:
    """Let Pillow, which knows one setting for the whole process, decode what it can of damaged files."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def without_metadata(file: BinaryIO) -> BinaryIO | None:
    """The same PNG with the chunks alone that pixels need (PNG specification, third edition, section 4.7), and EXIF.

    None where the file is no PNG. A chunk that ends early is the last.
    """
    file.seek(0)
    if file.read(8) != _PNG:
        return None
    kept = io.BytesIO()
    kept.write(_PNG)
    while len(start := file.read(8)) == 8:
        rest = file.read(int.from_bytes(start[:4]) + 4)
        if start[4:] in _NEEDED_CHUNKS:
            kept.write(start + rest)
    return kept


def describe_damage(
    image: Image.Image, small: Image.Image, file: BinaryIO, wanted: int, refusal: Exception
) -> str | None:
    """What is missing of a picture that was decoded while damage was allowed, for people; None where nothing is.

    Args:
        image: As it was decoded.
        small: The same, smaller and opaque.
        file: Where it was decoded from.
        wanted: The side of the square that the decoder was asked for, as ``Image.draft`` takes it.
        refusal: Why it wasn't decoded while damage wasn't allowed.

    Raises:
        Exception: The refusal, where more than ``MOST_MISSING`` is missing.
    """
    if image.format not in _MEASURED:
        raise refusal
    missing = max(_share_left_empty(image), _share_made_up(small.convert("RGB"), file, wanted))
    if missing > MOST_MISSING:
        raise refusal
    if missing < _LEAST_TOLD:
        # What Pillow raises where pixels end early; it raises others at metadata.
        return "it ends early; the whole picture is there" if type(refusal) is OSError else None
    return f"its end is missing: {missing:.0%} of the picture"


def _share_left_empty(image: Image.Image) -> float:
    """How much of a picture's height lies above or below all that isn't zero: a decoder that gives up leaves it so."""
    _, top, _, bottom = image.getbbox(alpha_only=False) or (0, 0, 0, 0)
    return 1.0 - (bottom - top) / image.height


def _share_made_up(small: Image.Image, file: BinaryIO, wanted: int) -> float:
    """How much of a JPEG's height is not in its file.

    Where a file ends, the decoder makes rows up. They become others if the file goes on with something else.
    """
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return 0.0
    file.seek(0)
    other = Image.open(io.BytesIO(file.read() + _FILLING + _END_OF_JPEG))
    other.draft("RGB", (wanted, wanted))
    filled = other.convert("RGB").resize(small.size, Image.Resampling.BOX)
    differs = np.abs(_rows(small) - _rows(filled)).mean(1) > _DIFFERS_BY
    return float(1.0 - differs.argmax() / len(differs)) if differs.any() else 0.0


def _rows(image: Image.Image) -> NDArray[np.float32]:
    return np.asarray(image, np.float32).reshape(image.height, -1)
