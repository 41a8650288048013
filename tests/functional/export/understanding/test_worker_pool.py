"""Workers whose decoder or captioner dies, hangs or fails."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.errors import ModelError
from export.photos.content_hash import stamp_of
from export.understanding import worker_pool
from export.understanding.captioner import Understanding
from export.understanding.engine import FailedPhoto, ReadingTask
from export.understanding.photo_reader import Outcome, ReadPhoto, understanding
from export.understanding.worker_pool import WorkerPool
from tests.functional.export.galleries import IMAGE_SIZE, INSTRUCTIONS, colour_of, write_photo


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodySource:
    """A source of captioners that do something terrible at the sight of black."""

    mood: str
    identity: str = "0" * 64
    instructions: tuple[str, ...] = INSTRUCTIONS
    image_encoder: None = None
    alone: bool = False

    @property
    def known_instructions(self) -> tuple[str, ...]:
        return self.instructions

    def asking(self, instructions: tuple[str, ...]) -> MoodySource:
        return replace(self, instructions=instructions)

    def load(self) -> MoodyCaptioner:
        if self.mood == "does not load":
            raise ModelError("captioner.json is missing")
        if self.mood == "dies while it loads":
            os._exit(3)
        return MoodyCaptioner(self.mood)


@dataclass(frozen=True, slots=True)
class MoodyCaptioner:
    mood: str
    image_size: int = IMAGE_SIZE

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        if any(colour_of(photo) == "black" for photo in pixels):
            if self.mood == "crashes":
                os.kill(os.getpid(), signal.SIGSEGV)
            elif self.mood == "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            elif self.mood == "hangs":
                time.sleep(600)
            elif self.mood == "fails":
                raise RuntimeError("no kernel for this node")
        return [Understanding(captions=("a", "b"), view=None) for _ in pixels]


def tasks(folder: Path, colours: list[str]) -> list[ReadingTask]:
    found = []
    for number, colour in enumerate(colours):
        path = write_photo(folder / f"{number} {colour}.png", colour, seed=number)
        status = path.stat()
        found.append(
            ReadingTask(
                id=path.name,
                path=path,
                content=f"{number:064x}",
                size_bytes=status.st_size,
                stamp=stamp_of(status),
                caption=True,
            )
        )
    return found


def read(given: list[ReadingTask], mood: str, *, count: int = 2) -> list[Outcome]:
    work = understanding(MoodySource(mood=mood), None)
    return [outcome for batch in WorkerPool(workers=count)(given, work) for outcome in batch]


@pytest.mark.parametrize(
    ("mood", "reason", "broken"),
    [
        ("crashes", "decoding it ended the process with SIGSEGV", True),
        ("is killed", "decoding it ended the process with SIGKILL", False),
        ("hangs", "decoding it took longer than 2 seconds", True),
    ],
)
def test_a_photo_that_ends_its_worker_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mood: str, reason: str, broken: bool
) -> None:
    if mood == "hangs":
        monkeypatch.setattr(worker_pool, "PHOTO_TIMEOUT_S", 2.0)
        monkeypatch.setattr(worker_pool, "BATCH_SIZE", 2)
    given = tasks(tmp_path, ["red", "black", "green"])
    outcomes = read(given, mood, count=1)
    assert [outcome for outcome in outcomes if isinstance(outcome, FailedPhoto)] == [
        FailedPhoto(id="1 black.png", content=given[1].content, reason=reason, broken=broken)
    ]
    read_ones = [outcome.content for outcome in outcomes if isinstance(outcome, ReadPhoto)]
    assert sorted(read_ones) == [given[0].content, given[2].content]


@pytest.mark.parametrize(
    ("mood", "message"),
    [
        ("fails", "the captioner failed: RuntimeError: no kernel for this node"),
        ("does not load", "captioner.json is missing"),
        ("dies while it loads", "a worker ended with exit code 3 while it loaded the captioner"),
    ],
)
def test_a_captioner_that_does_not_work_ends_the_run(tmp_path: Path, mood: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read(tasks(tmp_path, ["red", "black"]), mood)


def test_a_photo_that_changed_since_it_was_hashed_is_left_for_the_next_run(tmp_path: Path) -> None:
    given = tasks(tmp_path, ["red", "green", "blue"])
    write_photo(given[0].path, "white", seed=9)
    given[1].path.write_bytes(b"no photo")
    given[2].path.unlink()
    changed = "it changed while it was read; run again"
    outcomes = sorted(read(given, "is fine", count=1), key=lambda outcome: outcome.content)
    assert outcomes == [
        FailedPhoto(id=given[0].id, content=given[0].content, reason=changed, broken=False),
        FailedPhoto(id=given[1].id, content=given[1].content, reason=changed, broken=False),
        FailedPhoto(
            id=given[2].id,
            content=given[2].content,
            reason="can't be read: No such file or directory",
            broken=False,
        ),
    ]


def test_nothing_to_read_starts_no_worker() -> None:
    assert read([], "dies while it loads") == []
