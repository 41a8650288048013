"""Search: how long a warm searcher takes for a query, whole and by its parts, and beside an exact scan."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from handler.bundle.manifest import Manifest
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.performance.exact_scan import exact_scan
from tests.performance.report import Table

ROUNDS = 20
WARM_UP_ROUNDS = 2
QUERIES = (
    "a dog runs on the beach",
    "two children playing in the snow",
    "a man riding a bike down a mountain trail",
    "a woman in a red dress",
    "sunset over the sea",
    "a plate of food on a wooden table",
    "a cat",
    "people waiting at a bus stop in the rain",
    "an old car parked in front of a white house with a green door",
    "fireworks at night",
    "a boy jumping into a swimming pool",
    "snow on a mountain",
    "a crowded street market",
    "a bird on a branch",
    "someone climbing a steep rock wall with a rope",
    "black and white portrait of an old man",
    "a football match",
    "a train at a station",
    "a black dog and a white dog fight over a stick in the grass",
    "a birthday cake with candles",
)


def measure(bundles: Sequence[Path]) -> Table:
    """Ask the same queries of each bundle, ROUNDS times."""
    return Table(
        title="Search, warm",
        how=(
            f"{len(QUERIES)} queries, {ROUNDS} times, one after the other in one process on one thread, asked for ten "
            "results each; encoding the query is part of it and is shown alone too. Synthetic photos: random captions "
            "and views, the shipped encoder, the real file formats. In turn with it the same searcher with an exact "
            "scan of all int8 rows in the place of the index; the ratio is that of the medians."
        ),
        header=(
            *("photos", "codes MB", "rows MB", "p50 ms", "p99 ms", "of which encoding, p50 ms"),
            *("with an exact scan, p50 ms", "ratio"),
        ),
        rows=[_row(bundle) for bundle in bundles],
    )


def _row(folder: Path) -> tuple[str, ...]:
    bundle = open_bundle(folder)
    searcher, exact = Searcher(bundle), Searcher(replace(bundle, index=exact_scan(folder, bundle)))
    took_ms: dict[str, list[float]] = {"searching": [], "encoding": [], "scanning": []}
    for round_number in range(WARM_UP_ROUNDS + ROUNDS):
        for query in QUERIES:
            begun = [time.perf_counter()]
            searcher.search(query, min_relevance=0.0)
            begun.append(time.perf_counter())
            bundle.encoder.encode([query])
            begun.append(time.perf_counter())
            exact.search(query, min_relevance=0.0)
            begun.append(time.perf_counter())
            if round_number >= WARM_UP_ROUNDS:
                for times, (start, end) in zip(took_ms.values(), pairwise(begun), strict=True):
                    times.append((end - start) * 1000)
    p50, p99 = np.percentile(took_ms["searching"], [50, 99])
    scanning = float(np.median(took_ms["scanning"]))
    return (
        f"{bundle.manifest.counts.photos:,}",
        _megabytes(bundle.manifest, "codes.bin"),
        _megabytes(bundle.manifest, "index.usearch"),
        f"{p50:.1f}",
        f"{p99:.1f}",
        f"{np.median(took_ms['encoding']):.1f}",
        f"{scanning:.1f}",
        f"{p50 / scanning:.2f}",
    )


def _megabytes(manifest: Manifest, name: str) -> str:
    """How large the files of this name are, of all segments together."""
    return f"{sum(segment.files[name].size_bytes for segment in manifest.segments) / 1e6:.1f}"
