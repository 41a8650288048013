"""TIFF of every kind shows what other viewers show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from export.errors import BrokenPhotoError
from export.pictures.decoding import decode_photo

RAMP = np.linspace(0.0, 1.0, 96)[None, :].repeat(64, 0)
COLOURS = np.stack([RAMP, RAMP[:, ::-1], RAMP[::-1] * 0.5 + 0.25], -1)


def seen(path: Path) -> NDArray[np.int64]:
    return decode_photo(path, image_size=32).pixels.astype(int)


def reference(values: NDArray[np.float64], path: Path) -> NDArray[np.int64]:
    Image.fromarray((values * 255).round().astype(np.uint8)).save(path / "reference.png")
    return seen(path / "reference.png")


@pytest.mark.parametrize("kind", ["u2", "u4", "f2", "f4", "f8", "i1"])
@pytest.mark.parametrize("colour", [False, True])
def test_samples_of_any_type(tmp_path: Path, kind: str, colour: bool) -> None:
    values = COLOURS if colour else RAMP
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        samples = values.astype(dtype)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        samples = (low + values * (float(high) - float(low))).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb" if colour else "minisblack", metadata=None)
    assert np.abs(seen(tmp_path / "a.tif") - reference(values, tmp_path)).max() <= 3


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_planes_one_after_the_other(tmp_path: Path, kind: str) -> None:
    samples = (np.moveaxis(COLOURS, -1, 0) * np.iinfo(kind).max).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", planarconfig="separate", metadata=None)
    assert np.abs(seen(tmp_path / "a.tif") - reference(COLOURS, tmp_path)).max() <= 3


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_white_may_be_zero(tmp_path: Path, kind: str) -> None:
    samples = ((1.0 - RAMP) * np.iinfo(kind).max).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite", metadata=None)
    assert np.abs(seen(tmp_path / "a.tif") - reference(RAMP, tmp_path)).max() <= 3


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_what_is_transparent_is_white(tmp_path: Path, kind: str) -> None:
    high = np.iinfo(kind).max
    samples = np.stack([np.zeros_like(RAMP), np.zeros_like(RAMP)], -1).astype(kind)
    samples[:, 48:, 1] = high
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack", extrasamples=["unassalpha"], metadata=None)
    assert seen(tmp_path / "a.tif")[:, 4].min() >= 250
    assert seen(tmp_path / "a.tif")[:, 28].max() <= 5


def test_inks_with_transparency(tmp_path: Path) -> None:
    samples = np.zeros((64, 96, 5), np.uint8)
    samples[..., 0], samples[..., 4] = 255, 255
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="separated", extrasamples=["unassalpha"], metadata=None)
    red, green, blue = seen(tmp_path / "a.tif")[16, 16]
    assert red < 60 < 120 < min(green, blue)


@pytest.mark.parametrize("flagged", [True, False])
def test_the_preview_before_the_picture_is_not_the_picture(tmp_path: Path, flagged: bool) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((30, 40, 3), np.uint8), photometric="rgb", subfiletype=int(flagged), metadata=None)
        file.write(np.full((300, 400, 3), 200, np.uint8), photometric="rgb", metadata=None)
    facts = decode_photo(tmp_path / "a.tif", image_size=32).facts
    assert (facts.width, facts.height) == (400, 300)


def test_the_first_of_several_pages_counts(tmp_path: Path) -> None:
    pages = [Image.new("L", size, 128) for size in ((200, 100), (210, 90), (100, 50))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert decode_photo(tmp_path / "a.tif", image_size=32).facts.width == 200


def test_a_kind_that_cannot_be_read_is_called_by_what_it_is(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", COLOURS.astype(np.float32), photometric="rgb", metadata=None)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        compression = tiff.pages[0].tags[259]  # type: ignore[union-attr]
    data[compression.valueoffset : compression.valueoffset + 2] = (5).to_bytes(2, "little")
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(BrokenPhotoError) as caught:
        seen(tmp_path / "a.tif")
    assert str(caught.value).startswith(
        "a TIFF (RGB) of 3 channels of 32-bit floating-point numbers, compressed by LZW"
    )


def test_a_tiff_without_pages_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0\xff\xff\xff\0" + bytes(100))
    with pytest.raises(BrokenPhotoError):
        seen(tmp_path / "a.tif")


def test_grey_profiles_count_on_transparent_and_palette_images(tmp_path: Path) -> None:
    """A profile of gamma 1.0 makes the middle grey much lighter."""
    profile = _linear_grey()
    grey = Image.new("L", (96, 64), 128)
    levels = {}
    for mode in ("L", "LA", "P"):
        grey.convert(mode).save(tmp_path / f"{mode}.png", icc_profile=profile)
        levels[mode] = int(seen(tmp_path / f"{mode}.png")[16, 16, 0])
    assert abs(levels["L"] - 188) <= 2
    assert max(levels.values()) - min(levels.values()) <= 2


def _linear_grey() -> bytes:
    """The smallest ICC profile (ICC.1:2004-10) of grey with gamma 1."""
    curve = b"curv" + bytes(4) + (0).to_bytes(4, "big")
    white = b"XYZ " + bytes(4) + b"".join(value.to_bytes(4, "big") for value in (63190, 65536, 54061))
    text = b"text" + bytes(4) + b"none\0\0\0\0"
    description = b"desc" + bytes(4) + (2).to_bytes(4, "big") + b"g\0" + bytes(78)
    tags = {b"kTRC": curve, b"wtpt": white, b"cprt": text, b"desc": description}
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + (start + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += padded
    size = start + len(body)
    header = size.to_bytes(4, "big") + bytes(4) + b"\x02\x40\0\0mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    header += b"".join(value.to_bytes(4, "big") for value in (63190, 65536, 54061))
    return header.ljust(128, b"\0") + len(tags).to_bytes(4, "big") + table + body


def test_pillow_still_has_the_tag_table_that_dates_in_utf_8_need() -> None:
    assert TiffImagePlugin.ImageFileDirectory_v2._load_dispatch[2]
