"""The index: an exact scan finds what numpy finds, and other files are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from handler.bundle.index.index_kinds import open_index, write_index
from handler.bundle.index.vector_index import VectorIndex, quantise, scale_of
from handler.bundle.manifest import IndexInfo, IndexKind
from handler.errors import BundleError
from handler.runtime import usearch

COUNT, DIM = 2_000, 48


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(COUNT, DIM)).astype(np.float32)


def opened(folder: Path, vectors: NDArray[np.float32], kind: IndexKind) -> VectorIndex:
    scale = scale_of(vectors)
    write_index(folder / "index.usearch", quantise(vectors, scale), kind=kind)
    info = IndexInfo(kind=kind, scale=scale, dim=DIM, count=len(vectors), expansion_search=64)
    return open_index(folder / "index.usearch", info)


def test_an_exact_scan_finds_what_numpy_finds(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    index = opened(tmp_path, vectors, "exact")
    scale = scale_of(vectors)
    rows = quantise(vectors, scale).astype(np.int64)
    for query in np.random.default_rng(1).normal(size=(20, DIM)).astype(np.float32):
        query_scale = scale_of(query)
        products = rows @ quantise(query, query_scale).astype(np.int64)
        expected = np.sort(products)[::-1][:25]

        hits = index.search(query, 25)

        assert hits.numbers.dtype == np.int64
        assert hits.scores.dtype == np.float32
        np.testing.assert_array_equal(products[hits.numbers], expected)
        np.testing.assert_allclose(hits.scores, expected * query_scale * scale, rtol=1e-5)
        np.testing.assert_allclose(hits.scores, vectors[hits.numbers] @ query, atol=0.5)


def test_the_graph_finds_almost_the_same(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    index = opened(tmp_path, vectors, "hnsw")
    queries = np.random.default_rng(2).normal(size=(50, DIM)).astype(np.float32)
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]

    found = [len(set(index.search(query, 10).numbers) & set(exact[i])) for i, query in enumerate(queries)]

    assert sum(found) / 500 > 0.9


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_answers_all_photos_if_more_are_wanted(tmp_path: Path, vectors: NDArray[np.float32], kind: IndexKind) -> None:
    hits = opened(tmp_path, vectors[:5], kind).search(vectors[0], 1_000)

    assert sorted(hits.numbers) == [0, 1, 2, 3, 4]
    assert (np.diff(hits.scores) <= 0).all()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_query_without_direction_finds_nothing(tmp_path: Path, vectors: NDArray[np.float32], value: float) -> None:
    hits = opened(tmp_path, vectors[:5], "exact").search(np.full(DIM, value, np.float32), 3)

    assert (hits.numbers.shape, hits.scores.shape) == ((0,), (0,))


def test_one_photo_is_a_collection(tmp_path: Path, vectors: NDArray[np.float32]) -> None:
    assert opened(tmp_path, vectors[:1], "hnsw").search(vectors[0], 10).numbers.tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": DIM + 1}, f"Unexpected dim {DIM} (expected {DIM + 1})"),
        ({"count": 6}, "Unexpected count 5 (expected 6)"),
    ],
)
def test_refuses_the_index_of_another_manifest(
    tmp_path: Path, vectors: NDArray[np.float32], changes: dict[str, int], message: str
) -> None:
    write_index(tmp_path / "index.usearch", quantise(vectors[:5], 0.1), kind="exact")
    expected = {"dim": DIM, "count": 5, **changes}
    info = IndexInfo(kind="exact", scale=0.1, dim=expected["dim"], count=expected["count"], expansion_search=64)
    with pytest.raises(BundleError) as error:
        open_index(tmp_path / "index.usearch", info)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("dtype", "metric", "message"),
    [
        (usearch.ScalarKind.F32, usearch.MetricKind.IP, "Unexpected dtype"),
        (usearch.ScalarKind.I8, usearch.MetricKind.Cos, "Unexpected metric"),
    ],
)
def test_refuses_other_numbers_and_metrics(
    tmp_path: Path, vectors: NDArray[np.float32], dtype: usearch.ScalarKind, metric: usearch.MetricKind, message: str
) -> None:
    index = usearch.Index(ndim=DIM, dtype=dtype, metric_kind=metric)
    index.add_many(np.arange(5, dtype=np.uint64), vectors[:5], threads=1, dtype=usearch.ScalarKind.F32)
    index.save_index_to_path(str(tmp_path / "index.usearch"))
    info = IndexInfo(kind="exact", scale=0.1, dim=DIM, count=5, expansion_search=64)
    with pytest.raises(BundleError, match=message):
        open_index(tmp_path / "index.usearch", info)


def test_refuses_what_is_no_index(tmp_path: Path) -> None:
    info = IndexInfo(kind="exact", scale=0.1, dim=DIM, count=5, expansion_search=64)
    (tmp_path / "index.usearch").write_bytes(b"x" * 1_000)
    with pytest.raises(BundleError, match=r"index\.usearch is not a usearch index"):
        open_index(tmp_path / "index.usearch", info)
