"""Metadata never refuse pixels, and what can be read of them counts."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pillow_heif
import pytest
from PIL import ExifTags, Image

from export.pictures.decoding import decode_photo
from export.pictures.facts import PhotoFacts

IFD = struct.pack("<HHHII", 1, 0x0112, 3, 1, 6) + bytes(4)
UPRIGHT_AT_6 = b"II*\0\x08\0\0\0" + IFD
"""EXIF data of one tag: the photo lies as orientation 6 says."""


@pytest.fixture(scope="module", autouse=True)
def _heif_encoder() -> None:
    pillow_heif.register_heif_opener()


def facts_of(path: Path) -> PhotoFacts:
    return decode_photo(path, image_size=64).facts


def save(path: Path, exif: bytes = b"", xmp: bytes = b"") -> Path:
    image = Image.new("RGB", (120, 80), "teal")
    if xmp:
        image.save(path, exif=exif, xmp=xmp)
    else:
        image.save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    "exif",
    [
        b"garbage! more garbage",
        b"Exif\0\0garbage",
        b"b'Exif\\x00\\x00II*'",
        UPRIGHT_AT_6[2:],
        b"http://ns.adobe.com/xap/1.0/\0<x/>",
        b"II*\0\xfc\xff\xff\xff" + bytes(8),
        UPRIGHT_AT_6[:12],
        b"II*\0",
    ],
)
@pytest.mark.parametrize("suffix", ["png", "webp", "jpg", "heic"])
def test_exif_data_that_are_none(tmp_path: Path, exif: bytes, suffix: str) -> None:
    facts = facts_of(_with_exif(tmp_path / f"photo.{suffix}", exif))
    assert (facts.width, facts.height, facts.damage) == (120, 80, None)


@pytest.mark.parametrize("before", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0", b"\0\0"])
def test_exif_data_behind_what_does_not_belong_there_are_read(tmp_path: Path, before: bytes) -> None:
    facts = facts_of(_with_exif(tmp_path / "photo.png", before + UPRIGHT_AT_6))
    assert (facts.width, facts.height) == (80, 120)


def test_chunks_of_a_png_that_do_not_match_their_checksums(tmp_path: Path) -> None:
    for kind in (b"tEXt", b"pHYs", b"tIME", b"zTXt", b"iCCP"):
        for chunk in (_chunk(kind, b"a\0b")[:-4] + b"nope", _chunk(kind, b"")):
            png = save(tmp_path / "photo.png").read_bytes()
            (tmp_path / "photo.png").write_bytes(png[:33] + chunk + png[33:])
            assert facts_of(tmp_path / "photo.png").width == 120


def test_a_colour_profile_of_another_type_is_left_out(tmp_path: Path) -> None:
    info = Image.new("RGB", (120, 80)).getexif()
    info[34675] = "a text"
    Image.new("RGB", (120, 80)).save(tmp_path / "photo.tif", exif=info)
    assert facts_of(tmp_path / "photo.tif").width == 120


def test_dates_in_xmp_count_and_their_source_is_told(tmp_path: Path) -> None:
    packets = {
        '<rdf:Description xmp:CreateDate="2015-08-22T10:08:19+02:00"/>': "2015-08-22T10:08:19+02:00",
        "<photoshop:DateCreated>2015-08-22</photoshop:DateCreated>": "2015-08-22",
    }
    for suffix in ("jpg", "webp", "png", "avif"):
        for packet, expected in packets.items():
            xmp = f"<x:xmpmeta>{packet}</x:xmpmeta>".encode()
            if suffix == "png":
                _with_chunk(tmp_path / "p.png", _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
            else:
                save(tmp_path / f"p.{suffix}", xmp=xmp)
            facts = facts_of(tmp_path / f"p.{suffix}")
            assert (facts.taken, facts.noted) == (expected, "xmp")


def test_a_camera_counts_before_an_editor_and_an_editor_before_the_last_change(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmp:CreateDate="2015-08-22"/>'
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2020:01:01 00:00:00"
    save(tmp_path / "a.jpg", exif.tobytes(), xmp=xmp)
    assert facts_of(tmp_path / "a.jpg").taken == "2015-08-22"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2014:01:01 00:00:00"
    save(tmp_path / "a.jpg", exif.tobytes(), xmp=xmp)
    assert (facts_of(tmp_path / "a.jpg").taken, facts_of(tmp_path / "a.jpg").noted) == ("2014-01-01T00:00:00", "exif")


@pytest.mark.parametrize("kind", [1, 2, 7, 129])
def test_dates_of_any_type_of_tag(tmp_path: Path, kind: int) -> None:
    date = b"2015:08:22 10:08:19\0"
    ifd = struct.pack("<HHHII", 1, 0x9003, kind, len(date), 44) + bytes(4)
    main = struct.pack("<HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    _with_exif(tmp_path / "photo.jpg", b"II*\0\x08\0\0\0" + main + ifd + date)
    assert facts_of(tmp_path / "photo.jpg").taken == "2015-08-22T10:08:19"


@pytest.mark.parametrize(
    ("latitude", "longitude", "sides", "expected"),
    [
        ((48.0, 8.0, 15.0), (11.0, 34.0, 30.0), "NE", (48.1375, 11.575)),
        ((33.0, 51.0, 0.0), (151.0, 12.0, 0.0), "SE", (-33.85, 151.2)),
        ((40.0, 30.0, 0.0), (74.0, 0.0, 0.0), "NW", (40.5, -74.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "NE", (None, None)),
        ((95.0, 0.0, 0.0), (11.0, 0.0, 0.0), "NE", (None, None)),
    ],
)
def test_where_a_photo_was_taken(
    tmp_path: Path,
    latitude: tuple[float, ...],
    longitude: tuple[float, ...],
    sides: str,
    expected: tuple[float | None, float | None],
) -> None:
    exif = Image.Exif()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLongitude] = latitude, longitude
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = sides[0], sides[1]
    facts = facts_of(save(tmp_path / "photo.jpg", exif.tobytes()))
    assert (facts.latitude, facts.longitude) == pytest.approx(expected)


def _with_exif(path: Path, exif: bytes) -> Path:
    """A file whose EXIF data are these very bytes, which its writer would refuse or change."""
    if path.suffix == ".png":
        return _with_chunk(path, _chunk(b"eXIf", exif))
    if path.suffix == ".jpg":
        jpeg = save(path).read_bytes()
        segment = b"Exif\0\0" + exif
        path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:])
        return path
    return save(path, exif)


def _with_chunk(path: Path, chunk: bytes) -> Path:
    png = save(path).read_bytes()
    path.write_bytes(png[:33] + chunk + png[33:])
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
