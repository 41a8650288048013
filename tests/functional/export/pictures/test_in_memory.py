"""A photo that lies in memory alone is decoded as its file would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.errors import BrokenPhotoError
from export.pictures.decoding import DecodedPhoto, decode_photo
from tests.functional.export.pictures.test_decoding import EXTENSIONS
from tests.functional.export.pictures.test_raw_files import write_dng


def write(path: Path, file_format: str) -> None:
    if file_format == "raw":
        write_dng(path)
        return
    pixels = np.random.default_rng(7).integers(0, 256, (12, 16, 3), np.uint8)
    Image.fromarray(pixels).resize((640, 480)).save(path, file_format)


def decode_both(path: Path) -> tuple[DecodedPhoto, DecodedPhoto]:
    """From its file, and from memory once there is no file."""
    from_file, data = decode_photo(path, image_size=32), path.read_bytes()
    path.unlink()
    return from_file, decode_photo(path, image_size=32, data=data)


@pytest.mark.parametrize("file_format", [*EXTENSIONS, "raw"])
def test_every_format(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / ("photo.nef" if file_format == "raw" else f"photo.{EXTENSIONS[file_format]}")
    write(path, file_format)
    from_file, from_memory = decode_both(path)
    assert (from_memory.facts, from_memory.thumbnail) == (from_file.facts, from_file.thumbnail)
    assert np.array_equal(from_memory.pixels, from_file.pixels)


def test_a_photo_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    write(path, "JPEG")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 95 // 100])
    from_file, from_memory = decode_both(path)
    assert from_memory.facts == from_file.facts
    assert from_memory.facts.damage


def test_what_is_no_photo(tmp_path: Path) -> None:
    with pytest.raises(BrokenPhotoError, match="not an image: begins with b'no photo'"):
        decode_photo(tmp_path / "a.jpg", image_size=32, data=b"no photo")
