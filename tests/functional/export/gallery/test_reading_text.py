"""``index --read-text``: what stands in photos is kept, once for each reader, whatever happens while it is read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.gallery.indexing import IndexReport, index_photos
from export.library.library import Library
from export.library.records import Failure, TextLine
from export.progress import Progress
from export.understanding import worker_pool
from export.understanding.engine import FailedPhoto, Found, Model, ReadingTask, Work
from export.understanding.text import text_backlog
from export.understanding.text.text_backlog import TextsRead
from tests.functional.export.deaths import Death, die
from tests.functional.export.galleries import FakeTextSource, fake_models, records, times_understood, write_photo

PHOTOS = {"red.png": "red", "copy of red.png": "red", "green.png": "green", "white.png": "white"}

WORK = """
from export.gallery.indexing import index_photos
from export.understanding import worker_pool
from tests.functional.export.galleries import FakeTextSource, fake_models

worker_pool.BATCH_SIZE = worker_pool._SMALLEST_BATCH = 2
reader = FakeTextSource(log=base / "text.log")
index_photos(base / "photos", base / "out", workers=1, models=fake_models(base / "models"), text_reader=reader)
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name, colour in PHOTOS.items():
        write_photo(tmp_path / "photos" / name, colour, seed=len(colour))
    fake_models(tmp_path / "models")
    return tmp_path


def source(base: Path) -> FakeTextSource:
    return FakeTextSource(log=base / "text.log")


def index(base: Path, reader: FakeTextSource | None = None, progress: Progress | None = None) -> IndexReport:
    models = fake_models(base / "models")
    return index_photos(base / "photos", base / "out", workers=1, models=models, text_reader=reader, progress=progress)


def texts(base: Path) -> dict[str, tuple[str, ...]]:
    return {photo_id: record.text for photo_id, record in records(base / "out").items()}


def times_read(base: Path) -> int:
    log = base / "text.log"
    return len(log.read_text().split()) if log.exists() else 0


SIGNS = {
    "red.png": ("STOP", "ALL WAY"),
    "copy of red.png": ("STOP", "ALL WAY"),
    "green.png": ("EXIT",),
    "white.png": (),
}


def test_text_is_read_when_it_is_asked_for_also_of_photos_indexed_before(base: Path) -> None:
    first = index(base)
    assert (first.texts, set(texts(base).values()), times_read(base)) == (None, {()}, 0)
    second = index(base, source(base))
    assert (second.read, second.texts) == (0, TextsRead(read=3, with_text=2, failed=()))
    assert (texts(base), times_read(base)) == (SIGNS, 3)
    assert len(times_understood(fake_models(base / "models"))) == 3
    assert second.bundle != first.bundle


def test_a_content_is_read_once_by_each_reader_and_a_run_that_does_not_ask_keeps_it(base: Path) -> None:
    first = index(base, source(base))
    again = index(base, source(base))
    assert (again.texts, again.bundle) == (TextsRead(read=0, with_text=0, failed=()), first.bundle)
    write_photo(base / "photos/another.png", "green", seed=9)
    assert (index(base).texts, texts(base)) == (None, {**SIGNS, "another.png": ()})
    assert index(base, source(base)).texts == TextsRead(read=1, with_text=1, failed=())
    assert (texts(base), times_read(base)) == ({**SIGNS, "another.png": ("EXIT",)}, 4)
    other = replace(source(base), identity="f" * 64, signs={"red": (), "green": ("WAY OUT",), "white": ()})
    assert index(base, other).texts == TextsRead(read=4, with_text=2, failed=())
    assert texts(base) == {
        "red.png": (), "copy of red.png": (), "white.png": (), "green.png": ("WAY OUT",), "another.png": ("WAY OUT",),
    }  # fmt: skip


def test_places_and_confidences_are_kept(base: Path) -> None:
    index(base, source(base))
    with Library.open(base / "out") as library:
        lines = [library.texts.lines(photo.content) for photo in library.photos.all().values() if photo.id == "red.png"]
    assert [(line.text, line.box, line.confidence) for line in lines[0]] == [
        ("STOP", (0.1, 0.0, 0.9, 0.05), 0.9),
        ("ALL WAY", (0.1, 0.1, 0.9, 0.15), 0.9),
    ]


