"""The kinds of TIFF (revision 6.0 and its supplements) that Pillow can't read, or shows wrongly, and which page counts.

Scanners and scientific software write samples of other types and orders than photographs have. tifffile reads them;
what they show is brought to 8 bits a channel here.
"""

from __future__ import annotations

import logging
from typing import BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from export.errors import BrokenPhotoError
from export.pictures.pixels import check_size

logging.getLogger("tifffile").disabled = True  # what is wrong with a photo is said once, with its reason

_BITS, _PHOTOMETRIC, _PLANES, _SAMPLE_FORMAT, _SUBFILE = 258, 262, 284, 339, 254
_WHITE_IS_ZERO, _SEPARATE_PLANES, _UNSIGNED, _SIGNED = 0, 2, 1, 2
_NOT_THE_PICTURE = 0b101
"""The bits of NewSubfileType of a reduced copy and of a mask."""

_MOST_PAGES = 16
_LARGER = 2
_SAME_SHAPE = 0.03
_CUSTOMARY_WHITES = (1.0, 255.0, 65535.0)
_COLOURS = {"MINISWHITE": 1, "MINISBLACK": 1, "RGB": 3, "SEPARATED": 4}
_KIND_OF_NUMBER = {"u": "", "i": "signed ", "f": "floating-point "}


def turn_to_picture(image: Image.Image) -> None:
    """Go to the page that holds the picture itself: not to the copy for previews that some programs put first."""
    found: tuple[int, tuple[int, int]] | None = None
    for page in range(_MOST_PAGES):
        try:
            image.seek(page)
        except Exception:  # noqa: BLE001 there are no more, or the next is broken, and Pillow raises whatever that means
            break
        preview = _tag(image, _SUBFILE) & _NOT_THE_PICTURE
        if not preview and (found is None or _is_larger(image.size, found[1])):
            found = page, image.size
    image.seek(found[0] if found else 0)


def is_misread(image: Image.Image) -> bool:
    """Whether Pillow opens a page, yet shows it wrongly: wide samples plane by plane, signed bytes, unsigned words."""
    bits = max(np.atleast_1d(image.tag_v2.get(_BITS, 1)))  # type: ignore[attr-defined]
    kinds = np.atleast_1d(image.tag_v2.get(_SAMPLE_FORMAT, 1))  # type: ignore[attr-defined]
    wide, signed = bits > 8, _SIGNED in kinds
    return bool(
        (wide and _tag(image, _PLANES) == _SEPARATE_PLANES)
        or (signed and not wide)
        or (bits > 16 and _UNSIGNED in kinds)
    )


def is_negative(image: Image.Image) -> bool:
    """Whether a page's grey samples are left white where they are zero: Pillow turns round those of 8 bits alone."""
    return image.mode not in ("1", "L", "P") and _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO


def read_uncommon(file: BinaryIO) -> Image.Image:
    """Read the picture of a TIFF whatever its samples are, as 8 bits a channel: L, RGB or CMYK, or with alpha.

    Args:
        file: From its first byte.

    Raises:
        BrokenPhotoError: It is damaged, or of a kind that can't be read, which the message names.
    """
    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            pages = [page for page in tiff.pages[:_MOST_PAGES] if isinstance(page, tifffile.TiffPage)]
            if not pages:
                raise BrokenPhotoError("broken TIFF: its directory of pages is missing; does the file end early?")
            page = max(pages, key=lambda page: page.imagelength * page.imagewidth)
            check_size(page.imagewidth, page.imagelength)
            colours = _COLOURS.get(getattr(page.photometric, "name", ""))
            if colours is None or page.samplesperpixel < colours or page.dtype is None:
                raise BrokenPhotoError(f"{_described(page)}, expected grey, RGB or CMYK")
            try:
                samples = page.asarray()
            except ValueError as error:
                raise BrokenPhotoError(f"{_described(page)}, which can't be decompressed") from error
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, TypeError) as error:
        raise BrokenPhotoError(f"broken TIFF: {error}") from error
    if page.planarconfig == _SEPARATE_PLANES and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, -1)
    pixels = _to_bytes(samples.reshape(page.imagelength, page.imagewidth, -1))
    return _picture(pixels, colours, negative=page.photometric == _WHITE_IS_ZERO, alpha=bool(page.extrasamples))


def _picture(pixels: NDArray[np.uint8], colours: int, *, negative: bool, alpha: bool) -> Image.Image:
    """An image of uint8 [height, width, channels], of which those behind the colours but for alpha are left out."""
    seen = pixels[..., :colours]
    seen = 255 - seen if negative else seen
    image = Image.fromarray(np.ascontiguousarray(seen[..., 0] if colours == 1 else seen), _MODES[colours])
    if alpha and pixels.shape[2] > colours:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(np.ascontiguousarray(pixels[..., colours])))
    return image


_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def _to_bytes(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Samples of any type as uint8: whole numbers by their range, others by the customary one that holds them."""
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8)
    if samples.dtype.kind in "ui":
        bits = 8 * samples.dtype.itemsize
        shifted = samples.astype(np.int64) + (1 << (bits - 1)) if samples.dtype.kind == "i" else samples
        return np.right_shift(shifted, bits - 8).astype(np.uint8)
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    white = next((white for white in _CUSTOMARY_WHITES if low >= 0.0 and high <= white), None)
    black, white = (0.0, white) if white else (low, max(high, low + 1.0))
    return ((values - black) * (255.0 / (white - black))).round().astype(np.uint8)


def _is_larger(size: tuple[int, int], than: tuple[int, int]) -> bool:
    """Whether a page is so much larger that the other is a small copy of it, of the same shape."""
    same_shape = abs(size[0] * than[1] - size[1] * than[0]) <= _SAME_SHAPE * size[1] * than[0]
    return same_shape and size[0] >= _LARGER * than[0]


def _described(page: tifffile.TiffPage) -> str:
    """What a page is, for people: ``"a TIFF of 3 channels of 32-bit floating-point numbers, compressed by LZW"``."""
    kind = _KIND_OF_NUMBER.get(page.dtype.kind, "") if page.dtype is not None else "unknown "
    colours = getattr(page.photometric, "name", str(page.photometric))
    channels = f"{page.samplesperpixel} channel{'s' if page.samplesperpixel > 1 else ''}"
    compression = getattr(page.compression, "name", str(page.compression))
    packed = "" if compression == "NONE" else f", compressed by {compression}"
    return f"a TIFF ({colours}) of {channels} of {page.bitspersample}-bit {kind}numbers{packed}"


def _tag(image: Image.Image, tag: int, otherwise: int = 0) -> int:
    value = image.tag_v2.get(tag, otherwise)  # type: ignore[attr-defined]
    return value if isinstance(value, int) else otherwise
