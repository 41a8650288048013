"""The dates: when a photo was taken, as its camera noted it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from PIL import ExifTags, Image


def date_taken(exif: Image.Exif) -> str | None:
    """When a photo was taken, ISO 8601, with the offset from UTC if the camera knew it; None where nothing says so."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    return (
        _timestamp(details, ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal)
        or _timestamp(details, ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized)
        or _timestamp(exif, ExifTags.Base.DateTime, ExifTags.Base.OffsetTime)
    )


def _timestamp(tags: Mapping[int, object], date_tag: int, offset_tag: int) -> str | None:
    """An EXIF date as ISO 8601.

    Example: "2021:05:04 13:22:01" and "+02:00" -> "2021-05-04T13:22:01+02:00"
    """
    date, offset = (str(tags.get(tag, "")).strip("\0 ") for tag in (date_tag, offset_tag))
    try:
        taken = datetime.datetime.strptime(date, "%Y:%m:%d %H:%M:%S")  # cameras seldom know their zone
    except ValueError:  # missing, blank or "0000:00:00 00:00:00"
        return None
    try:
        return datetime.datetime.fromisoformat(taken.isoformat() + offset).isoformat()
    except ValueError:
        return taken.isoformat()
