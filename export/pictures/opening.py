"""Opening: what a file is, by its content, and the image in it that is the photo; nothing of it is decoded here.

Whatever can't be read is called by what it is.
"""

from __future__ import annotations

import functools
import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import PIL
import pillow_heif
from PIL import Image

from export.errors import BrokenPhotoError
from export.pictures.formats import FORMATS, TYPE_OF_PILLOW
from export.pictures.jxl_header import begins_jxl, read_size
from export.pictures.metadata import prepare_exif, read_directory
from export.pictures.pixels import check_size
from export.pictures.raw_previews import begins_tiff, is_raw, read_preview

_START_BYTES = 64
_WITHOUT_ORIENTATION = ("JXL",)
"""What is upright as it is decoded, whatever its EXIF data say (ISO/IEC 18181-2:2024, section 9.4)."""

_KNOWN_BUT_NOT_READ = {
    b"8BPS": "a Photoshop document", b"%PDF": "a PDF", b"<svg": "an SVG drawing", b"<?xm": "an XML document",
    b"gimp": "a GIMP document", b"v/1\x01": "an OpenEXR image", b"%!PS": "a PostScript document",
    b"\x00\x00\x01\x00": "an icon", b"RIFF": "a RIFF file that is no WebP", b"PK\x03\x04": "a ZIP archive",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPhoto:
    """An image that is open, yet not decoded.

    Attributes:
        image: Where its pixels come from.
        type: What catalogues call its format.
        size: Width and height in pixels of the photo itself, as the pixels lie; None where they are the image's.
        exif: Of the photo itself; None where it is the image's.
        orientation: How it lies, as EXIF counts it; None where its EXIF data say so.
        negative: Whether its grey is white where it is zero.
    """

    image: Image.Image
    type: str
    size: tuple[int, int] | None = None
    exif: Image.Exif | None = None
    orientation: int | None = None
    negative: bool = False


def open_photo(file: BinaryIO, path: Path) -> OpenedPhoto:
    """Open an image file.

    Args:
        file: The open file.
        path: Its path, whose ending tells raw files from other TIFFs.

    Raises:
        BrokenPhotoError: It isn't an image of a supported format, or has too many pixels.
    """
    file.seek(0)
    start = file.read(_START_BYTES)
    if is_raw(path, start):
        return _open_raw(file, path, start)
    if begins_jxl(start):
        _check_jxl(file)
    file.seek(0)
    try:
        image = Image.open(file, formats=_prepared_formats())
    except PIL.UnidentifiedImageError as error:
        if begins_tiff(start):
            return _open_uncommon_tiff(file)
        raise BrokenPhotoError(_what_it_is(start)) from error
    if image.format == "TIFF":
        from export.pictures import tiff_kinds

        tiff_kinds.turn_to_picture(image)
        if tiff_kinds.is_misread(image):
            return _open_uncommon_tiff(file)
        return OpenedPhoto(image=image, type="tiff", negative=tiff_kinds.is_negative(image))
    upright = image.format in _WITHOUT_ORIENTATION and not getattr(image, "jpeg", False)
    return OpenedPhoto(image=image, type=TYPE_OF_PILLOW[image.format or ""], orientation=1 if upright else None)


@functools.cache
def _prepared_formats() -> list[str]:
    """What Pillow, once it is prepared, is asked to recognise."""
    pillow_heif.register_heif_opener(depth_images=False, aux_images=False, decode_threads=1)
    Image.MAX_IMAGE_PIXELS = None  # MAX_PIXELS is checked instead, with a clearer message and without a warning
    prepare_exif()
    with suppress(ImportError):
        import pillow_jxl  # noqa: F401 it registers itself
    known = [name for each in FORMATS for name in each.pillow[:1]]
    return [name for name in known if name != "JXL" or name in Image.OPEN]


def _open_raw(file: BinaryIO, path: Path, start: bytes) -> OpenedPhoto:
    preview = read_preview(file if isinstance(file, io.BytesIO) else path)
    exif = read_directory(file) if begins_tiff(start) else None
    return OpenedPhoto(image=preview.image, type="raw", size=preview.size, exif=exif, orientation=preview.orientation)


def _open_uncommon_tiff(file: BinaryIO) -> OpenedPhoto:
    from export.pictures.tiff_kinds import read_uncommon

    return OpenedPhoto(image=read_uncommon(file), type="tiff", exif=read_directory(file))


def _check_jxl(file: BinaryIO) -> None:
    """Its decoder decodes as soon as a file is opened."""
    if "JXL" not in _prepared_formats():
        raise BrokenPhotoError(
            "a JPEG XL image, which pillow-jxl-plugin reads, and it is not installed: pip install pillow-jxl-plugin"
        )
    if size := read_size(file):
        check_size(*size)


def _what_it_is(start: bytes) -> str:
    if not start:
        return "the file is empty"
    expected = ", ".join(each.name for each in FORMATS)
    for beginning, kind in _KNOWN_BUT_NOT_READ.items():
        if start.startswith(beginning):
            return f"{kind}, expected {expected}"
    if start[4:8] == b"ftyp":
        return f"a film or another MP4 file ({start[8:12]!r}), expected {expected}"
    return f"not an image: begins with {start[:16]!r}, expected {expected}"
