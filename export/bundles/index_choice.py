"""The choice of an index: an exact scan as long as it is fast enough, else the cheapest kind that finds the same.

All are measured on the vectors themselves, through the handler's own reading code.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundles.photo_vectors import QuantisedVectors
from handler.bundle.index.index_kinds import open_index, write_index
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.manifest import IndexInfo, IndexKind

MAX_EXACT_MS = 10.0
MIN_RECALL = 0.95
RECALL_AT = 10
EXPANSIONS = (64, 128, 256, 512)
APPROXIMATE: tuple[IndexKind, ...] = ("hnsw",)
"""The kinds beside the exact scan, in the order in which they are tried."""
_QUERIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """The photo numbers that an index found for each query, and how long a query took."""

    numbers: list[set[int]]
    median_ms: float


def write_best_index(path: Path, fused: QuantisedVectors, queries: NDArray[np.float32]) -> IndexInfo:
    """Write the index file of the fused vectors.

    Args:
        path: Where the file goes.
        fused: One vector for each photo.
        queries: float32 [n, dim], unit L2 norm, such as people may ask: n of at least 1.

    Returns:
        How the file is to be read.
    """
    exact = IndexInfo(
        kind="exact", scale=fused.scale, dim=fused.rows.shape[1], count=len(fused.rows), expansion_search=EXPANSIONS[0]
    )
    write_index(path, fused.rows, kind="exact")
    asked = queries[np.linspace(0, len(queries) - 1, num=min(_QUERIES, len(queries)), dtype=int)]
    answers = _ask(open_index(path, exact), asked)
    if answers.median_ms <= MAX_EXACT_MS:
        return exact
    other_path = path.with_name(path.name + ".other")
    for kind in APPROXIMATE:
        write_index(other_path, fused.rows, kind=kind)
        for expansion in EXPANSIONS:
            info = replace(exact, kind=kind, expansion_search=expansion)
            if _recall(_ask(open_index(other_path, info), asked), answers) >= MIN_RECALL:
                other_path.replace(path)
                return info
        other_path.unlink()
    return exact


def _ask(index: VectorIndex, queries: NDArray[np.float32]) -> _Answers:
    numbers, times_ms = [], []
    for query in queries:
        started_s = time.perf_counter()
        hits = index.search(query, RECALL_AT)
        times_ms.append((time.perf_counter() - started_s) * 1_000)
        numbers.append(set(hits.numbers.tolist()))
    return _Answers(numbers=numbers, median_ms=float(np.median(times_ms)))


def _recall(found: _Answers, exact: _Answers) -> float:
    shares = [len(a & b) / len(b) for a, b in zip(found.numbers, exact.numbers, strict=True) if b]
    return float(np.mean(shares)) if shares else 1.0
