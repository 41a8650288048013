"""Memory of processes, as Linux counts it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SAMPLE_EVERY_S = 0.05


class PeakMemory:
    """The highest memory that a process and its children had together, sampled in a thread while it runs.

    The process must lead a session of its own (start_new_session), by which its children are known.

    Shared pages count once (proportional set size), so that workers that map one model are not counted twice.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.peak_bytes = 0
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_S):
            self.peak_bytes = max(self.peak_bytes, sum(_pss_bytes(pid) for pid in _session(self._process.pid)))


def _session(leader: int) -> Iterator[int]:
    """The processes of a session; field 6 of stat, counted after the name, which may hold anything."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            if int(entry.read_text().rpartition(")")[2].split()[3]) == leader:
                yield int(entry.parent.name)


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
