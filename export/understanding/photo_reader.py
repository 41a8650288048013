"""Reading: photos of a batch are decoded and understood, in whatever process this runs.

It knows decoding and the captioner; nothing of processes or the library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from export.errors import BrokenPhotoError, PhotoError
from export.photos.content_hash import check_unchanged
from export.pictures.decoding import DecodedPhoto, decode_photo
from export.pictures.facts import PhotoFacts
from export.understanding.captioner import Captioner, CaptionerSource, Understanding
from export.understanding.engine import FailedPhoto, ReadingTask, Turn, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPhoto:
    """A photo that was read; ``understanding`` is None where it wasn't asked for."""

    id: str
    content: str
    thumbnail: bytes
    facts: PhotoFacts
    understanding: Understanding | None


Outcome = ReadPhoto | FailedPhoto
Decoded = TypeVar("Decoded")


def understanding(captioner: CaptionerSource) -> Work[Captioner, ReadPhoto]:
    """The work of reading photos with a captioner."""
    return Work(source=captioner, read=read_photos, name="captioner", alone=captioner.alone)


def read_photos(tasks: Sequence[ReadingTask], captioner: Captioner, large_photo_turn: Turn) -> list[Outcome]:
    """Decode photos, and ask the captioner about all of them at once; one outcome for each, in no order."""
    outcomes: list[Outcome] = []
    decoded: list[DecodedPhoto] = []
    asked: list[ReadingTask] = []
    for task in tasks:
        try:
            photo = decode_unchanged(task, partial(_decode, task, captioner.image_size, large_photo_turn))
        except PhotoError as error:
            broken = isinstance(error, BrokenPhotoError)
            outcomes.append(FailedPhoto(id=task.id, content=task.content, reason=str(error), broken=broken))
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


def decode_unchanged(task: ReadingTask, decode: Callable[[], Decoded]) -> Decoded:
    """Decode what was hashed: a file that has changed since is neither read nor called broken. Raises PhotoError."""
    if task.data is not None:
        return decode()
    try:
        decoded = decode()
    except BrokenPhotoError:
        check_unchanged(task.path, size_bytes=task.size_bytes, stamp=task.stamp)
        raise
    check_unchanged(task.path, size_bytes=task.size_bytes, stamp=task.stamp)
    return decoded


def _decode(task: ReadingTask, image_size: int, turn: Turn) -> DecodedPhoto:
    return decode_photo(task.path, image_size=image_size, large_photo_turn=turn, data=task.data)


def _read(task: ReadingTask, photo: DecodedPhoto, understanding: Understanding | None) -> ReadPhoto:
    return ReadPhoto(
        id=task.id,
        content=task.content,
        thumbnail=photo.thumbnail,
        facts=photo.facts,
        understanding=understanding,
    )
