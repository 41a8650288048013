"""Pictures of which nearly all is there are read, and what is missing is said."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from export.errors import BrokenPhotoError
from export.pictures.decoding import decode_photo


def picture(size: tuple[int, int] = (640, 480), *, white_below: int = 0) -> Image.Image:
    """Smooth shapes and some noise, so that every row differs; below a row all is white."""
    random = np.random.default_rng(7)
    coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    pixels = np.asarray(coarse).astype(int) + random.integers(-12, 13, (size[1], size[0], 3))
    pixels[len(pixels) - white_below :] = 255
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def damage_of(path: Path, content: bytes) -> str | None:
    path.write_bytes(content)
    return decode_photo(path, image_size=64).facts.damage


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_whole(tmp_path: Path, progressive: bool) -> None:
    whole = encoded(picture(), "JPEG", progressive=progressive)
    assert damage_of(tmp_path / "a.jpg", whole) is None
    assert damage_of(tmp_path / "a.jpg", whole[:-2]) == "it ends early; the whole picture is there"


@pytest.mark.parametrize(("file_format", "tolerance"), [("JPEG", 4), ("PNG", 6), ("TIFF", 1), ("BMP", 1)])
def test_what_is_missing_is_told(tmp_path: Path, file_format: str, tolerance: int) -> None:
    whole = encoded(picture(), file_format)
    damage = damage_of(tmp_path / "a.img", whole[: round(0.9 * len(whole))])
    assert damage is not None
    assert damage.startswith("its end is missing: ")
    assert abs(int(damage.removeprefix("its end is missing: ").partition("%")[0]) - 10) <= tolerance


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_a_picture_of_which_much_is_missing_is_refused(tmp_path: Path, file_format: str) -> None:
    whole = encoded(picture(), file_format)
    with pytest.raises(BrokenPhotoError, match="truncated"):
        damage_of(tmp_path / "a.img", whole[: len(whole) // 2])


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_plain_foot_is_not_taken_for_what_is_missing(tmp_path: Path, file_format: str) -> None:
    whole = encoded(picture(white_below=200), file_format)
    damage = damage_of(tmp_path / "a.img", whole[: -2 if file_format == "JPEG" else -20])
    assert damage in (None, "it ends early; the whole picture is there", "its end is missing: 1% of the picture")


def test_what_is_there_is_decoded_as_ever(tmp_path: Path) -> None:
    whole = encoded(picture(), "JPEG", quality=95)
    (tmp_path / "whole.jpg").write_bytes(whole)
    (tmp_path / "cut.jpg").write_bytes(whole[: round(0.95 * len(whole))])
    seen, cut = (decode_photo(tmp_path / f"{name}.jpg", image_size=64).pixels for name in ("whole", "cut"))
    assert np.abs(seen[:52].astype(int) - cut[:52]).max() <= 2


def test_the_next_photo_is_decoded_strictly_again(tmp_path: Path) -> None:
    damage_of(tmp_path / "a.jpg", encoded(picture(), "JPEG")[:-2])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
