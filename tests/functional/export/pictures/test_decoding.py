"""Decoding: every format, mode, orientation and kind of damage, and what a large photo costs."""

from __future__ import annotations

import io
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from export.errors import BrokenPhotoError, UnreadablePhotoError
from export.pictures.decoding import THUMBNAIL_LONG_SIDE_PX, DecodedPhoto, decode_photo, decode_whole
from export.pictures.pixels import MAX_PIXELS

SIZE = 64
# Corners: top left red, top right green, bottom left blue, bottom right white.
CORNERS = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200), "white": (250, 250, 250)}
STORED_AS = {  # how an upright image is stored for a camera that was held so (EXIF 2.3, section 4.6.4, tag 274)
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "TIFF": "tif",
    "AVIF": "avif",
    "HEIF": "heic",
    "JXL": "jxl",
    "JPEG2000": "jp2",
    "BMP": "bmp",
}


@pytest.fixture(scope="module", autouse=True)
def _heif_encoder() -> None:
    pillow_heif.register_heif_opener()
    import pillow_jxl  # noqa: F401 it registers itself


def decode(path: Path) -> DecodedPhoto:
    return decode_photo(path, image_size=SIZE)


def four_corners(width: int = 120, height: int = 80) -> Image.Image:
    image = Image.new("RGB", (width, height))
    for number, colour in enumerate(CORNERS.values()):
        left, top = (number % 2) * width // 2, (number // 2) * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image


def corner_colours(pixels: NDArray[np.uint8]) -> list[str]:
    """The names of the colours in the four corners, in reading order."""
    quarter, rest = SIZE // 4, SIZE - SIZE // 4
    corners = [pixels[y, x].astype(int) for y in (quarter, rest) for x in (quarter, rest)]
    return [min(CORNERS, key=lambda name: int(np.abs(corner - CORNERS[name]).sum())) for corner in corners]


def thumbnail_size(photo: DecodedPhoto) -> tuple[int, int]:
    with Image.open(io.BytesIO(photo.thumbnail)) as image:
        assert image.format == "JPEG"
        assert not image.getexif()
        return image.size


def grey_level(path: Path) -> int:
    return round(float(decode(path).pixels.mean()))


@pytest.mark.parametrize("file_format", EXTENSIONS)
def test_every_format_is_read_whatever_its_file_is_called(tmp_path: Path, file_format: str) -> None:
    for extension in (EXTENSIONS[file_format], "JPG"):
        path = tmp_path / f"photo.{extension}"
        four_corners().save(path, format=file_format)
        photo = decode(path)
        assert photo.pixels.shape == (SIZE, SIZE, 3)
        assert photo.pixels.dtype == np.uint8
        assert corner_colours(photo.pixels) == list(CORNERS)
        assert (photo.facts.width, photo.facts.height, photo.facts.taken) == (120, 80, None)
        assert thumbnail_size(photo) == (120, 80)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_upright(tmp_path: Path, file_format: str, orientation: int) -> None:
    stored = four_corners()
    if orientation in STORED_AS:
        stored = stored.transpose(STORED_AS[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"photo.{EXTENSIONS[file_format]}"
    stored.save(path, format=file_format, exif=exif.tobytes())  # pillow-heif takes only bytes
    photo = decode(path)
    assert corner_colours(photo.pixels) == list(CORNERS)
    assert (photo.facts.width, photo.facts.height) == (120, 80)
    assert thumbnail_size(photo) == (120, 80)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    four_corners().save(tmp_path / "photo.jpg", exif=exif)
    assert corner_colours(decode(tmp_path / "photo.jpg").pixels) == list(CORNERS)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"DateTimeOriginal": "2021:05:04 13:22:01"}, "2021-05-04T13:22:01"),
        ({"DateTimeOriginal": "2021:05:04 13:22:01", "OffsetTimeOriginal": "+02:00"}, "2021-05-04T13:22:01+02:00"),
        ({"DateTimeOriginal": "2021:05:04 13:22:01", "OffsetTimeOriginal": "nonsense"}, "2021-05-04T13:22:01"),
        ({"DateTimeOriginal": "2021:05:04 13:22:01", "OffsetTimeOriginal": "   :  "}, "2021-05-04T13:22:01"),
        ({"DateTimeDigitized": "1999:12:31 23:59:59"}, "1999-12-31T23:59:59"),
        ({"DateTime": "2001:02:03 04:05:06\0"}, "2001-02-03T04:05:06"),
        ({"DateTimeOriginal": "0000:00:00 00:00:00", "DateTime": "2001:02:03 04:05:06"}, "2001-02-03T04:05:06"),
        ({"DateTimeOriginal": "    :  :     :  :  "}, None),
        ({"DateTimeOriginal": "yesterday"}, None),
        ({}, None),
    ],
)
def test_when_a_photo_was_taken(tmp_path: Path, tags: dict[str, str], expected: str | None) -> None:
    exif = Image.Exif()
    for name, value in tags.items():
        ifd = exif if name == "DateTime" else exif.get_ifd(ExifTags.IFD.Exif)
        ifd[ExifTags.Base[name]] = value
    four_corners().save(tmp_path / "photo.jpg", exif=exif)
    assert decode(tmp_path / "photo.jpg").facts.taken == expected


