"""Decoding: an image file becomes pixels for the captioner, a thumbnail, its size and its date; or larger pixels.

It knows nothing of captions, folders or the library. What decoding costs is bounded: JPEG is decoded scaled down,
everything else is shrunk in bands right after decoding, and above ``MAX_PIXELS`` nothing is decoded.
At 200 megapixels the peak is 40 MB for a baseline JPEG, 1.2 GB for a progressive one, 0.8 GB plus the
file for PNG and TIFF, 1.5 GB for HEIC, 1.9 GB for AVIF and 3.3 GB for WebP, whose decoder keeps
sixteen bytes a pixel; ``large_photo_turn`` lets several processes take turns at such photos.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import PIL
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps

from export.errors import BrokenPhotoError, UnreadablePhotoError
from export.pictures.damage import damage_allowed, describe_damage, without_metadata
from export.pictures.facts import READER, PhotoFacts
from export.pictures.inscriptions import inscription
from export.pictures.looks import fingerprint, placeholder
from export.pictures.metadata import colour_profile, date_taken, orientation, position, read_exif
from export.pictures.opening import open_photo
from export.pictures.pixels import check_size, shrink, to_srgb
from handler.errors import in_words

LARGE_PIXELS = 24_000_000
THUMBNAIL_LONG_SIDE_PX = 320
THUMBNAIL_QUALITY = 75
"""As JPEG, 12.4 kB and 35.1 dB. WebP at 80 has 11.5 kB and 36.4 dB, and takes ten times as long: a tenth of a photo."""

DECODER = f"reader {READER}, pillow {PIL.__version__}, pillow-heif {pillow_heif.__version__}"
"""What decodes: a photo that this decoder can't read isn't tried again until the photo or the decoder changes."""

_TRANSPOSE_OF_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPhoto:
    """What is kept of an image file.

    Attributes:
        pixels: uint8 [image_size, image_size, 3], sRGB, upright, squashed to a square; empty where nobody wants one.
        picture: The same in a shape of its own, RGB; None where nobody wants it.
        thumbnail: A JPEG file without metadata, longest side at most ``THUMBNAIL_LONG_SIDE_PX``.
        facts: What else is known of it.
    """

    pixels: NDArray[np.uint8]
    picture: Image.Image | None
    thumbnail: bytes
    facts: PhotoFacts


def decode_photo(
    path: Path,
    *,
    image_size: int = 0,
    picture_side: int = 0,
    large_photo_turn: AbstractContextManager[object] | None = None,
    data: bytes | None = None,
) -> DecodedPhoto:
    """Decode the first frame of an image file.

    Args:
        path: The image file.
        image_size: Side in pixels of the square that the captioner takes; 0 where no square is wanted.
        picture_side: Pixels that each side of the picture has at least, where the photo has as many; 0 where no picture
            is wanted.
        large_photo_turn: Held while a photo of more than ``LARGE_PIXELS`` is decoded whole.
        data: What it holds, where it doesn't lie on this machine; of the path only the ending counts then.

    Raises:
        BrokenPhotoError: The content can't be decoded; it is no use to try again.
        UnreadablePhotoError: The file can't be read now: permissions, input/output, memory.
    """
    side = max(image_size * 5 // 4, THUMBNAIL_LONG_SIDE_PX, picture_side)
    make = partial(_photo, image_size=image_size, with_picture=picture_side > 0)
    return _decode_file(path, data, _Size(side=side, alike=picture_side > 0), large_photo_turn, make)


def decode_whole(
    path: Path,
    *,
    long_side: int,
    large_photo_turn: AbstractContextManager[object] | None = None,
    data: bytes | None = None,
) -> NDArray[np.uint8]:
    """Decode the first frame of an image file in its own shape, for whoever looks at details.

    Args:
        path: The image file.
        long_side: Pixels that the longer side has at most.
        large_photo_turn: As ``decode_photo`` takes it.
        data: Likewise.

    Returns:
        uint8 [height, width, 3], sRGB, upright.

    Raises:
        BrokenPhotoError: As ``decode_photo`` does.
        UnreadablePhotoError: Likewise.
    """
    return _decode_file(path, data, _Size(long_side=long_side), large_photo_turn, partial(_pixels, long_side=long_side))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How large an image is wanted: by what each side reaches, or the longer one; and whether it keeps its shape."""

    side: int = 0
    long_side: int = 0
    alike: bool = True

    def least(self, width: int, height: int) -> int:
        """The pixels that each side has to have at least."""
        return self.side or -(-self.long_side * min(width, height) // max(width, height))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upright:
    """A decoded image: small, upright and in sRGB; and what it was made of, whose file is still open."""

    small: Image.Image
    width: int
    height: int
    type: str
    image: Image.Image
    exif: Image.Exif
    damage: str | None


_Made = TypeVar("_Made")


def _decode_file(
    path: Path,
    data: bytes | None,
    size: _Size,
    large_photo_turn: AbstractContextManager[object] | None,
    make: Callable[[_Upright], _Made],
) -> _Made:
    """Decode an image file, or what is there of it, and make something of it."""
    turn = large_photo_turn or nullcontext()
    try:
        with path.open("rb") if data is None else io.BytesIO(data) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which is no concern of ours
            try:
                return make(_decode(file, path, size, turn))
            except Exception as error:
                if isinstance(error, MemoryError) or getattr(error, "errno", None) is not None:
                    raise
                return _decode_damaged(file, path, size, turn, make, error)
    except BrokenPhotoError:
        raise
    except MemoryError as error:
        raise UnreadablePhotoError("not enough memory to decode it") from error
    except OSError as error:
        if error.errno is not None:  # from the file system; Pillow's own have no errno
            raise UnreadablePhotoError(f"can't be read: {error.strerror}") from error
        raise BrokenPhotoError(f"broken image: {in_words(error)}") from error
    except Exception as error:  # Pillow's decoders raise whatever broken bytes lead them to
        raise BrokenPhotoError(f"broken image: {type(error).__name__}: {error}") from error


def _decode_damaged(
    file: BinaryIO,
    path: Path,
    size: _Size,
    turn: AbstractContextManager[object],
    make: Callable[[_Upright], _Made],
    refusal: Exception,
) -> _Made:
    """Decode what is there of a file that was refused, if that is nearly all; raise the refusal again otherwise."""
    for source in (file, without_metadata(file)):
        if source is not None:
            # The first reason is the one to be known.
            with suppress(Exception), damage_allowed():
                return make(_decode(source, path, size, turn, refusal=refusal))
    raise refusal


def _decode(
    file: BinaryIO,
    path: Path,
    size: _Size,
    large_photo_turn: AbstractContextManager[object],
    refusal: Exception | None = None,
) -> _Upright:
    opened = open_photo(file, path)
    image = opened.image
    width, height = image.size
    check_size(width, height)
    wanted = size.least(width, height)
    image.draft("RGB", (wanted, wanted))  # JPEG decodes to 1/2, 1/4 or 1/8, HEIC to its thumbnail where that is enough
    decoded_whole = image.size[0] * image.size[1] > LARGE_PIXELS or (
        "progressive" in image.info and width * height > LARGE_PIXELS
    )
    with large_photo_turn if decoded_whole else nullcontext():
        image.load()
        small = shrink(image, wanted, alike=size.alike)
    damage = describe_damage(image, small, file, wanted, refusal) if refusal else None
    if opened.negative:
        small = ImageOps.invert(small)
    exif = opened.exif or read_exif(image)  # after load: PNG may carry it behind the pixels, TIFF is upright only then
    width, height = opened.size or (width, height)
    lies = opened.orientation or orientation(exif)
    if lies in _TRANSPOSE_OF_ORIENTATION:
        small = small.transpose(_TRANSPOSE_OF_ORIENTATION[lies])
        if lies >= 5:
            width, height = height, width
    return _Upright(
        small=to_srgb(small, colour_profile(image)),
        width=width,
        height=height,
        type=opened.type,
        image=image,
        exif=exif,
        damage=damage,
    )


def _photo(upright: _Upright, *, image_size: int, with_picture: bool) -> DecodedPhoto:
    thumbnail = _thumbnail(upright.small, upright.width, upright.height)
    taken = date_taken(upright.image, upright.exif)
    latitude, longitude = position(upright.exif) or (None, None)
    return DecodedPhoto(
        pixels=_squashed(upright.small, image_size),
        picture=upright.small if with_picture else None,
        thumbnail=_encode(thumbnail),
        facts=PhotoFacts(
            width=upright.width,
            height=upright.height,
            type=upright.type,
            taken=taken.at if taken else None,
            placeholder=placeholder(thumbnail),
            fingerprint=fingerprint(thumbnail),
            noted=taken.noted if taken else None,
            latitude=latitude,
            longitude=longitude,
            damage=upright.damage,
            written=inscription(upright.image, upright.exif),
        ),
    )


def _squashed(image: Image.Image, side: int) -> NDArray[np.uint8]:
    return np.array(image.resize((side, side), Image.Resampling.HAMMING)) if side else np.empty((0, 0, 3), np.uint8)


def _pixels(upright: _Upright, *, long_side: int) -> NDArray[np.uint8]:
    small = upright.small
    scale = min(long_side, max(small.size)) / max(upright.width, upright.height)
    size = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
    return np.array(small if size == small.size else small.resize(size, Image.Resampling.HAMMING))


def _thumbnail(image: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(1.0, THUMBNAIL_LONG_SIDE_PX / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return image.resize(size, Image.Resampling.HAMMING)  # in 0.4 of LANCZOS's time, and from it by 43 dB


def _encode(thumbnail: Image.Image) -> bytes:
    file = io.BytesIO()
    thumbnail.save(file, "JPEG", quality=THUMBNAIL_QUALITY)
    return file.getvalue()
