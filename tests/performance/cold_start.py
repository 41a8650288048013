"""Cold start of the handler: process start to the first answer, beside the bare imports and a plain download.

Each start is a fresh process. The kinds take turns, so that whatever else the machine does disturbs them alike,
and the ratio between them can be trusted where the milliseconds can't.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypedDict

from handler.bundle.manifest import MANIFEST_FILE
from handler.bundle.manifest_reader import read_manifest
from handler.store.pointer import bundle_key
from tests.e2e.events import http_api_event
from tests.functional.handler.published import publish
from tests.functional.handler.s3_server import s3_folder
from tests.performance.report import Table, spread

STARTS = 15
BARE_IMPORTS = "import numpy, onnxruntime, tokenizers, usearch.index"


def _first_answer(query: str) -> str:
    """The code of a process that answers one event."""
    return f"""
import handler.lambda_function
answer = handler.lambda_function.handler({http_api_event("/v1/search", query)!r}, None)
assert answer["statusCode"] == 200, answer
"""


FIRST_ANSWER = _first_answer("q=a+dog+runs+on+the+beach")
BY_MEANING_ALONE = _first_answer("q=a+dog+runs+on+the+beach&mode=meaning")
# One request after the other on one connection, written to the disk as it comes; the imports are not counted.
PLAIN_DOWNLOAD = """
import datetime, http.client, os, pathlib
from handler.store.s3.address import S3Address
from handler.store.s3.credentials import credential_source
from handler.store.s3.sigv4 import NO_BODY_SHA256, signed_headers
address = S3Address.parse(os.environ["THINLENS_BUNDLE"], os.environ, variable="THINLENS_BUNDLE")
started = time.time()
connection = http.client.HTTPConnection(address.host)
for key in os.environ["KEYS"].split():
    headers = signed_headers(
        {"host": address.host, "x-amz-content-sha256": NO_BODY_SHA256},
        path=address.path(key),
        region=address.region,
        credentials=credential_source(os.environ)(),
        at=datetime.datetime.now(datetime.UTC),
    )
    connection.request("GET", address.path(key), headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    with pathlib.Path(os.environ["THINLENS_CACHE"], key.replace("/", "_")).open("wb") as file:
        while piece := response.read(1 << 20):
            file.write(piece)
"""
REPORT = """
ended = {"ended": time.time(), "started": started, "processor_s": time.process_time()}
import json, re
status = open("/proc/self/status").read()
peak, anonymous = (int(re.search(name + r":\\s+(\\d+) kB", status)[1]) for name in ("VmHWM", "RssAnon"))
print(json.dumps({**ended, "peak_kib": peak, "anonymous_kib": anonymous}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of process: its name, what it runs, in what environment beside this one's."""

    name: str
    code: str
    environment: Mapping[str, str]


class Start(TypedDict):
    """One process: from its start to the end of its work, by the clock and by processor time, and its memory."""

    took_ms: float
    processor_ms: float
    peak_mib: float
    anonymous_mib: float


def measure(bundles: Sequence[Path], folder: Path) -> Table:
    """Start each kind of process STARTS times in turn; the last bundle is fetched from S3 too.

    Args:
        bundles: The bundles to start with, the largest last.
        folder: Empty, for the store.
    """
    published = publish(folder, bundles[-1])
    names = (MANIFEST_FILE, *read_manifest((bundles[-1] / MANIFEST_FILE).read_bytes()).whole_files)
    keys = " ".join(bundle_key(published, name) for name in names)
    with s3_folder(folder) as s3:
        s3_environment = {**s3.environment, "THINLENS_BUNDLE": "s3://gallery", "KEYS": keys}
        kinds = [
            Kind(name="Python alone", code="", environment={}),
            Kind(name="the bare imports", code=BARE_IMPORTS, environment={}),
            *(
                Kind(
                    name=f"first answer, {_photos(bundle):,} photos ({_size_mb(bundle):.0f} MB)",
                    code=FIRST_ANSWER,
                    environment={"THINLENS_BUNDLE": str(bundle)},
                )
                for bundle in bundles
            ),
            Kind(
                name="the last by meaning alone, without a look at the words",
                code=BY_MEANING_ALONE,
                environment={"THINLENS_BUNDLE": str(bundles[-1])},
            ),
            Kind(name="a plain download of what must be here first", code=PLAIN_DOWNLOAD, environment=s3_environment),
            Kind(name="first answer, the last from S3", code=FIRST_ANSWER, environment=s3_environment),
        ]
        starts = start_in_turn(kinds, STARTS)
    local, _, download, from_s3 = (_median_ms(starts[kind.name]) for kind in kinds[-4:])
    return Table(
        title="Cold start",
        how=(
            f"{STARTS} fresh processes of each kind, taking turns; from starting the process to its work done, median "
            "and quartiles, by the clock and by processor time, which other load disturbs less. The bare imports are "
            f"`{BARE_IMPORTS}`. A first answer is that to an event: files fetched, hashed, checked and mapped, and "
            "one search. The S3 server runs on the same two cores. Memory as the kernel counts it at the end: the peak "
            f"with mapped files, and what is not backed by files. From S3 it took {from_s3 - local:.0f} ms longer than "
            f"with the bundle here, {(from_s3 - local) / download:.2f} times the plain download."
        ),
        header=("process", "ms", "ratio to the bare imports", "processor ms", "ratio", "peak MiB", "anonymous MiB"),
        rows=[_row(kind.name, starts[kind.name], starts["the bare imports"]) for kind in kinds],
    )


def _row(kind: str, starts: Sequence[Start], bare: Sequence[Start]) -> tuple[str, ...]:
    times, processor_times = [start["took_ms"] for start in starts], [start["processor_ms"] for start in starts]
    return (
        kind,
        spread(times, 0),
        f"{median(times) / _median_ms(bare):.2f}",
        spread(processor_times, 0),
        f"{median(processor_times) / median(start['processor_ms'] for start in bare):.2f}",
        f"{median(start['peak_mib'] for start in starts):.0f}",
        f"{median(start['anonymous_mib'] for start in starts):.0f}",
    )


def start_in_turn(kinds: Sequence[Kind], count: int) -> dict[str, list[Start]]:
    """Start each kind so many times, and once before, unmeasured: files in the page cache, .pyc files written."""
    rounds = [[start_process(kind) for kind in kinds] for _ in range(1 + count)][1:]
    return {kind.name: list(starts) for kind, starts in zip(kinds, zip(*rounds, strict=True), strict=True)}


def start_process(kind: Kind) -> Start:
    """Start such a process, and wait for its end."""
    with tempfile.TemporaryDirectory(prefix="thinlens-cache-") as cache:
        environment = {**os.environ, **kind.environment, "THINLENS_CACHE": cache}
        started = time.time()
        code = f"import time\nstarted = {started!r}\n{kind.code}\n{REPORT}"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    report = json.loads(done.stdout.splitlines()[-1])
    return {
        "took_ms": (report["ended"] - report["started"]) * 1000,
        "processor_ms": report["processor_s"] * 1000,
        "peak_mib": report["peak_kib"] / 1024,
        "anonymous_mib": report["anonymous_kib"] / 1024,
    }


def _median_ms(starts: Sequence[Start]) -> float:
    return median(start["took_ms"] for start in starts)


def _photos(bundle: Path) -> int:
    return read_manifest((bundle / MANIFEST_FILE).read_bytes()).counts.photos


def _size_mb(bundle: Path) -> float:
    return read_manifest((bundle / MANIFEST_FILE).read_bytes()).size_bytes / 1e6
