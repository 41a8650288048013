"""S3 that fails, a disk that is full: no answer is wrong, the client is told to come again, and later all is well."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from handler.errors import BundleError, StoreError
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.s3 import s3_client
from handler.web.app import create_app
from tests.functional.handler.client import Answer, ask
from tests.functional.handler.questions import QUESTIONS
from tests.functional.handler.s3_server import STALL_S, Fault, settle
from tests.functional.handler.store.cold import TARGET, Bucket, full, results
from tests.functional.handler.tampering import read_everything

BLOCKED = ("index.usearch", "views.i8", "catalogue.bin")


def assert_unavailable(answer: Answer) -> None:
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert answer.json() == {
        "type": "urn:thinlens:problem:no-collection",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "What this answer needs can't be read at the moment: try again",
    }


def fails(cold: Bucket, searcher: Searcher, match: str, errors: type[Exception] = StoreError) -> None:
    """Whether a question is refused for this reason, over HTTP too, whoever asks and however often."""
    for _ in range(2):
        with pytest.raises(errors, match=match) as error:
            searcher.search("a dog runs in the park", k=3)
        assert "\n" not in str(error.value)
        assert_unavailable(ask(create_app(lambda: searcher, Settings(bundle="unused")), TARGET))


FAULTS: tuple[tuple[Fault, str], ...] = (
    (500, "was answered with 500 Fault; gave up after 2 attempts"),
    (503, "was answered with 503 SlowDown; gave up after 2 attempts"),
    ("cut", r"(was cut off after|IncompleteRead).*; gave up after 2 attempts"),
    ("hang up", "; gave up after 2 attempts"),
    (403, "403 Fault: may the function's role read it"),
    ("whole", "200: is that the address of a bucket?"),
)


@pytest.mark.parametrize(("fault", "match"), FAULTS)
@pytest.mark.parametrize("name", BLOCKED)
def test_what_s3_does_not_give_is_said_and_given_later(
    cold: Bucket, here: Searcher, name: str, fault: Fault, match: str
) -> None:
    searcher = Searcher(cold.receive())
    cold.server.faults = lambda key, number: fault if key.endswith(name) else ""
    fails(cold, searcher, rf"^s3://gallery/segments/[0-9a-f]+/{name}.*{match}")
    cold.server.faults = lambda key, number: ""
    assert results(searcher) == results(here)


@pytest.mark.parametrize("fault", [500, "cut", "hang up"])
def test_what_passes_is_not_noticed(cold: Bucket, here: Searcher, fault: Fault) -> None:
    """The first request for each file fails, and the second attempt is another."""
    searcher = Searcher(cold.receive())
    before = len(cold.server.requests)
    cold.server.faults = lambda key, number: fault if number == 0 else ""
    assert QUESTIONS[0](searcher) == QUESTIONS[0](here)
    assert len(cold.server.requests) > before


def test_silence_is_not_waited_for_long(cold: Bucket, here: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "TIMEOUT_S", STALL_S / 10)
    searcher = Searcher(cold.receive())
    cold.server.faults = lambda key, number: "stall" if key.endswith("views.i8") else ""
    with pytest.raises(StoreError, match=r"views\.i8 timed out; gave up after 2 attempts"):
        searcher.search("a dog runs in the park", k=3)
    cold.server.faults = lambda key, number: ""
    assert results(searcher) == results(here)


@pytest.mark.parametrize("name", BLOCKED)
def test_other_bytes_are_never_answered_from(cold: Bucket, here: Searcher, name: str) -> None:
    searcher = Searcher(cold.receive())
    cold.server.faults = lambda key, number: "wrong" if key.endswith(name) else ""
    fails(
        cold, searcher, rf"^segments/[0-9a-f]+/{name} is altered: 1 of its blocks aren't what was written", BundleError
    )
    cold.server.faults = lambda key, number: ""
    assert results(searcher) == results(here)
    assert read_everything(searcher.bundle) == read_everything(here.bundle)


@pytest.mark.parametrize("name", BLOCKED)
@pytest.mark.parametrize("how", ["gone", "shorter", "longer"])
def test_an_object_that_is_another_all_at_once(cold: Bucket, here: Searcher, name: str, how: str) -> None:
    searcher = Searcher(cold.receive())
    path = cold.server.folder / here.bundle.manifest.segments[1].folder / name
    whole = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] if how == "shorter" else whole + b"\x00")
    fails(cold, searcher, "404 NoSuchKey" if how == "gone" else rf"{name} gives 'bytes \d+-\d+/\d+' \(expected")
    path.write_bytes(whole)
    assert results(searcher) == results(here)


def test_whoever_is_answered_by_s3_that_fails_now_and_then_is_answered_rightly(cold: Bucket, here: Searcher) -> None:
    faults: tuple[Fault, ...] = ("", "", 500, "", "wrong", "", 404, "", "cut", "")
    expected = [question(here) for question in QUESTIONS]
    searcher = Searcher(cold.receive())
    cold.server.faults = lambda key, number: faults[number * 7 % len(faults)] if key.startswith("segments/") else ""

    def ask_until_answered(number: int) -> bool:
        for _ in range(200):
            try:
                return QUESTIONS[number % len(QUESTIONS)](searcher) == expected[number % len(QUESTIONS)]
            except (BundleError, StoreError):
                continue
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask_until_answered, range(2 * len(QUESTIONS))))


def test_a_full_disk_is_said_with_what_to_do(cold: Bucket, here: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = Searcher(cold.receive())
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        fails(cold, searcher, "No space left on device: give the function more storage, or set THINLENS_CACHE$")
    assert results(searcher) == results(here)


def test_a_disk_that_fills_up_in_the_middle_of_an_answer(
    cold: Bucket, here: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much it takes before: parts of blocks too, for a full disk writes less than it is asked to."""
    expected = results(here)
    answered = 0
    for room in (0, 1, 1_000, 10_000, 100_000, 1_000_000):
        searcher = Searcher(cold.receive(f"cache of {room}"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", Disk(room).pwrite)
            for _ in range(2):
                answer = ask(create_app(partial(lambda found: found, searcher), Settings(bundle="unused")), TARGET)
                if answer.status == 200:
                    assert answer.json()["results"] == expected
                    answered += 1
                else:
                    assert_unavailable(answer)
        assert results(searcher) == expected
        cold.rests.clear()
    assert answered == 2  # with the most room


class Disk:
    """A disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._pwrite = os.pwrite

    def pwrite(self, to: int, data: memoryview, at: int) -> int:
        with self._lock:
            if not self._room:
                return full(to, data, at)
            written = self._pwrite(to, data[: self._room], at)
            self._room -= written
            return written


def test_a_question_for_which_there_are_no_threads_holds_up_nothing(
    cold: Bucket, here: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise RuntimeError("can't start new thread")

    searcher = Searcher(cold.receive())
    with monkeypatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            searcher.search("a dog runs in the park", k=3)
    cold.bring_rests()
    settle()
    before = len(cold.server.requests)
    assert results(searcher) == results(here)
    assert len(cold.server.requests) == before


def test_files_of_other_sizes_in_the_cache_are_made_anew(cold: Bucket, here: Searcher, tmp_path: Path) -> None:
    bundle = cold.receive()
    read_everything(bundle)
    sizes = {info.sha256: info.size_bytes for info in bundle.manifest.blocked_files.values()}
    left = tmp_path / "left" / "objects"
    left.mkdir(parents=True)
    (tmp_path / "left").chmod(0o700)
    for number, path in enumerate(sorted((tmp_path / "cache" / "objects").iterdir())):
        data = path.read_bytes()
        (left / path.name).write_bytes(data[: len(data) // 2] if number % 2 else data + b"more")
    again = cold.receive("left")
    assert read_everything(again) == read_everything(here.bundle)
    assert {name: (left / name).stat().st_size for name in sizes} == sizes
