"""The choice of an index, by measuring both kinds on vectors that have neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.bundles import index_choice
from export.bundles.index_choice import write_best_index
from export.bundles.photo_vectors import QuantisedVectors
from handler.bundle.index.index_kinds import open_index
from handler.bundle.index.vector_index import VectorIndex, quantise, scale_of

DIM = 32


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    """Float32 [3000, DIM], in clusters, of unit norm."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(60, DIM))
    points = centres[random.integers(0, 60, size=3000)] + 0.5 * random.normal(size=(3000, DIM))
    unit: NDArray[np.float32] = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return unit


def write(path: Path, vectors: NDArray[np.float32]) -> VectorIndex:
    scale = scale_of(vectors)
    info = write_best_index(path, QuantisedVectors(rows=quantise(vectors, scale), scale=scale), vectors[::50])
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    return open_index(path, info)


def test_a_scan_that_is_fast_enough_is_taken(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    index = write(tmp_path / "index.usearch", vectors)
    assert (index.info.kind, index.info.count, index.info.dim) == ("exact", 3000, DIM)
    exact = np.argsort(-(vectors @ vectors[0]), kind="stable")[:10]
    found = index.search(vectors[0], 10).numbers
    assert len(set(found.tolist()) & set(exact.tolist())) >= 9


def test_a_graph_is_taken_where_scanning_is_slow(
    tmp_path: Path, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_choice, "MAX_EXACT_MS", 0.0)
    index = write(tmp_path / "index.usearch", vectors)
    assert index.info.kind == "hnsw"
    assert index.info.expansion_search in index_choice.EXPANSIONS
    shares = []
    for query in vectors[1::100]:
        exact = set(np.argsort(-(vectors @ query), kind="stable")[:10].tolist())
        shares.append(len(set(index.search(query, 10).numbers.tolist()) & exact) / 10)
    assert np.mean(shares) >= 0.9


def test_a_graph_that_finds_too_little_is_not_taken(
    tmp_path: Path, vectors: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_choice, "MAX_EXACT_MS", 0.0)
    monkeypatch.setattr(index_choice, "MIN_RECALL", 1.1)
    assert write(tmp_path / "index.usearch", vectors).info.kind == "exact"


def test_one_photo(tmp_path: Path) -> None:
    index = write(tmp_path / "index.usearch", np.eye(1, DIM, dtype=np.float32))
    assert index.search(np.eye(1, DIM, dtype=np.float32)[0], 10).numbers.tolist() == [0]
