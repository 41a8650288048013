"""Small memory: the function in a process that may have little, asked thousands of times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from handler.bundle.manifest import MANIFEST_FILE
from handler.bundle.manifest_reader import read_manifest
from tests.functional.handler.published import publish
from tests.functional.handler.s3_server import s3_folder
from tests.performance.report import Table

LIMIT_MB = 128
QUERIES = 10_000
# Memory settles while caches fill, which have their bounds.
SETTLED_AFTER = 1_000
ASK = """
import json, re, sys
from handler.lambda_function import handler
from tests.e2e.events import http_api_event
from tests.performance.search import QUERIES
def memory_kib():
    return {name: int(re.search(name + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1]) for name in NAMES}
NAMES = ("RssAnon", "VmRSS", "VmHWM")
reports = {}
for number in range(1, int(sys.argv[1]) + 1):
    query = f"{QUERIES[number % len(QUERIES)]} {number}".replace(" ", "+")
    answer = handler(http_api_event("/v1/search", f"q={query}&min_relevance=0"), None)
    assert answer["statusCode"] == 200, answer
    if number in (1, int(sys.argv[2]), int(sys.argv[1])):
        reports[number] = memory_kib()
print(json.dumps(reports))
"""
_CGROUPS = Path("/sys/fs/cgroup")


class MemoryKib(TypedDict):
    """What Linux counts at some moment, in KiB: not backed by files, resident, the most that was resident."""

    RssAnon: int
    VmRSS: int
    VmHWM: int


def measure(bundle: Path, folder: Path, *, limit_mb: int = LIMIT_MB) -> Table:
    """Ask under a limit, of the bundle where it lies and of the same from S3.

    Args:
        bundle: The bundle.
        folder: Empty, for the store.
        limit_mb: What the process may have.
    """
    photos = read_manifest((bundle / MANIFEST_FILE).read_bytes()).counts.photos
    publish(folder, bundle)
    with s3_folder(folder) as s3:
        places = {
            "here": {"THINLENS_BUNDLE": str(bundle)},
            "in S3": {**s3.environment, "THINLENS_BUNDLE": "s3://gallery"},
        }
        rows = [
            _row(place, ask(environment, queries=QUERIES, limit_mb=limit_mb)) for place, environment in places.items()
        ]
    return Table(
        title="Memory",
        how=(
            f"The function in a process that may have {limit_mb} MB ({_limit_in_words()}), asked {QUERIES:,} different "
            f"queries of {photos:,} photos, with the bundle on its disk or in S3. Memory that no file backs, in MiB, "
            "after so many queries, and the most that was ever resident, with mapped files."
        ),
        header=("bundle", "after 1", f"after {SETTLED_AFTER:,}", f"after {QUERIES:,}", "most resident"),
        rows=rows,
    )


def ask(
    environment: Mapping[str, str], *, queries: int, settled_after: int = SETTLED_AFTER, limit_mb: int = LIMIT_MB
) -> dict[int, MemoryKib]:
    """Start the function under a limit and ask it; gives its memory after the first, a later and the last query.

    Raises:
        RuntimeError: It did not live through it; the text says what it said last.
    """
    with tempfile.TemporaryDirectory(prefix="thinlens-cache-") as cache, _limited(limit_mb) as command:
        done = subprocess.run(
            [*command, sys.executable, "-c", ASK, str(queries), str(settled_after)],
            env={**os.environ, **environment, "THINLENS_CACHE": cache},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {done.stderr[-500:]}")
    return {int(number): memory for number, memory in json.loads(done.stdout.splitlines()[-1]).items()}


def _row(place: str, reports: Mapping[int, MemoryKib]) -> tuple[str, ...]:
    anonymous = [f"{report['RssAnon'] / 1024:.1f}" for report in reports.values()]
    return (place, *anonymous, f"{max(report['VmHWM'] for report in reports.values()) / 1024:.0f}")


def limit_files(limit_mb: int = LIMIT_MB) -> dict[str, str] | None:
    """The files of a control group that limit memory, and what is written to them; None where none can be made."""
    if os.access(_CGROUPS / "memory", os.W_OK):
        return {"memory/{name}/memory.limit_in_bytes": str(limit_mb * 10**6)}
    if "memory" in _read(_CGROUPS / "cgroup.subtree_control") and os.access(_CGROUPS, os.W_OK):
        return {"{name}/memory.max": str(limit_mb * 10**6), "{name}/memory.swap.max": "0"}
    return None


def _limit_in_words() -> str:
    return "a control group, page cache included" if limit_files() else "no limit: control groups can't be made here"


@contextmanager
def _limited(limit_mb: int) -> Iterator[list[str]]:
    """The beginning of a command that runs the rest under a limit, or without where there can be none."""
    files = limit_files(limit_mb)
    if files is None:
        yield []
        return
    name = f"thinlens-{os.getpid()}"
    group = (_CGROUPS / next(iter(files)).format(name=name)).parent
    group.mkdir()
    try:
        for file, value in files.items():
            (_CGROUPS / file.format(name=name)).write_text(value)
        yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    finally:
        group.rmdir()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