def test_broken_exif_is_no_broken_photo(tmp_path: Path) -> None:
    four_corners().save(tmp_path / "photo.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40)
    photo = decode(tmp_path / "photo.jpg")
    assert (corner_colours(photo.pixels), photo.facts.taken) == (list(CORNERS), None)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    rgba = Image.new("RGBA", (40, 40), (200, 20, 20, 0))
    rgba.save(tmp_path / "alpha.png")
    rgba.save(tmp_path / "alpha.webp", lossless=True)
    Image.new("LA", (40, 40), (0, 0)).save(tmp_path / "grey.png")
    palette = Image.new("P", (40, 40), 1)
    palette.putpalette([0, 0, 0, 200, 20, 20])
    palette.save(tmp_path / "palette.png", transparency=1)
    palette.save(tmp_path / "palette.gif", transparency=1)
    Image.new("RGB", (40, 40), (1, 2, 3)).save(tmp_path / "key.png", transparency=(1, 2, 3))
    for path in tmp_path.iterdir():
        assert grey_level(path) == 255, path.name


def test_half_transparent_is_mixed_with_white(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (0, 0, 0, 128)).save(tmp_path / "photo.png")
    assert grey_level(tmp_path / "photo.png") == 127


def test_modes_that_are_neither_rgb_nor_grey_bytes(tmp_path: Path) -> None:
    wide = np.full((30, 40), 32768, np.uint16)
    Image.fromarray(wide).save(tmp_path / "sixteen bits.png")
    Image.fromarray(wide).save(tmp_path / "sixteen bits.tif")
    Image.fromarray(np.full((30, 40), 0.5, np.float32)).save(tmp_path / "floats to one.tif")
    Image.fromarray(np.full((30, 40), 127.5, np.float32)).save(tmp_path / "floats to 255.tif")
    Image.fromarray(np.full((30, 40), 128, np.int32)).save(tmp_path / "integers.tif")
    Image.new("L", (40, 30), 128).save(tmp_path / "grey.jpg")
    Image.new("CMYK", (40, 30), (127, 127, 127, 0)).save(tmp_path / "cmyk.jpg")
    Image.new("CMYK", (40, 30), (127, 127, 127, 0)).save(tmp_path / "cmyk.tif")
    for path in tmp_path.iterdir():
        assert grey_level(path) in (127, 128), path.name
    Image.new("1", (40, 30), 1).save(tmp_path / "one bit.png")
    Image.new("1", (40, 30), 1).save(tmp_path / "one bit.tif")
    for path in tmp_path.glob("one bit*"):
        assert grey_level(path) == 255


def test_floats_of_any_range_and_none(tmp_path: Path) -> None:
    ramp = np.linspace(-3.0, 5.0, 1600, dtype=np.float32).reshape(40, 40)
    Image.fromarray(ramp).save(tmp_path / "ramp.tif")
    pixels = decode(tmp_path / "ramp.tif").pixels
    assert (pixels.min() < 5, pixels.max() > 250) == (True, True)
    ramp[0, 0] = np.nan
    Image.fromarray(ramp).save(tmp_path / "nan.tif")
    assert decode(tmp_path / "nan.tif").pixels.max() > 250
    Image.fromarray(np.full((40, 40), np.nan, np.float32)).save(tmp_path / "only nan.tif")
    assert grey_level(tmp_path / "only nan.tif") == 0
    Image.fromarray(np.full((40, 40), np.inf, np.float32)).save(tmp_path / "infinite.tif")
    decode(tmp_path / "infinite.tif")


def test_colour_profiles_are_applied_and_broken_ones_left_out(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    image = four_corners()
    image.save(tmp_path / "srgb.jpg", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    image.save(tmp_path / "broken.jpg", icc_profile=b"no profile")
    image.save(tmp_path / "of another kind.jpg", icc_profile=lab.tobytes())
    for path in tmp_path.iterdir():
        assert corner_colours(decode(path).pixels) == list(CORNERS), path.name
    Image.new("LAB", (40, 30), (128, 128, 128)).save(tmp_path / "lab.tif")
    assert grey_level(tmp_path / "lab.tif") == pytest.approx(119, abs=3)  # L* = 50.2 is sRGB 119


def test_the_first_frame_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("white", "black", "black")]
    for extension in ("gif", "png", "webp", "tif", "avif", "heic"):
        path = tmp_path / f"animated.{extension}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert grey_level(path) == 255, extension


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2), (641, 641), (9000, 50)])
def test_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, "white").save(tmp_path / "photo.png")
    photo = decode(tmp_path / "photo.png")
    assert photo.pixels.shape == (SIZE, SIZE, 3)
    assert photo.pixels.min() == 255
    assert (photo.facts.width, photo.facts.height) == size
    scale = min(1.0, THUMBNAIL_LONG_SIDE_PX / max(size))
    assert thumbnail_size(photo) == tuple(max(1, round(side * scale)) for side in size)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4_000, 3_000), (64, 48)), ((3_000, 4_000), (48, 64)), ((3_000, 100), (64, 2)), ((50, 30), (50, 30)),
     ((64, 1), (64, 1)), ((5_000, 1), (64, 1)), ((130, 65), (64, 32))],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_photo_in_its_own_shape(
    tmp_path: Path, suffix: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    four_corners(*size).save(tmp_path / f"photo.{suffix}")
    pixels = decode_whole(tmp_path / f"photo.{suffix}", long_side=64)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (expected[1], expected[0], 3)


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_photo_in_its_own_shape_is_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    four_corners(1_200, 800).transpose(STORED_AS[orientation]).save(tmp_path / "photo.jpg", exif=exif, quality=95)
    pixels = decode_whole(tmp_path / "photo.jpg", long_side=300)
    assert pixels.shape == (200, 300, 3)
    corners = [pixels[20, 20], pixels[20, 280], pixels[180, 20], pixels[180, 280]]
    for found, expected in zip(corners, CORNERS.values(), strict=True):
        assert np.abs(found.astype(int) - expected).max() < 12


def test_what_is_no_image_has_no_shape(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"no photo")
    with pytest.raises(BrokenPhotoError, match="not an image"):
        decode_whole(tmp_path / "photo.jpg", long_side=300)
    with pytest.raises(UnreadablePhotoError, match="No such file"):
        decode_whole(tmp_path / "nowhere.jpg", long_side=300)


def test_shrinking_keeps_the_picture(tmp_path: Path) -> None:
    """Against one resize of the whole image, which is what the bands stand in for."""
    noise = np.random.default_rng(0).normal(0, 20, size=(2100, 3000, 3))
    pixels = np.clip(np.asarray(four_corners(3000, 2100)) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    expected = np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=int)
    found = decode(tmp_path / "photo.png").pixels.astype(int)
    assert np.abs(found - expected).mean() < 1.5


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "the file is empty"),
        ("text.jpg", b"hello", "not an image: begins with b'hello', expected JPEG, PNG, WebP, GIF, TIFF, AVIF, HEIC"),
        ("zeros.png", bytes(1000), "not an image: begins with b'\\x00\\x00"),
        ("drawing.svg", b'<svg xmlns=""/>', "an SVG drawing, expected JPEG"),
        ("page.jpg", b"%PDF-1.7\n", "a PDF, expected JPEG"),
        ("header.png", b"\x89PNG\r\n\x1a\n", ""),
        ("header.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", ""),
        ("header.gif", b"GIF89a\xff\xff\xff\xff\x00\x00\x00", ""),
        ("header.webp", b"RIFF\x24\x00\x00\x00WEBPVP8 ", ""),
        ("header.tif", b"II*\x00\x08\x00\x00\x00\xff\xff", ""),
        ("header.heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1", ""),
        ("header.avif", b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf", ""),
    ],
)
def test_what_is_no_image_is_broken(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenPhotoError) as caught:
        decode(tmp_path / name)
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file_format", EXTENSIONS)
def test_truncated_and_damaged_photos_never_do_worse_than_fail(tmp_path: Path, file_format: str) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, size=(90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format=file_format)
    whole = buffer.getvalue()
    path = tmp_path / "photo.jpg"
    failed = 0
    for share in (0.1, 0.3, 0.5, 0.7):
        path.write_bytes(whole[: int(len(whole) * share)])
        failed += _fails(path)
    assert failed == 4
    random = np.random.default_rng(1)
    for _ in range(30):
        damaged = bytearray(whole)
        for place in random.integers(0, len(damaged), size=20):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        _fails(path)


