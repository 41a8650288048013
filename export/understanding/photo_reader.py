"""Reading: photos of a batch are decoded, captioned and seen, in whatever process this runs.

It knows decoding, the captioner and the image encoder; nothing of processes or the library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from export.errors import BrokenPhotoError, PhotoError
from export.photos.content_hash import check_unchanged
from export.pictures.decoding import DecodedPhoto, decode_photo
from export.pictures.facts import PhotoFacts
from export.understanding.captioner import Captioner, CaptionerSource, PictureCaptioner, Understanding, is_own
from export.understanding.engine import FailedPhoto, ReadingTask, Turn, Work
from export.understanding.view.image_encoder import ImageEncoder, ImageEncoderSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPhoto:
    """A photo that was read.

    Attributes:
        id: Of the photo.
        content: Hash of what its file holds.
        thumbnail: A JPEG file.
        facts: What decoding found.
        understanding: What the captioner says; None where it wasn't asked.
        view: float32 [dim], unit L2 norm, what the image encoder sees; None where it wasn't asked.
    """

    id: str
    content: str
    thumbnail: bytes
    facts: PhotoFacts
    understanding: Understanding | None = None
    view: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoModels:
    """What understands photos; no image encoder where the captioner sees what it would, or where no view is wanted."""

    captioner: Captioner | PictureCaptioner
    image_encoder: ImageEncoder | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoModelsSource:
    """What understands photos, not loaded yet; picklable."""

    captioner: CaptionerSource
    image_encoder: ImageEncoderSource | None

    def load(self) -> PhotoModels:
        """Load the captioner, and the image encoder unless the captioner sees what it does; raises ModelError."""
        wanted = self.image_encoder
        if wanted is None or is_own(self.captioner, wanted):
            return PhotoModels(captioner=self.captioner.load(), image_encoder=None)
        return PhotoModels(captioner=self.captioner.load(), image_encoder=wanted.load())


Outcome = ReadPhoto | FailedPhoto
Decoded = TypeVar("Decoded")


def understanding(captioner: CaptionerSource, image_encoder: ImageEncoderSource | None) -> Work[PhotoModels, ReadPhoto]:
    """The work of reading photos with a captioner, and with an image encoder if there is one."""
    return Work(
        source=PhotoModelsSource(captioner=captioner, image_encoder=image_encoder),
        read=read_photos,
        name="captioner" if image_encoder is None else "captioner or image encoder",
        alone=captioner.alone or (image_encoder is not None and image_encoder.alone),
    )


def read_photos(tasks: Sequence[ReadingTask], models: PhotoModels, large_photo_turn: Turn) -> list[Outcome]:
    """Decode photos, and ask the models about all of them at once; one outcome for each, in no order."""
    outcomes: list[Outcome] = []
    decoded: dict[str, DecodedPhoto] = {}
    for task in tasks:
        try:
            decoded[task.id] = decode_unchanged(task, partial(_decode, task, models, large_photo_turn))
        except PhotoError as error:
            outcomes.append(_failed(task, error))
    understandings = _understand(tasks, models, decoded)
    views = _see(tasks, models, decoded)
    for task in tasks:
        if (photo := decoded.get(task.id)) is not None:
            understanding = understandings.get(task.id)
            if isinstance(understanding, PhotoError):
                outcomes.append(_failed(task, understanding))
                continue
            along_the_way = understanding.view if understanding is not None and task.see else None
            outcomes.append(
                ReadPhoto(
                    id=task.id,
                    content=task.content,
                    thumbnail=photo.thumbnail,
                    facts=photo.facts,
                    understanding=understanding if task.caption else None,
                    view=views.get(task.id, along_the_way),
                )
            )
    return outcomes


def _failed(task: ReadingTask, error: PhotoError) -> FailedPhoto:
    broken = isinstance(error, BrokenPhotoError)
    return FailedPhoto(id=task.id, content=task.content, reason=str(error), broken=broken)


def _understand(
    tasks: Sequence[ReadingTask], models: PhotoModels, decoded: Mapping[str, DecodedPhoto]
) -> dict[str, Understanding | PhotoError]:
    """What the captioner makes of the photos that are to be captioned, or that nothing else sees, by id."""
    asked = [task.id for task in tasks if task.caption or (task.see and models.image_encoder is None)]
    ids = [each for each in asked if each in decoded]
    return dict(zip(ids, _ask(models.captioner, [decoded[each] for each in ids]), strict=True))


def _ask(
    captioner: Captioner | PictureCaptioner, photos: Sequence[DecodedPhoto]
) -> Sequence[Understanding | PhotoError]:
    """Ask about photos together; where the captioner fails, about each alone: one costs no other its caption."""
    if not photos:
        return []
    try:
        if isinstance(captioner, PictureCaptioner):
            return captioner.understand([photo.picture for photo in photos if photo.picture is not None])
        return captioner.understand(np.stack([photo.pixels for photo in photos]))
    except PhotoError as error:
        return [error] if len(photos) == 1 else [_ask(captioner, [photo])[0] for photo in photos]


def _see(
    tasks: Sequence[ReadingTask], models: PhotoModels, decoded: Mapping[str, DecodedPhoto]
) -> dict[str, NDArray[np.float32]]:
    """What the image encoder sees in the photos that are to be seen, by id."""
    wanted = {task.id for task in tasks if task.see}
    pictures = {each: photo.picture for each, photo in decoded.items() if each in wanted and photo.picture is not None}
    if models.image_encoder is None or not pictures:
        return {}
    return dict(zip(pictures, models.image_encoder.embed(list(pictures.values())), strict=True))


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


def _decode(task: ReadingTask, models: PhotoModels, turn: Turn) -> DecodedPhoto:
    captioner, image_encoder = models.captioner, models.image_encoder
    seen_side = image_encoder.picture_side if image_encoder is not None and task.see else 0
    if isinstance(captioner, PictureCaptioner):
        image_size, asked_side = 0, captioner.picture_side if task.caption else 0
    else:
        image_size, asked_side = captioner.image_size, 0
    return decode_photo(
        task.path,
        image_size=image_size,
        picture_side=max(asked_side, seen_side),
        large_photo_turn=turn,
        data=task.data,
    )
