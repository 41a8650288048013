"""Cold start of the handler: process start to ready and to the first answer, beside the bare imports.

Each start is a fresh process. The kinds take turns, so that whatever else the machine does disturbs them alike,
and the ratio between them can be trusted where the milliseconds can't.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TypedDict

from tests.e2e.events import http_api_event
from tests.performance.report import Table, spread

STARTS = 15
BARE_IMPORTS = "import numpy, onnxruntime, tokenizers, usearch.index"
READY = "import handler.lambda_function"
FIRST_ANSWER = f"""
{READY}
answer = handler.lambda_function.handler({http_api_event("/v1/search", "q=a+dog+runs+on+the+beach")!r}, None)
assert answer["statusCode"] == 200, answer
"""
REPORT = """
import time
ended = {"ended": time.time(), "processor_s": time.process_time()}
import json, re
status = open("/proc/self/status").read()
peak, anonymous = (int(re.search(name + r":\\s+(\\d+) kB", status)[1]) for name in ("VmHWM", "RssAnon"))
print(json.dumps({**ended, "peak_kib": peak, "anonymous_kib": anonymous}))
"""


class Start(TypedDict):
    """One process: from its start to the end of its work, by the clock and by processor time, and its memory."""

    took_ms: float
    processor_ms: float
    peak_mib: float
    anonymous_mib: float


def measure(bundle: Path) -> Table:
    """Start each kind of process STARTS times in turn."""
    kinds = {
        "Python alone": "",
        "the bare imports": BARE_IMPORTS,
        "the handler, ready": READY,
        "the handler, first answer given": FIRST_ANSWER,
    }
    for code in kinds.values():  # once unmeasured: files in the page cache, .pyc files written
        _start(code, bundle)
    starts: dict[str, list[Start]] = {kind: [] for kind in kinds}
    for _ in range(STARTS):
        for kind, code in kinds.items():
            starts[kind].append(_start(code, bundle))
    return Table(
        title="Cold start",
        how=(
            f"{STARTS} fresh processes of each kind, taking turns; from starting the process to its work done, median "
            "and quartiles, by the clock and by processor time, which other load disturbs less. The bare imports are "
            f"`{BARE_IMPORTS}`. Ready means that the bundle's files were hashed, checked and mapped. Memory as the "
            "kernel counts it at the end: the peak, and what is not backed by files."
        ),
        header=("process", "ms", "ratio to the bare imports", "processor ms", "ratio", "peak MiB", "anonymous MiB"),
        rows=[_row(kind, of_kind, starts["the bare imports"]) for kind, of_kind in starts.items()],
    )


def _row(kind: str, starts: Sequence[Start], bare: Sequence[Start]) -> tuple[str, ...]:
    times, processor_times = [start["took_ms"] for start in starts], [start["processor_ms"] for start in starts]
    return (
        kind,
        spread(times, 0),
        f"{median(times) / median(start['took_ms'] for start in bare):.2f}",
        spread(processor_times, 0),
        f"{median(processor_times) / median(start['processor_ms'] for start in bare):.2f}",
        f"{median(start['peak_mib'] for start in starts):.0f}",
        f"{median(start['anonymous_mib'] for start in starts):.0f}",
    )


def _start(code: str, bundle: Path) -> Start:
    environment = {**os.environ, "THINLENS_BUNDLE": str(bundle)}
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    report = json.loads(done.stdout.splitlines()[-1])
    return {
        "took_ms": (report["ended"] - started) * 1000,
        "processor_ms": report["processor_s"] * 1000,
        "peak_mib": report["peak_kib"] / 1024,
        "anonymous_mib": report["anonymous_kib"] / 1024,
    }
