"""Reading: photos of a batch are decoded and understood, in whatever process this runs.

It knows decoding and the captioner; nothing of processes or the library.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.captioner import Captioner, Understanding
from export.errors import BrokenPhotoError, PhotoError, UnreadablePhotoError
from export.photos import DecodedPhoto, decode_photo


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingTask:
    """A photo to be read.

    Attributes:
        content: hash of what the file held when it was hashed.
        path: the file.
        size_bytes: of the file when it was hashed.
        mtime_ns: of the file when it was hashed.
        understand: whether the captioner is asked; otherwise only the thumbnail is wanted.
    """

    content: str
    path: Path
    size_bytes: int
    mtime_ns: int
    understand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPhoto:
    """A photo that was read; ``understanding`` is None where it wasn't asked for."""

    content: str
    thumbnail: bytes
    width: int
    height: int
    taken: str | None
    understanding: Understanding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPhoto:
    """A photo that couldn't be read; where ``broken``, it is no use to try again before it changes."""

    content: str
    path: Path
    reason: str
    broken: bool


Outcome = ReadPhoto | FailedPhoto


def read_photos(
    tasks: Sequence[ReadingTask], captioner: Captioner, *, large_photo_turn: AbstractContextManager[object]
) -> list[Outcome]:
    """Decode photos, and ask the captioner about all of them at once; one outcome for each, in no order."""
    outcomes: list[Outcome] = []
    decoded: list[DecodedPhoto] = []
    asked: list[ReadingTask] = []
    for task in tasks:
        try:
            photo = _decode_unchanged(task, captioner.image_size, large_photo_turn)
        except PhotoError as error:
            broken = isinstance(error, BrokenPhotoError)
            outcomes.append(FailedPhoto(content=task.content, path=task.path, reason=str(error), broken=broken))
            continue
        if task.understand:
            decoded.append(photo)
            asked.append(task)
        else:
            outcomes.append(_read(task, photo, None))
    if asked:
        understandings = captioner.understand(np.stack([photo.pixels for photo in decoded]))
        outcomes += [_read(*parts) for parts in zip(asked, decoded, understandings, strict=True)]
    return outcomes


def _decode_unchanged(task: ReadingTask, image_size: int, turn: AbstractContextManager[object]) -> DecodedPhoto:
    photo = decode_photo(task.path, image_size=image_size, large_photo_turn=turn)
    check_unchanged(task.path, size_bytes=task.size_bytes, mtime_ns=task.mtime_ns)
    return photo


def check_unchanged(path: Path, *, size_bytes: int, mtime_ns: int) -> None:
    """Check that a file still has a size and a date.

    Raises:
        UnreadablePhotoError: it hasn't, or it is gone.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadablePhotoError(f"can't be read: {error.strerror}") from error
    if (status.st_size, status.st_mtime_ns) != (size_bytes, mtime_ns):
        raise UnreadablePhotoError("it changed while it was read; run again")


def _read(task: ReadingTask, photo: DecodedPhoto, understanding: Understanding | None) -> ReadPhoto:
    return ReadPhoto(
        content=task.content,
        thumbnail=photo.thumbnail,
        width=photo.width,
        height=photo.height,
        taken=photo.taken,
        understanding=understanding,
    )
