"""Photos that a dual encoder teaches: what it sees in each of them, whether anybody has written a caption or not.

It knows files and the teacher's vectors, nothing of who learns them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.errors import DataError, PhotoError
from export.photos.discovery import FoundPhoto, discover
from export.photos.unicode_names import locate
from export.pictures.decoding import decode_photo, decode_whole
from export.progress import Progress

if TYPE_CHECKING:
    from export.conversion.dual.dual_encoder import DualEncoder

_LONG_SIDE = 640
"""In pixels, of the pictures that teachers are shown: they take 224 to 384."""
_PHOTOS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtPhotos:
    """Photos that can be decoded, and the teacher's vectors of them, float32 [photos, dim], unit L2 norm."""

    paths: tuple[Path, ...]
    vectors: NDArray[np.float32]

    def pixels(self, size: int) -> NDArray[np.uint8]:
        """The photos as indexing sees them, squashed to squares: uint8 [photos, size, size, 3]."""
        pixels = np.empty((len(self.paths), size, size, 3), np.uint8)
        for row, path in enumerate(self.paths):
            pixels[row] = decode_photo(path, image_size=size).pixels
        return pixels


def teach_photos(teacher: DualEncoder, identity: str, photos: Path, work: Path) -> TaughtPhotos:
    """Show photos to a teacher, or go on where that was interrupted.

    Args:
        teacher: What sees them.
        identity: Of its content.
        photos: A folder of photos, or a list file.
        work: What was seen is kept below it.

    Raises:
        DataError: None of the photos could be decoded.
        PhotosError: ``photos`` can't be read.
    """
    discovery = discover(photos, exclude=(), out=work)
    kept = work / "seen"
    kept.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    progress.begin("showing photos to the teacher", len(discovery.photos))
    paths: list[Path] = []
    vectors = [np.zeros((0, teacher.dimensions), np.float32)]
    for start in range(0, len(discovery.photos), _PHOTOS_AT_ONCE):
        part = discovery.photos[start : start + _PHOTOS_AT_ONCE]
        found = _see(teacher, discovery.root, part, kept / f"{_digest(identity, part)}.npz")
        paths += [locate(discovery.root, photo.id) for photo, row in zip(part, found.rows, strict=True) if row]
        vectors.append(found.vectors)
        progress.advance(len(part))
    progress.end()
    if not paths:
        raise DataError(f"none of the photos in {photos} could be decoded; expected images to learn on")
    return TaughtPhotos(paths=tuple(paths), vectors=np.concatenate(vectors))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Which of some photos could be decoded, bool [photos], and the vectors of these."""

    rows: NDArray[np.bool_]
    vectors: NDArray[np.float32]


def _see(teacher: DualEncoder, root: Path, photos: Sequence[FoundPhoto], path: Path) -> _Seen:
    if not path.is_file():
        pictures = [_picture(locate(root, photo.id)) for photo in photos]
        vectors = teacher.embed_pictures([picture for picture in pictures if picture is not None])
        beside = path.with_suffix(".part.npz")
        np.savez(beside, rows=np.array([picture is not None for picture in pictures]), vectors=vectors)
        beside.rename(path)
    with np.load(path) as kept:
        return _Seen(rows=kept["rows"], vectors=kept["vectors"])


def _picture(path: Path) -> Image.Image | None:
    try:
        return Image.fromarray(decode_whole(path, long_side=_LONG_SIDE))
    except PhotoError:
        return None


def _digest(identity: str, photos: Sequence[FoundPhoto]) -> str:
    said = [identity, *(f"{photo.size_bytes} {photo.stamp} {photo.id}" for photo in photos)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]
