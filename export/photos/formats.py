"""The formats: what photos are read, one row each; whoever adds a format adds a row.

It knows names; decoding.py knows what is in the files. It imports next to nothing, so that photos are found at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of image files.

    Attributes:
        name: What people call it.
        pillow: What Pillow calls it, when it is asked for it and once a file is open.
        type: What catalogues and filters call it.
        media_types: How the names of its files end, in lower case, and what the web calls each.
    """

    name: str
    pillow: tuple[str, ...]
    type: str
    media_types: Mapping[str, str]


_JPEG = dict.fromkeys((".jfif", ".jpe", ".jpeg", ".jpg"), "image/jpeg")
_TIFF = dict.fromkeys((".tif", ".tiff"), "image/tiff")
_HEIC = {".heic": "image/heic", ".heif": "image/heif", ".hif": "image/heif"}

FORMATS = (
    # Pillow calls a JPEG that holds further pictures behind the first MPO once it is open.
    Format(name="JPEG", pillow=("JPEG", "MPO"), type="jpeg", media_types=_JPEG),
    Format(name="PNG", pillow=("PNG",), type="png", media_types={".png": "image/png"}),
    Format(name="WebP", pillow=("WEBP",), type="webp", media_types={".webp": "image/webp"}),
    Format(name="GIF", pillow=("GIF",), type="gif", media_types={".gif": "image/gif"}),
    Format(name="TIFF", pillow=("TIFF",), type="tiff", media_types=_TIFF),
    Format(name="AVIF", pillow=("AVIF",), type="avif", media_types={".avif": "image/avif"}),
    Format(name="HEIC", pillow=("HEIF",), type="heic", media_types=_HEIC),
)

MEDIA_TYPES = {suffix: media_type for each in FORMATS for suffix, media_type in each.media_types.items()}
SUFFIXES = tuple(sorted(MEDIA_TYPES))
TYPE_OF_PILLOW = {name: each.type for each in FORMATS for name in each.pillow}
