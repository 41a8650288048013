"""Media types: what the web calls the formats of the files that are served and published, by their suffix."""

from __future__ import annotations

from pathlib import PurePath

from export.pictures.formats import MEDIA_TYPES

_MEDIA_TYPES = {
    **MEDIA_TYPES,
    ".js": "text/javascript",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}


def media_type(name: str) -> str:
    """The media type of a file.

    Example: "dogs/Rex.JPG" -> "image/jpeg"
    """
    return _MEDIA_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
