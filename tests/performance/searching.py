"""A process that searches a bundle near given vectors and reports times, recall and memory; million.py runs it.

It imports what the function has and little else, so that its memory is that of a searching process.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.encoder import TextEncoder
from handler.bundle.encoder_files import EncoderConfiguration
from handler.bundle.index.vector_index import Hits, VectorIndex
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.performance.collection import SEED, sentences
from tests.performance.exact_scan import exact_scan

ROUNDS = 3
WARM_UP = 20
FOUND = 10
BY_MEANING = "by meaning alone"
SELECTIONS = {
    "plain": Selection(min_relevance=0.0),
    BY_MEANING: Selection(min_relevance=0.0),
    "a filter that two of three photos pass": Selection(
        min_relevance=0.0, filters=Filters(orientations=("landscape",))
    ),
    "a filter that one of a hundred passes": Selection(min_relevance=0.0, filters=Filters(where=("place:place 7",))),
    "excluding what another query finds": Selection(min_relevance=0.0),
    "near-duplicates folded": Selection(min_relevance=0.0, dedupe=True),
    "offset 1,000": Selection(min_relevance=0.0, offset=1_000),
}


class GivenVectors:
    """The bundle's encoder, which does its work, but each of some texts has a vector that is given."""

    def __init__(self, encoder: TextEncoder, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self._encoder = encoder
        self._vectors = dict(zip(texts, vectors, strict=True))

    @property
    def configuration(self) -> EncoderConfiguration:
        return self._encoder.configuration

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = self._encoder.encode(texts)
        return np.stack([self._vectors.get(text, vector) for text, vector in zip(texts, encoded, strict=True)])

    encode_queries = encode

    def canonical(self, text: str) -> str:
        return self._encoder.canonical(text)

    def knows(self, text: str) -> bool:
        return self._encoder.knows(text)

    def is_word(self, word: str) -> bool:
        return self._encoder.is_word(word)

    def rank(self, word: str) -> int | None:
        return self._encoder.rank(word)

    @property
    def words(self) -> Sequence[str]:
        return self._encoder.words


def main(folder: Path, queries: NDArray[np.float32]) -> None:
    """Report to standard output; `queries` are float32 [n, dim], unit norm."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    bundle = open_bundle(folder)
    texts = list(dict.fromkeys(sentences(np.random.default_rng(SEED), 2 * len(queries))))[: len(queries)]
    took_ms = _search_all(Searcher(replace(bundle, encoder=GivenVectors(bundle.encoder, texts, queries))), texts)
    anonymous_mib = _anonymous_mib()
    report = {"took_ms": took_ms, "anonymous_mib": anonymous_mib, **_beside_exact_scan(folder, bundle, queries)}
    print(json.dumps(report))


def _search_all(searcher: Searcher, texts: Sequence[str]) -> dict[str, list[float]]:
    """Ask every query with each selection in turn: milliseconds, by the selection."""
    took_ms: dict[str, list[float]] = {name: [] for name in SELECTIONS}
    for number in [*range(WARM_UP), *(number for _ in range(ROUNDS) for number in range(len(texts)))]:
        for name, selection in SELECTIONS.items():
            other = texts[(number + 1) % len(texts)]
            asked = Query(
                texts=(texts[number],),
                without=(other,) if name.startswith("excluding") else (),
                mode="meaning" if name == BY_MEANING else "all",
            )
            started = time.perf_counter()
            searcher.search(asked, selection=selection)
            took_ms[name].append((time.perf_counter() - started) * 1_000)
    return {name: times[WARM_UP:] for name, times in took_ms.items()}


def _beside_exact_scan(folder: Path, bundle: Bundle, queries: NDArray[np.float32]) -> dict[str, object]:
    """Times of the index and of an exact scan, and which share of the photos that this finds that one finds too."""
    exact = exact_scan(folder, bundle)
    exact.search(queries[0], FOUND)
    index_ms, scan_ms, shares = [], [], []
    for query in queries:
        times = [time.perf_counter()]
        found = _found(bundle.index, query)
        times.append(time.perf_counter())
        right = _found(exact, query)
        times.append(time.perf_counter())
        index_ms.append((times[1] - times[0]) * 1_000)
        scan_ms.append((times[2] - times[1]) * 1_000)
        shares.append(len(np.intersect1d(found.numbers, right.numbers)) / FOUND)
    return {"index_ms": index_ms, "scan_ms": scan_ms, "recall": float(np.mean(shares))}


def _found(index: VectorIndex, query: NDArray[np.float32]) -> Hits:
    return index.search(query, FOUND)


def _anonymous_mib() -> float:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError("this kernel doesn't tell RssAnon")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), np.load(sys.argv[2]))
