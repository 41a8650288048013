"""Cold start of the handler: process start to ready and to the first answer, beside the bare imports.

Each start is a fresh process. The kinds take turns, so that whatever else the machine does disturbs them alike,
and the ratio between them can be trusted where the milliseconds can't.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TypedDict

from tests.e2e.events import http_api_event
from tests.performance.report import Table, spread

STARTS = 25
BARE_IMPORTS = "import numpy, onnxruntime, tokenizers, usearch.index"
READY = "import handler.lambda_function"
FIRST_ANSWER = f"""
{READY}
answer = handler.lambda_function.handler({http_api_event("/v1/search", "q=a+dog+runs+on+the+beach")!r}, None)
assert answer["statusCode"] == 200, answer
"""
REPORT = """
import json, re, time
status = open("/proc/self/status").read()
peak, anonymous = (int(re.search(name + r":\\s+(\\d+) kB", status)[1]) for name in ("VmHWM", "RssAnon"))
print(json.dumps({"ended": time.time(), "peak_kib": peak, "anonymous_kib": anonymous}))
"""


class Start(TypedDict):
    """One process: milliseconds from its start to the end of its work, and its memory."""

    took_ms: float
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
    bare = statistics.median(start["took_ms"] for start in starts["the bare imports"])
    return Table(
        title="Cold start",
        how=(
            f"{STARTS} fresh processes of each kind, taking turns; from starting the process to its work done, median "
            f"and quartiles. The bare imports are `{BARE_IMPORTS}`. Ready means that the bundle's files were hashed, "
            "checked and mapped. Memory as the kernel counts it at the end: the peak, and what is not backed by files."
        ),
        header=("process", "ms", "ratio to the bare imports", "peak MiB", "anonymous MiB"),
        rows=[
            (
                kind,
                spread([start["took_ms"] for start in of_kind], 0),
                f"{statistics.median(start['took_ms'] for start in of_kind) / bare:.2f}",
                f"{statistics.median(start['peak_mib'] for start in of_kind):.0f}",
                f"{statistics.median(start['anonymous_mib'] for start in of_kind):.0f}",
            )
            for kind, of_kind in starts.items()
        ],
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
        "peak_mib": report["peak_kib"] / 1024,
        "anonymous_mib": report["anonymous_kib"] / 1024,
    }
