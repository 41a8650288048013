"""The backlog: the contents that lack something are read by workers, and the library keeps what they find."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.errors import OutputError, unwritable
from export.library.library import Library
from export.library.records import NAMES, ContentUnderstanding, KnownPhoto, Understander
from export.photos.kept_pictures import Thumbnails
from export.photos.unicode_names import locate
from export.pictures.decoding import DECODER
from export.pictures.facts import READER
from export.progress import Progress
from export.understanding.captioner import CaptionerSource, understander
from export.understanding.engine import Engine, FailedPhoto, ReadingTask
from export.understanding.photo_reader import Outcome, ReadPhoto, understanding
from export.understanding.view.image_encoder import ImageEncoderSource


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedOff:
    """What came of it: how many photos could be read, and the reason for each that couldn't for now, by id."""

    read: int
    unreadable: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What outcomes come from: who understood the photos, and what decoded them."""

    by: Understander
    decoder: str = DECODER
    reader: int = READER


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What working it off needs: where photos lie, where what they show is kept, and what understands it."""

    root: Path
    library: Library
    thumbnails: Thumbnails
    captioner: CaptionerSource
    image_encoder: ImageEncoderSource | None
    engine: Engine
    progress: Progress

    def work_off(self, contents: Collection[str]) -> WorkedOff:
        """Read contents of the library's photos, each once, but for those that this decoder is known to fail on.

        Raises:
            ModelError: A model can't be loaded, or fails.
            OutputError: What was found can't be written.
        """
        by = understander(self.captioner, self.image_encoder)
        tasks = self._tasks(contents, by)
        read = 0
        unreadable: dict[str, str] = {}
        self.progress.begin("understanding photos", len(tasks))
        for outcomes in self.engine(tasks, understanding(self.captioner, self.image_encoder)):
            photos = [outcome for outcome in outcomes if isinstance(outcome, ReadPhoto)]
            self._keep_thumbnails(photos)  # before what is learnt: a content that is understood has a thumbnail
            unreadable |= keep_outcomes(self.library, outcomes, Reading(by=by))
            read += len(photos)
            self.progress.advance(len(outcomes))
        self.progress.end()
        return WorkedOff(read=read, unreadable=unreadable)

    def _tasks(self, contents: Collection[str], by: Understander) -> list[ReadingTask]:
        captioned, seen = self.library.understandings.captioned(by), self.library.understandings.seen(by)
        wanted = set(contents) - self.library.failures.contents(decoder=DECODER)
        return [
            self._task(
                photo,
                caption=photo.content not in captioned,
                see=by.image_encoder is not None and photo.content not in seen,
            )
            for photo in self.library.photos.of_contents(wanted)
        ]

    def _task(self, photo: KnownPhoto, *, caption: bool, see: bool) -> ReadingTask:
        return ReadingTask(
            id=photo.id,
            path=locate(self.root, photo.id),
            content=photo.content,
            size_bytes=photo.size_bytes,
            stamp=photo.stamp,
            caption=caption,
            see=see,
        )

    def _keep_thumbnails(self, photos: Sequence[ReadPhoto]) -> None:
        try:
            for photo in photos:
                self.thumbnails.write(photo.content, photo.thumbnail)
        except OSError as error:
            raise OutputError(
                f"thumbnails can't be written: {unwritable(error, 'choose another --out')}, then run again: "
                "what is done is kept"
            ) from error


def keep_outcomes(library: Library, outcomes: Sequence[Outcome], reading: Reading) -> dict[str, str]:
    """Keep what reading found; returns the reason for each photo that couldn't be read for now, by id."""
    photos = [outcome for outcome in outcomes if isinstance(outcome, ReadPhoto)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, FailedPhoto)]
    learnt = [_learnt(photo, reading.by.instructions) for photo in photos]
    library.understandings.put(learnt, reading.by, reader=reading.reader)
    for failure in failed:
        if failure.broken:
            library.failures.put_broken(failure.content, decoder=reading.decoder, reason=failure.reason)
    return {failure.id: failure.reason for failure in failed if not failure.broken}


def _learnt(photo: ReadPhoto, instructions: Sequence[str]) -> ContentUnderstanding:
    said = photo.understanding
    texts = () if said is None else zip((*instructions, NAMES), (*said.captions, said.names), strict=True)
    return ContentUnderstanding(content=photo.content, facts=photo.facts, captions=dict(texts), view=photo.view)
