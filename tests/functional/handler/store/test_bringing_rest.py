"""The rest of a bundle, brought behind the first answer: what keeps it from coming keeps no question waiting."""

from __future__ import annotations

import os
import threading

import pytest

from handler.search.searcher import Searcher
from handler.store.cache import Cache
from handler.store.s3 import s3_blocks
from tests.functional.handler.s3_server import settle
from tests.functional.handler.store.cold import Bucket, full, results


def test_where_the_disk_has_no_room_the_rest_stays_where_it_is(
    cold: Bucket, here: Searcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    searcher = Searcher(cold.receive())
    monkeypatch.setattr(Cache, "has_room", lambda cache, size_bytes: False)
    before = len(cold.server.requests)
    cold.bring_rests()
    settle()
    assert len(cold.server.requests) == before
    assert caplog.messages == ["The disk has no room for the whole bundle: what is asked for is fetched then"]
    assert results(searcher) == results(here)


@pytest.mark.parametrize("what", ["disk", "s3", "bug"])
def test_the_rest_fails_and_questions_go_on(
    cold: Bucket,
    here: Searcher,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(cache: Cache, size_bytes: int) -> bool:
        raise RuntimeError("a bug")

    searcher = Searcher(cold.receive())
    with monkeypatch.context() as patch:
        if what == "disk":
            patch.setattr(os, "pwrite", full)
        elif what == "bug":
            patch.setattr(Cache, "has_room", fail)
        else:
            cold.server.faults = lambda key, number: 403
        cold.bring_rests()
        settle()
    said = {"disk": "No space left on device", "s3": "403 Fault", "bug": "a bug"}[what]
    part = "The rest" if what == "bug" else "A part"
    assert {message.partition(" of the bundle is fetched when")[0] for message in caplog.messages} == {part}
    assert len(caplog.messages) == 1 or what != "bug"
    assert said in caplog.text
    cold.server.faults = lambda key, number: ""
    assert results(searcher) == results(here)


def test_what_fails_for_once_keeps_nothing_else_from_coming(
    cold: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(s3_blocks, "PAUSE_S", 60.0)
    monkeypatch.setattr("handler.store.s3.s3_blocks.time.sleep", pauses.append)
    cold.receive()
    first = cold.server.requests.copy()
    cold.server.faults = lambda key, number: 403 if len(cold.server.requests) == len(first) else ""
    cold.bring_rests()
    settle()
    assert len(caplog.messages) == 1
    assert pauses == [60.0]
    assert len(cold.server.requests) > len(first) + 3


def test_a_full_disk_that_holds_everything_is_no_reason_for_a_warning(
    cold: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cold.receive()
    cold.bring_rests()
    settle()
    monkeypatch.setattr(Cache, "has_room", lambda cache, size_bytes: False)
    before = len(cold.server.requests)
    cold.bring_rests()
    settle()
    assert caplog.messages == []
    assert len(cold.server.requests) == before


def test_where_no_thread_can_be_started_questions_are_answered(
    bucket: Bucket, here: Searcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "thinlens-rest":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        searcher = Searcher(bucket.receive())
    assert caplog.messages == ["The rest of the bundle is fetched when it is asked for: can't start new thread"]
    assert results(searcher) == results(here)
