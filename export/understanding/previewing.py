"""Previewing: photos are decoded once more, to pictures that fill a screen, in whatever process this runs.

Browsers can't show every format that photos come in, and thumbnails are too small to be looked at closely.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from export.errors import BrokenPhotoError, PhotoError
from export.library.records import KnownPhoto
from export.photos.unicode_names import locate
from export.pictures.decoding import decode_whole
from export.understanding.engine import FailedPhoto, ReadingTask, Turn, Work
from export.understanding.photo_reader import decode_unchanged

LONG_SIDE_PX = 1_600
QUALITY = 80
METHOD = 2
"""How WebP is encoded; export/README.md has what was measured of it, and of JPEG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadePreview:
    """The preview of a content."""

    content: str
    data: bytes


class NoModel:
    """What is loaded to make previews."""

    def load(self) -> None:
        """Load nothing."""


def preview_task(root: Path, photo: KnownPhoto) -> ReadingTask:
    """The task of making the preview of a photo, whose id is relative to a folder."""
    return ReadingTask(
        id=photo.id,
        path=locate(root, photo.id),
        content=photo.content,
        size_bytes=photo.size_bytes,
        stamp=photo.stamp,
    )


def make_preview(task: ReadingTask, large_photo_turn: Turn) -> bytes:
    """Make the preview of a photo.

    Returns:
        A WebP file in sRGB, upright, without metadata, whose longer side is ``LONG_SIDE_PX``, or the photo's own.

    Raises:
        PhotoError: The photo can't be decoded or read, or isn't what was hashed.
    """
    pixels = decode_unchanged(
        task,
        lambda: decode_whole(task.path, long_side=LONG_SIDE_PX, large_photo_turn=large_photo_turn, data=task.data),
    )
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=QUALITY, method=METHOD)
    return file.getvalue()


def make_previews(tasks: Sequence[ReadingTask], _: None, large_photo_turn: Turn) -> list[MadePreview | FailedPhoto]:
    """Make the previews of photos one by one; one outcome for each."""
    return [_make(task, large_photo_turn) for task in tasks]


def _make(task: ReadingTask, turn: Turn) -> MadePreview | FailedPhoto:
    try:
        return MadePreview(content=task.content, data=make_preview(task, turn))
    except PhotoError as error:
        broken = isinstance(error, BrokenPhotoError)
        return FailedPhoto(id=task.id, content=task.content, reason=str(error), broken=broken)


PREVIEWING = Work(source=NoModel(), read=make_previews, name="maker of previews")
"""The work of making previews."""