def _fails(path: Path) -> bool:
    try:
        decode(path)
    except BrokenPhotoError:
        return True
    return False


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    """A bomb: 900 megapixels in one kilobyte of header and nothing behind it."""
    side = 30_000
    header = io.BytesIO()
    Image.new("1", (8, 8)).save(header, format="PNG")
    bomb = bytearray(header.getvalue())
    bomb[16:24] = side.to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(BrokenPhotoError) as caught:
        decode(tmp_path / "bomb.png")
    assert str(caught.value) == f"30000 x 30000 is 900.0 megapixels; the limit is {MAX_PIXELS // 1_000_000}"


def test_a_text_bomb_in_a_png_is_left_out(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (70 << 20), zip=True)
    four_corners().save(tmp_path / "photo.png", pnginfo=info)
    assert (tmp_path / "photo.png").stat().st_size < 1 << 20
    assert corner_colours(decode(tmp_path / "photo.png").pixels) == list(CORNERS)


def test_a_file_that_cannot_be_read_now_is_not_called_broken(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhotoError, match="can't be read: No such file or directory"):
        decode(tmp_path / "gone.jpg")
    with pytest.raises(UnreadablePhotoError, match="can't be read: Is a directory"):
        decode(tmp_path)


# Not ru_maxrss: a process inherits that of the one that started it.
MEASURE = """
import re, sys
from pathlib import Path
from export.pictures.decoding import decode_photo
photo = decode_photo(Path(sys.argv[1]), image_size=224)
peak_kb = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(photo.facts.width, photo.facts.height, int(peak_kb) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("name", "options", "limit_mb"),
    [
        ("baseline.jpg", {"quality": 60}, 150),
        ("progressive.jpg", {"quality": 60, "progressive": True, "subsampling": 0}, 1_400),
        ("large.png", {"compress_level": 1}, 1_000),
        ("large.tif", {"compression": "tiff_adobe_deflate"}, 1_000),
        ("large.webp", {"lossless": True, "quality": 0, "method": 0}, 3_500),
    ],
)
def test_200_megapixels_within_the_stated_memory(
    tmp_path: Path, name: str, options: dict[str, Any], limit_mb: int
) -> None:
    """The bounds that decoding.py states, measured in a process of its own."""
    image = Image.linear_gradient("L").resize((16_000, 12_500)).convert("RGB")
    image.save(tmp_path / name, **options)
    del image
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    width, height, peak_mb = map(int, done.stdout.split())
    assert (width, height) == (16_000, 12_500)
    assert peak_mb < limit_mb
