"""The metadata of an open image: its orientation, its dates, where it was taken, its colour profile.

Metadata never refuses pixels: whatever can't be read is as if it were missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from PIL import ExifTags, Image, TiffImagePlugin

from export.pictures.dates import Noted, Taken, first_date

_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
_XMP_TAG = 700
_XMP_DATES = ("exif:DateTimeOriginal", "xmp:CreateDate", "photoshop:DateCreated")
_TIFF_HEADERS = (b"II*\0", b"MM\0*")
_UTF_8, _ASCII = 129, 2


def prepare_exif() -> None:
    """Teach Pillow the type of text in UTF-8 that Exif 3.0 (CIPA DC-008-2023, section 4.6.2) has beside ASCII."""
    readers = TiffImagePlugin.ImageFileDirectory_v2._load_dispatch
    readers.setdefault(_UTF_8, readers[_ASCII])


def read_exif(image: Image.Image) -> Image.Exif:
    """The EXIF data of a loaded image, or what can be read of it."""
    try:
        return image.getexif()
    except Exception:  # noqa: BLE001 Pillow raises whatever broken bytes lead it to
        return _salvaged(image.info.get("exif"))


def read_directory(file: BinaryIO) -> Image.Exif | None:
    """The EXIF data in the first directory of a TIFF, or of a raw file made like one; None where it has none."""
    exif = Image.Exif()
    try:
        file.seek(0)
        exif.load_from_fp(file)
    except Exception:  # noqa: BLE001 as above
        return None
    return exif if len(exif) else None


def orientation(exif: Image.Exif) -> int:
    """How the pixels lie, 1 to 8, as TIFF 6.0 counts it; 1 where nothing says so."""
    found = exif.get(ExifTags.Base.Orientation, 1)
    return int(found) if isinstance(found, int | float | TiffImagePlugin.IFDRational) and found in range(1, 9) else 1


def date_taken(image: Image.Image, exif: Image.Exif) -> Taken | None:
    """When a photo was taken, if its metadata say so: by its camera first, last by whatever changed the file."""
    return first_date(_dates(image, exif))


def position(exif: Image.Exif) -> tuple[float, float] | None:
    """Where a photo was taken, WGS 84: degrees of latitude and longitude, north and east above zero."""
    tags = _directory(exif, ExifTags.IFD.GPSInfo)
    latitude = _degrees(tags, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S")
    longitude = _degrees(tags, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return (latitude, longitude) if latitude or longitude else None  # receivers without a fix write zeros


def colour_profile(image: Image.Image) -> bytes | None:
    """The ICC profile, if there is one."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else None


def text_of(tags: Mapping[int, Any], tag: int) -> str:
    """The value of a tag that holds a text, whatever type its writer gave it."""
    value = tags.get(tag, "")
    if isinstance(value, tuple) and all(isinstance(part, int) and 0 <= part < 256 for part in value):
        value = bytes(value)
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def xmp_packet(image: Image.Image, exif: Image.Exif) -> str:
    """The XMP packet as text, or nothing."""
    for packet in (*(image.info.get(key) for key in _XMP_KEYS), exif.get(_XMP_TAG)):
        if isinstance(packet, bytes):
            return packet.decode("utf-8", "replace")
        if isinstance(packet, str):
            return packet
    return ""


def _salvaged(raw: object) -> Image.Exif:
    """EXIF data behind something that doesn't belong there, such as a second header."""
    exif = Image.Exif()
    if isinstance(raw, bytes):
        starts = [place for header in _TIFF_HEADERS if (place := raw.find(header)) >= 0]
        try:
            exif.load(b"Exif\0\0" + raw[min(starts) :] if starts else b"")
        except Exception:  # noqa: BLE001 as above
            return Image.Exif()
    return exif


def _dates(image: Image.Image, exif: Image.Exif) -> Iterator[tuple[str, str, Noted]]:
    details = _directory(exif, ExifTags.IFD.Exif)
    yield *_texts(details, ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal), "exif"
    yield *_texts(details, ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized), "exif"
    packet = xmp_packet(image, exif)
    for name in _XMP_DATES:
        for found in re.finditer(rf"\b{name}\s*(?:=\s*[\"']([^\"']*)|>\s*([^<]*))", packet):
            yield found[1] or found[2] or "", "", "xmp"
    # The offset of the last change lies beside those of the other dates (Exif 2.31, section 4.6.6), or beside its own.
    offset = text_of(details, ExifTags.Base.OffsetTime) or text_of(exif, ExifTags.Base.OffsetTime)
    yield text_of(exif, ExifTags.Base.DateTime), offset, "exif"


def _texts(tags: Mapping[int, Any], *wanted: int) -> tuple[str, str]:
    first, second = (text_of(tags, tag) for tag in wanted)
    return first, second


def _directory(exif: Image.Exif, directory: int) -> Mapping[int, Any]:
    try:
        return dict(exif.get_ifd(directory))
    except Exception:  # noqa: BLE001 as above
        return {}


def _degrees(tags: Mapping[int, Any], value: int, side: int, below_zero: str) -> float | None:
    try:
        parts: list[float] = [float(part) for part in tags[value]]
        degrees = sum((part / 60.0**power for power, part in enumerate(parts[:3])), 0.0)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not 0 <= degrees <= 180:  # and no number is not
        return None
    return -degrees if text_of(tags, side).strip("\0 ").upper() == below_zero else degrees
