"""Media types: what the web calls the formats of the files that are served and published, by their suffix."""

from __future__ import annotations

from pathlib import PurePath

_MEDIA_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/heif",
    ".jfif": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}


def media_type(name: str) -> str:
    """The media type of a file.

    Example: "dogs/Rex.JPG" -> "image/jpeg"
    """
    return _MEDIA_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
