"""Load: an hour's worth of requests in minutes, while new bundles are published."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.e2e.processes import free_port, running
from tests.functional.handler.published import point_to, put_bundle
from tests.functional.handler.s3_server import S3Folder, s3_folder
from tests.performance.collection import write_collection
from tests.performance.report import ROOT, Table
from tests.performance.search import QUERIES

# Ten requests a second are an hour's worth, and many for a private gallery.
REQUESTS = 36_000
CLIENTS = 4
PUBLICATIONS = 20
PHOTOS = (2_000, 3_000, 4_000)
# The container's own entry, which looks for new bundles more often than once a minute here.
SERVER = """
import pathlib, runpy, sys, handler.service
sys.path.insert(0, str(pathlib.Path(sys.argv[1]).parent))
handler.service.CHECK_EVERY_S = handler.service.FIRST_PAUSE_S = 0.5
runpy.run_path(sys.argv[1], run_name="__main__")
"""

Results = Sequence[Mapping[str, object]]


@dataclass(slots=True)
class Load:
    """What came of the requests: their times, how many each bundle answered, and what was wrong."""

    took_ms: list[float] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def run(bundles: Sequence[Path], queries: Sequence[str], folder: Path, *, requests: int, publications: int) -> Load:
    """Ask a server in a process of its own, while one bundle after the other comes into service in S3.

    Args:
        bundles: At least two, which come into service in turn.
        queries: What is asked, in turn.
        folder: Empty; for the store, the cache and the log.
        requests: How many are asked in all, by CLIENTS at once.
        publications: How many times another bundle comes into service, evenly spread.
    """
    expected = {identity: answers for bundle in bundles for identity, answers in _answers(bundle, queries).items()}
    store = folder / "store"
    published = [put_bundle(store, bundle) for bundle in bundles]
    point_to(store, published[0])
    port, load, count = free_port(), Load(), itertools.count()
    with s3_folder(store) as s3, _server(s3, folder, port):
        clients = [
            threading.Thread(target=_ask, args=(port, queries, expected, requests, count, load)) for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for number in range(1, publications + 1):
            _wait_until_asked(load, requests * number // (publications + 1), clients)
            point_to(store, published[number % len(published)])
        for client in clients:
            client.join()
    return load


def measure(folder: Path) -> Table:
    """The full load, on synthetic collections."""
    bundles = [write_collection(folder / str(photos), photos=photos) for photos in PHOTOS]
    (folder / "run").mkdir()
    started = time.perf_counter()
    load = run(bundles, QUERIES, folder / "run", requests=REQUESTS, publications=PUBLICATIONS)
    took_s = time.perf_counter() - started
    p50, p99, longest = np.percentile(load.took_ms, [50, 99, 100])
    row = (
        f"{len(load.took_ms):,}",
        f"{took_s:.0f}",
        f"{len(load.answered)}",
        f"{len(load.wrong)}",
        *(f"{value:.1f}" for value in (p50, p99, longest)),
    )
    return Table(
        title="Load, while bundles are published",
        how=(
            f"{CLIENTS} clients ask `build/serve.py` without pause over HTTP, while another of {len(PHOTOS)} bundles "
            f"({', '.join(f'{photos:,}' for photos in PHOTOS)} photos) comes into service in S3 {PUBLICATIONS} times; "
            "the server looks for it every half second, fetches and verifies it. Every answer is compared with that of "
            "the bundle that it names. Clients, S3 server and publisher run on the same two cores."
        ),
        header=("requests", "s", "bundles that answered", "wrong answers or errors", "p50 ms", "p99 ms", "longest ms"),
        rows=[row],
    )


def _answers(bundle: Path, queries: Sequence[str]) -> dict[str, dict[str, Results]]:
    searcher = Searcher(open_bundle(bundle))
    return {searcher.bundle.id: {query: searcher.search(query, k=3, min_relevance=0.0)["results"] for query in queries}}


def _server(s3: S3Folder, folder: Path, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    environment = {
        **s3.environment,
        "THINLENS_BUNDLE": "s3://gallery",
        "THINLENS_CACHE": str(folder / "cache"),
        "PORT": str(port),
    }
    command = [sys.executable, "-c", SERVER, str(ROOT / "build/serve.py")]
    return running(command, ready=f"http://127.0.0.1:{port}/healthz", log=folder / "log", environment=environment)


def _ask(
    port: int,
    queries: Sequence[str],
    expected: Mapping[str, Mapping[str, Results]],
    requests: int,
    count: itertools.count[int],
    load: Load,
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while (number := next(count)) < requests:
        query = queries[number % len(queries)]
        started = time.perf_counter()
        try:
            connection.request("GET", f"/v1/search?{urlencode({'q': query, 'k': 3, 'min_relevance': 0})}")
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            load.wrong.append(repr(error))
            connection.close()
            continue
        load.took_ms.append((time.perf_counter() - started) * 1000)
        answer = json.loads(body)
        if response.status != 200 or answer["results"] != expected[answer["bundle"]][query]:
            load.wrong.append(f"{response.status}: {body[:300]!r}")
        load.answered[str(answer.get("bundle"))] += 1
    connection.close()


def _wait_until_asked(load: Load, requests: int, clients: Sequence[threading.Thread]) -> None:
    while len(load.took_ms) + len(load.wrong) < requests and any(client.is_alive() for client in clients):
        time.sleep(0.01)
