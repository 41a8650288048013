from __future__ import annotations

import io
import time

import pytest

from export.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module sees, in seconds; a test sets it."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_has_one_line_that_is_cleared(clock: list[float]) -> None:
    stream = Terminal()
    shown = Progress(stream)
    shown.begin("reading", 4000)
    clock[0] += 10
    shown.advance(1000)
    shown.end()
    assert stream.getvalue() == "\rreading: 1,000 of 4,000, 100.0 a second, 30 s left\x1b[K\r\x1b[K"


def test_bytes_are_shown_as_megabytes(clock: list[float]) -> None:
    stream = Terminal()
    shown = Progress(stream)
    shown.begin("uploading", 120_000_000, in_bytes=True)
    clock[0] += 2
    shown.advance(20_000_000)
    assert stream.getvalue() == "\ruploading: 20.0 of 120.0 MB, 10.0 MB a second, 10 s left\x1b[K"


def test_a_log_has_a_line_after_ten_seconds_and_now_and_then(clock: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress(stream)
    shown.begin("reading", 1_000_000)
    for _ in range(61):
        clock[0] += 1
        shown.advance(10)
    shown.end()
    assert stream.getvalue() == (
        "reading: 100 of 1,000,000, 10.0 a second, 27 h 46 min left\n"
        "reading: 400 of 1,000,000, 10.0 a second, 27 h 46 min left\n"
    )


def test_a_log_has_no_line_that_says_that_nothing_is_left(clock: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress(stream)
    shown.begin("reading", 10)
    clock[0] += 20
    shown.advance(10)
    assert stream.getvalue() == ""


def test_what_is_done_at_once_shows_nothing(clock: list[float]) -> None:
    for stream in (Terminal(), io.StringIO()):
        shown = Progress(stream)
        shown.begin("reading", 10)
        shown.advance(10)
        shown.end()
        assert stream.getvalue() == ""


def test_nothing_done_yet(clock: list[float]) -> None:
    stream = io.StringIO()
    shown = Progress(stream)
    shown.begin("reading", 10)
    clock[0] += 90
    shown.advance(0)
    assert stream.getvalue() == "reading: 0 of 10, 0.0 a second, ? left\n"
