"""Media types: what the web calls the formats of the files that are served and published, by their suffix."""

from __future__ import annotations

from pathlib import PurePath

from export.pictures.formats import MEDIA_TYPES

_MEDIA_TYPES = {
    **MEDIA_TYPES,
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".svg": "image/svg+xml",
}


def media_type(name: str) -> str:
    """The media type of a file.

    Example: "dogs/Rex.JPG" -> "image/jpeg"
    """
    return _MEDIA_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
