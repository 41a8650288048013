"""Raw files of cameras are read by their previews; the tests make the plainest of them, a DNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from export.errors import BrokenPhotoError
from export.pictures.decoding import DecodedPhoto, decode_photo


def write_dng(path: Path, *, orientation: int = 1, preview: bool = True) -> Path:
    """A sensor of 320 x 240 that saw a dark left and a light right half, with a preview of 160 x 120 (DNG 1.4)."""
    sensor = np.full((240, 320), 1_000, np.uint16)
    sensor[:, 160:] = 15_000
    identity = sum((((1, 1) if row == column else (0, 1)) for row in range(3) for column in range(3)), ())
    tags = [
        (274, "H", 1, orientation, True),
        (50706, "B", 4, (1, 4, 0, 0), True),  # DNGVersion
        (50708, "s", 0, "Thinlens 1", True),  # UniqueCameraModel
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, (0, 1, 1, 2), True),  # CFAPattern
        (50721, "2i", 9, identity, True),  # ColorMatrix1
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1
        (50717, "I", 1, 16_383, True),  # WhiteLevel
    ]
    with tifffile.TiffWriter(path) as file:
        file.write(
            sensor,
            photometric=32803,
            extratags=tags,
            datetime="2015:08:22 10:08:19",
            metadata=None,
            subifds=1 if preview else 0,
        )
        if preview:
            seen = (sensor[::2, ::2, None] // 64).astype(np.uint8).repeat(3, 2)
            file.write(seen, photometric="rgb", subfiletype=1, metadata=None)
    return path


def read(path: Path) -> DecodedPhoto:
    return decode_photo(path, image_size=32)


@pytest.mark.parametrize("suffix", ["dng", "nef", "ARW"])
@pytest.mark.parametrize("preview", [True, False])
def test_the_preview_or_what_is_developed_is_the_photo(tmp_path: Path, suffix: str, preview: bool) -> None:
    photo = read(write_dng(tmp_path / f"photo.{suffix}", preview=preview))
    assert (photo.facts.width, photo.facts.height, photo.facts.type) == (320, 240, "raw")
    assert photo.facts.taken == "2015-08-22T10:08:19"
    assert photo.pixels[:, :12].mean() < 110 < 180 < photo.pixels[:, 20:].mean()


@pytest.mark.parametrize(("orientation", "dark"), [(6, "top"), (8, "bottom")])
@pytest.mark.parametrize("preview", [True, False])
def test_raw_photos_are_upright(tmp_path: Path, orientation: int, dark: str, preview: bool) -> None:
    photo = read(write_dng(tmp_path / "photo.dng", orientation=orientation, preview=preview))
    assert (photo.facts.width, photo.facts.height) == (240, 320)
    top, bottom = photo.pixels[:12].mean(), photo.pixels[20:].mean()
    assert top < bottom if dark == "top" else bottom < top


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.nef", b"II*\0garbage"), ("a.cr3", b"\0\0\0\x18ftypcrx garbage"), ("a.jpg", b"FUJIFILMCCD-RAW garbage")],
)
def test_a_raw_file_that_cannot_be_read_is_called_one(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content * 20)
    with pytest.raises(BrokenPhotoError, match="a raw file that LibRaw can't read"):
        read(tmp_path / name)
