"""Reading text: photos of a batch are decoded and read, in whatever process this runs.

They are decoded once more, because text needs more pixels than a captioner takes, and because whoever asks for their
text may have had them captioned long ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from export.errors import BrokenPhotoError, PhotoError
from export.library.records import TextLine
from export.pictures.decoding import decode_whole
from export.understanding.engine import FailedPhoto, ReadingTask, Turn, Work
from export.understanding.photo_reader import decode_unchanged
from export.understanding.text.text_reader import TextReader, TextReaderSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadText:
    """What can be read in a photo, in reading order."""

    id: str
    content: str
    lines: tuple[TextLine, ...]


def text_reading(source: TextReaderSource) -> Work[TextReader, ReadText]:
    """The work of reading the text in photos."""
    return Work(source=source, read=read_texts, name="reader of text")


def read_texts(
    tasks: Sequence[ReadingTask], reader: TextReader, large_photo_turn: Turn
) -> list[ReadText | FailedPhoto]:
    """Read photos one by one; one outcome for each."""
    return [_read(task, reader, large_photo_turn) for task in tasks]


def _read(task: ReadingTask, reader: TextReader, turn: Turn) -> ReadText | FailedPhoto:
    def failed(reason: str, *, broken: bool) -> FailedPhoto:
        return FailedPhoto(id=task.id, content=task.content, reason=reason, broken=broken)

    try:
        pixels = decode_unchanged(
            task,
            lambda: decode_whole(task.path, long_side=reader.long_side, large_photo_turn=turn, data=task.data),
        )
    except PhotoError as error:
        return failed(str(error), broken=isinstance(error, BrokenPhotoError))
    try:
        lines = tuple(reader.read(pixels))
    except Exception as error:  # noqa: BLE001  ONNX Runtime's and OpenCV's exceptions share no other base
        return failed(f"the reader of text failed: {type(error).__name__}: {error}", broken=False)
    return ReadText(id=task.id, content=task.content, lines=lines)
