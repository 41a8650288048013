"""The backlog: the contents that lack something are read by workers, and the library keeps what they find."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import OutputError
from export.library.library import Library
from export.library.records import NAMES, ContentUnderstanding, KnownPhoto
from export.photos.thumbnails import Thumbnails
from export.photos.unicode_names import locate
from export.pictures.decoding import DECODER
from export.progress import Progress
from export.understanding.captioner import CaptionerSource, Understanding
from export.understanding.photo_reader import FailedPhoto, ReadingTask, ReadPhoto
from export.understanding.worker_pool import read_in_workers


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedOff:
    """What came of it: how many photos could be read, and the reason for each that couldn't for now, by id."""

    read: int
    unreadable: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What working it off needs: where photos lie, where what they show is kept, and who understands it."""

    root: Path
    library: Library
    thumbnails: Thumbnails
    captioner: CaptionerSource
    workers: int
    progress: Progress

    def work_off(self, contents: Collection[str]) -> WorkedOff:
        """Read contents of the library's photos, each once, but for those that this decoder is known to fail on.

        Raises:
            ModelError: The captioner can't be loaded, or fails.
            OutputError: What was found can't be written.
        """
        tasks = self._tasks(contents)
        read = 0
        unreadable: dict[str, str] = {}
        workers = 1 if self.captioner.alone else self.workers
        self.progress.begin("understanding photos", len(tasks))
        for outcomes in read_in_workers(tasks, self.captioner, workers=workers):
            photos = [outcome for outcome in outcomes if isinstance(outcome, ReadPhoto)]
            failed = [outcome for outcome in outcomes if isinstance(outcome, FailedPhoto)]
            self._keep(photos)
            for failure in failed:
                if failure.broken:
                    self.library.failures.put_broken(failure.content, decoder=DECODER, reason=failure.reason)
                else:
                    unreadable[failure.id] = failure.reason
            read += len(photos)
            self.progress.advance(len(outcomes))
        self.progress.end()
        return WorkedOff(read=read, unreadable=unreadable)

    def _tasks(self, contents: Collection[str]) -> list[ReadingTask]:
        captioner = self.captioner
        understood = self.library.understandings.contents(
            captioner=captioner.identity, instructions=captioner.instructions
        )
        wanted = set(contents) - self.library.failures.contents(decoder=DECODER)
        return [
            self._task(photo, understand=photo.content not in understood)
            for photo in self.library.photos.of_contents(wanted)
        ]

    def _task(self, photo: KnownPhoto, *, understand: bool) -> ReadingTask:
        return ReadingTask(
            id=photo.id,
            path=locate(self.root, photo.id),
            content=photo.content,
            size_bytes=photo.size_bytes,
            stamp=photo.stamp,
            understand=understand,
        )

    def _keep(self, photos: Sequence[ReadPhoto]) -> None:
        try:
            for photo in photos:  # before what is learnt: a content that is understood has a thumbnail
                self.thumbnails.write(photo.content, photo.thumbnail)
        except OSError as error:
            raise OutputError(
                f"thumbnails can't be written: {error.strerror}; make room or choose another --out, then run again: "
                "what is done is kept"
            ) from error
        known = {photo.content: photo.facts for photo in photos if photo.understanding is None}
        if known:
            self.library.understandings.put_facts(known)
        instructions = self.captioner.instructions
        learnt = [
            _learnt(photo, photo.understanding, instructions) for photo in photos if photo.understanding is not None
        ]
        self.library.understandings.put(learnt, captioner=self.captioner.identity)


def _learnt(photo: ReadPhoto, understanding: Understanding, instructions: Sequence[str]) -> ContentUnderstanding:
    return ContentUnderstanding(
        content=photo.content,
        facts=photo.facts,
        captions=dict(zip((*instructions, NAMES), (*understanding.captions, understanding.names), strict=True)),
        vector=understanding.vector,
    )
