"""The backlog of text: the contents whose text no reader of this identity has read are read, and the library keeps it.

What was read of a batch is kept before the next: a run that is killed goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from export.library.library import Library
from export.library.records import Failure
from export.photos.unicode_names import locate
from export.pictures.decoding import DECODER
from export.progress import Progress
from export.understanding.engine import Engine, FailedPhoto, ReadingTask
from export.understanding.text.text_reader import TextReaderSource
from export.understanding.text.text_reading import ReadText, text_reading


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsRead:
    """What came of it: how many photos were read, in how many there is text, and which can't be read for now."""

    read: int
    with_text: int
    failed: tuple[Failure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBacklog:
    """What working it off needs: where photos lie, where their text is kept, and who reads it."""

    root: Path
    library: Library
    reader: TextReaderSource
    engine: Engine
    progress: Progress

    def work_off(self, contents: Collection[str]) -> TextsRead:
        """Read contents of the library's photos, each once, but for those that can't be decoded.

        Raises:
            ModelError: The reader can't be loaded.
        """
        tasks = self._tasks(contents)
        read = with_text = 0
        failed: list[Failure] = []
        self.progress.begin("reading text", len(tasks))
        for outcomes in self.engine(tasks, text_reading(self.reader)):
            texts = [outcome for outcome in outcomes if isinstance(outcome, ReadText)]
            failures = [outcome for outcome in outcomes if isinstance(outcome, FailedPhoto)]
            self.library.texts.put(
                {text.content: text.lines for text in texts},
                reader=self.reader.identity,
                failures={failure.content: failure.reason for failure in failures if failure.broken},
            )
            failed += [Failure(path=failure.id, reason=failure.reason) for failure in failures if not failure.broken]
            read += len(texts)
            with_text += sum(bool(text.lines) for text in texts)
            self.progress.advance(len(outcomes))
        self.progress.end()
        return TextsRead(read=read, with_text=with_text, failed=tuple(failed))

    def _tasks(self, contents: Collection[str]) -> list[ReadingTask]:
        done = self.library.texts.contents(reader=self.reader.identity)
        wanted = set(contents) - done - self.library.failures.contents(decoder=DECODER)
        return [
            ReadingTask(
                id=photo.id,
                path=locate(self.root, photo.id),
                content=photo.content,
                size_bytes=photo.size_bytes,
                stamp=photo.stamp,
            )
            for photo in self.library.photos.of_contents(wanted)
        ]
