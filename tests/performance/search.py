"""Search: how long a warm searcher takes for a query, whole and by its parts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
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
            "and views, the shipped encoder, the real file formats."
        ),
        header=("photos", "index", "index MB", "p50 ms", "p99 ms", "of which encoding, p50 ms"),
        rows=[_row(bundle) for bundle in bundles],
    )


def _row(folder: Path) -> tuple[str, ...]:
    searcher = Searcher(open_bundle(folder))
    searches: list[float] = []
    encodings: list[float] = []
    for round_number in range(WARM_UP_ROUNDS + ROUNDS):
        for query in QUERIES:
            started = time.perf_counter()
            searcher.search(query, min_relevance=0.0)
            searched = time.perf_counter()
            searcher.bundle.encoder.encode([query])
            encoded = time.perf_counter()
            if round_number >= WARM_UP_ROUNDS:
                searches.append((searched - started) * 1000)
                encodings.append((encoded - searched) * 1000)
    p50, p99 = np.percentile(searches, [50, 99])
    manifest = searcher.bundle.manifest
    return (
        f"{manifest.counts.photos:,}",
        manifest.index.kind,
        f"{manifest.files['index.usearch'].size_bytes / 1e6:.1f}",
        f"{p50:.1f}",
        f"{p99:.1f}",
        f"{np.median(encodings):.1f}",
    )
