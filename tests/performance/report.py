"""The report of a benchmark: a table, with the machine, the date and the commit that it was measured on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A measured table.

    Attributes:
        title: What was measured.
        how: How, in one or two sentences: what a reader must know to judge the numbers.
        header: The columns' names, units included.
        rows: As many cells as there are columns.
    """

    title: str
    how: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """The table as GitHub shows it, with its title and its explanation above."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join([f"## {self.title}", "", self.how, "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def measured_on() -> str:
    """One paragraph: date, commit and machine."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "no commit"
    changes = ", with uncommitted changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = os.getloadavg()[0]
    return (
        f"Measured on {date}, commit {commit}{changes}: {_processor()}, {os.cpu_count()} cores, "
        f"{_memory_gib():.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        f"load average {load:.1f} when it ended."
    )


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median with the quartiles around it.

    Example:
        [1, 2, 3, 4, 5] -> "3.0 (2.0–4.0)"
    """
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
