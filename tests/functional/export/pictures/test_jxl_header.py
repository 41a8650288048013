"""The size of a JPEG XL is known before it is decoded."""

from __future__ import annotations

import io
from pathlib import Path

import pillow_jxl  # noqa: F401 it registers itself
import pytest
from PIL import Image

from export.errors import BrokenPhotoError
from export.pictures.decoding import decode_photo
from export.pictures.jxl_header import read_size


@pytest.mark.parametrize("size", [(64, 64), (48, 64), (123, 77), (1920, 1080), (4000, 3000), (300, 5000), (1, 1)])
@pytest.mark.parametrize("use_container", [False, True])
def test_the_size_of_an_image(size: tuple[int, int], use_container: bool) -> None:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "JXL", use_container=use_container)
    assert read_size(file) == size


def test_a_header_that_says_too_much_is_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    height, width = 60_000, 60_000
    bits = 0 | 2 << 1 | (height - 1) << 3 | 0 << 21 | 2 << 24 | (width - 1) << 26
    (tmp_path / "bomb.jxl").write_bytes(b"\xff\x0a" + bits.to_bytes(16, "little"))
    with pytest.raises(BrokenPhotoError, match="60000 x 60000 is 3600.0 megapixels; the limit is 200"):
        decode_photo(tmp_path / "bomb.jxl", image_size=64)


def test_what_is_no_jxl_has_no_size() -> None:
    assert read_size(io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(40))) is None
    assert read_size(io.BytesIO(b"\xff\x0a")) is None
