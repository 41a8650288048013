"""Progress: how far long work has come, for people, on standard error.

On a terminal one line is kept up to date; elsewhere, as in a log, a line comes after ten seconds, and now and then.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

_TERMINAL_INTERVAL_S = 0.1
_LOG_FIRST_S = 10.0
_LOG_INTERVAL_S = 30.0


class Progress:
    """Progress of one stage after the other; a stage that is done at once shows nothing. Threads may share it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._stage = ""
        self._total = 0
        self._done = 0
        self._started_s = 0.0
        self._shown_s = 0.0
        self._in_bytes = False
        self._lock = threading.Lock()

    def begin(self, stage: str, total: int, *, in_bytes: bool = False) -> None:
        """Begin a stage, named by what is done ("reading"), with so many photos, texts or bytes ahead."""
        self._stage, self._total, self._done, self._in_bytes = stage, total, 0, in_bytes
        self._started_s = self._shown_s = time.monotonic()

    def advance(self, count: int) -> None:
        """So many more are done."""
        with self._lock:
            self._done += count
            now_s = time.monotonic()
            is_over = self._done >= self._total and not self._terminal  # a line in a log would say that nothing is left
            if now_s - self._shown_s >= self._interval_s() and not is_over:
                self._shown_s = now_s
                self._show(now_s)

    def end(self) -> None:
        """End the stage; what was shown of it on a terminal is cleared."""
        if self._terminal and self._shown_s > self._started_s:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _interval_s(self) -> float:
        if self._terminal:
            return _TERMINAL_INTERVAL_S
        return _LOG_FIRST_S if self._shown_s == self._started_s else _LOG_INTERVAL_S

    def _show(self, now_s: float) -> None:
        rate = self._done / (now_s - self._started_s)
        left = _duration((self._total - self._done) / rate) if self._done else "?"
        if self._in_bytes:
            amounts = f"{self._done / 1e6:,.1f} of {self._total / 1e6:,.1f} MB, {rate / 1e6:.1f} MB a second"
        else:
            amounts = f"{self._done:,} of {self._total:,}, {rate:.1f} a second"
        line = f"{self._stage}: {amounts}, {left} left"
        self._stream.write(f"\r{line}\x1b[K" if self._terminal else f"{line}\n")
        self._stream.flush()


def _duration(seconds: float) -> str:
    """A duration for people.

    Example: 4521 -> "1 h 15 min"; 75 -> "1 min 15 s"
    """
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"