def test_a_bad_photo_stops_nothing(base: Path) -> None:
    write_photo(base / "photos/black.png", "black")
    write_photo(base / "photos/blue.png", "blue")
    (base / "photos/broken.png").write_bytes(b"no photo")
    report = index(base, source(base))
    assert [failure.path for failure in report.failures] == ["broken.png"]
    assert report.texts == TextsRead(
        read=3,
        with_text=2,
        failed=(Failure(path="blue.png", reason="the reader of text failed: RuntimeError: no kernel for this node"),),
    )
    assert [(failure.path, failure.reason) for failure in report.unread] == [
        ("black.png", "decoding it ended the process with SIGSEGV"),
        ("blue.png", "the reader of text failed: RuntimeError: no kernel for this node"),
    ]
    assert texts(base) == {**SIGNS, "black.png": (), "blue.png": ()}
    # What killed a worker isn't tried again by the same reader; whatever else went wrong is.
    before = times_read(base)
    report = index(base, source(base))
    assert ([failure.path for failure in report.unread], times_read(base) - before) == (["black.png", "blue.png"], 1)


def test_much_text_is_kept_in_the_library_and_its_beginning_in_the_bundle(base: Path) -> None:
    newspaper = tuple(f"word{number} of the news" for number in range(10_000))
    index(base, replace(source(base), signs={"red": newspaper, "green": (), "white": ()}))
    kept = texts(base)["red.png"]
    assert kept == newspaper[: len(kept)]
    assert 65_536 - 30 < sum(map(len, kept)) <= 65_536
    with Library.open(base / "out") as library:
        [photo] = library.understandings.photos(["red.png"], fake_models(base / "models").understander)
        assert photo.text == newspaper


def test_a_file_that_changes_meanwhile_is_not_called_unreadable_for_ever(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(base)
    original = text_backlog.TextBacklog.work_off

    def changing(backlog: text_backlog.TextBacklog, contents: set[str]) -> TextsRead:
        (base / "photos/green.png").write_bytes(b"half of a pho")
        return original(backlog, contents)

    monkeypatch.setattr(text_backlog.TextBacklog, "work_off", changing)
    report = index(base, source(base))
    assert [(failure.path, failure.reason) for failure in report.unread] == [
        ("green.png", "it changed while it was read; run again")
    ]


def test_a_progress_line_of_its_own(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("export.progress._TERMINAL_INTERVAL_S", 0.0)
    shown = Terminal()
    index(base, source(base), Progress(shown))
    assert "reading text: 3 of 3, " in shown.getvalue()


def test_photos_are_read_upright_and_no_larger_than_the_reader_asks_for(base: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 100), "red").save(base / "photos/tall.jpg", exif=exif)
    seen: list[tuple[int, ...]] = []

    class Watching:
        identity = "w"
        long_side = 64

        def load(self) -> Watching:
            return self

        def read(self, pixels: NDArray[np.uint8]) -> list[TextLine]:
            seen.append(pixels.shape)
            return []

    class Here:
        def __call__(
            self, tasks: Sequence[ReadingTask], work: Work[Model, Found]
        ) -> Iterator[list[Found | FailedPhoto]]:
            yield work.read(tasks, work.source.load(), nullcontext())

    models = fake_models(base / "models")
    index_photos(base / "photos", base / "out", models=models, text_reader=Watching(), engine=Here())
    assert sorted(seen) == [(48, 64, 3), (48, 64, 3), (48, 64, 3), (64, 16, 3)]


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_killed_goes_on(base: Path, when: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        write_photo(base / f"photos/{number}.png", "green", seed=100 + number)
    die(Death("export.library.text_table", "TextTable.put", when, nth), WORK, base)  # type: ignore[arg-type]
    with Library.open(base / "out") as library:
        kept = len(library.texts.contents(reader=source(base).identity))
    assert kept == 2 * (nth - (when == "before"))
    monkeypatch.setattr(worker_pool, "BATCH_SIZE", 2)
    assert index(base, source(base)).texts == TextsRead(read=7 - kept, with_text=6 - min(kept, 6), failed=())
    assert texts(base) == {**SIGNS, **{f"{number}.png": ("EXIT",) for number in range(4)}}
