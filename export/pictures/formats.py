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
        pillow: What Pillow calls it, when it is asked for it and once a file is open; nothing where Pillow isn't asked.
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
_JPEG_2000 = dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf"), "image/jp2")
_RAW = {
    ".3fr": "image/x-hasselblad-3fr", ".arw": "image/x-sony-arw", ".cr2": "image/x-canon-cr2",
    ".cr3": "image/x-canon-cr3", ".dng": "image/x-adobe-dng", ".nef": "image/x-nikon-nef", ".nrw": "image/x-nikon-nrw",
    ".orf": "image/x-olympus-orf", ".pef": "image/x-pentax-pef", ".raf": "image/x-fuji-raf",
    ".rw2": "image/x-panasonic-rw2", ".srw": "image/x-samsung-srw",
}  # fmt: skip

FORMATS = (
    # Pillow calls a JPEG that holds further pictures behind the first MPO once it is open.
    Format(name="JPEG", pillow=("JPEG", "MPO"), type="jpeg", media_types=_JPEG),
    Format(name="PNG", pillow=("PNG",), type="png", media_types={".png": "image/png"}),
    Format(name="WebP", pillow=("WEBP",), type="webp", media_types={".webp": "image/webp"}),
    Format(name="GIF", pillow=("GIF",), type="gif", media_types={".gif": "image/gif"}),
    Format(name="TIFF", pillow=("TIFF",), type="tiff", media_types=_TIFF),
    Format(name="AVIF", pillow=("AVIF",), type="avif", media_types={".avif": "image/avif"}),
    Format(name="HEIC", pillow=("HEIF",), type="heic", media_types=_HEIC),
    Format(name="JPEG XL", pillow=("JXL",), type="jxl", media_types={".jxl": "image/jxl"}),
    Format(name="JPEG 2000", pillow=("JPEG2000",), type="jp2", media_types=_JPEG_2000),
    Format(name="BMP", pillow=("BMP",), type="bmp", media_types={".bmp": "image/bmp"}),
    Format(name="raw files of cameras", pillow=(), type="raw", media_types=_RAW),
)

MEDIA_TYPES = {suffix: media_type for each in FORMATS for suffix, media_type in each.media_types.items()}
SUFFIXES = tuple(sorted(MEDIA_TYPES))
RAW_SUFFIXES = frozenset(_RAW)
PASSED_OVER = {
    **dict.fromkeys(
        (".mp4", ".mov", ".avi", ".mkv", ".m4v", ".3gp", ".mts", ".m2ts", ".webm", ".wmv", ".mpg", ".mpeg", ".flv"),
        "video",
    ),
    **dict.fromkeys((".mp3", ".m4a", ".wav", ".aac", ".flac", ".ogg"), "recording"),
    **dict.fromkeys((".xmp", ".aae", ".thm", ".json", ".txt", ".xml"), "note"),
    **dict.fromkeys((".psd", ".psb"), "PSD"),
    **dict.fromkeys((".svg", ".ai", ".eps", ".xcf", ".pdf", ".exr", ".hdr", ".ico", ".tga"), ""),
}
"""What files of other endings are called where they are counted; those of no name are called by their ending."""

TYPE_OF_PILLOW = {name: each.type for each in FORMATS for name in each.pillow}
