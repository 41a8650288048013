"""Raw files of cameras: the preview that the camera embedded is the photo, as viewers show it.

LibRaw finds it (through rawpy). A file without one is developed, at half its size.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from export.errors import BrokenPhotoError
from export.pictures.formats import RAW_SUFFIXES
from export.pictures.pixels import check_size

_STARTS = (b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FUJIFILMCCD-RAW")
_TIFF_STARTS = (b"II*\0", b"MM\0*")
_ORIENTATION_OF_FLIP = {3: 3, 5: 8, 6: 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPreview:
    """The preview of a raw file.

    Attributes:
        image: An open image.
        size: Width and height in pixels of the photo itself, as the sensor lies.
        orientation: How it is to be turned, as EXIF counts it.
    """

    image: Image.Image
    size: tuple[int, int]
    orientation: int


def begins_tiff(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a TIFF, or of a BigTIFF."""
    return start.startswith((*_TIFF_STARTS, b"II+\0", b"MM\0+"))


def is_raw(path: Path, start: bytes) -> bool:
    """Whether a file is a camera's raw file, by its first 16 bytes; where these are those of any TIFF, by its name."""
    if start.startswith(_STARTS) or start[4:12] == b"ftypcrx " or start[8:10] == b"CR":
        return True
    return start.startswith(_TIFF_STARTS) and path.suffix.lower() in RAW_SUFFIXES


def read_preview(file: Path | BinaryIO) -> RawPreview:
    """Read the largest preview of a raw file, by its path or open.

    Raises:
        BrokenPhotoError: It can't be read, or what reads it isn't installed.
    """
    try:
        import rawpy
    except ImportError as error:
        raise BrokenPhotoError("a raw file, which rawpy reads, and it is not installed: pip install rawpy") from error
    try:
        with rawpy.imread(str(file) if isinstance(file, Path) else _rewound(file)) as raw:
            sizes = raw.sizes
            check_size(sizes.raw_width, sizes.raw_height)
            try:
                preview = raw.extract_thumb()
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                # Developed, it is upright already.
                image = Image.fromarray(raw.postprocess(half_size=True, use_camera_wb=True, user_flip=0))
            else:
                data = preview.data
                image = Image.open(io.BytesIO(data)) if isinstance(data, bytes) else Image.fromarray(data)
            width, height = sizes.width, sizes.height
            orientation = _ORIENTATION_OF_FLIP.get(sizes.flip, 1)
            if orientation in (6, 8) and (image.width < image.height) != (width < height):
                width, height, orientation = height, width, 1  # the camera has turned the preview already
            return RawPreview(image=image, size=(width, height), orientation=orientation)
    except rawpy.LibRawError as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise BrokenPhotoError(f"a raw file that LibRaw can't read: {reason}") from error


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file
