"""The coded index over more photos than are read for a query: what it finds, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedFile
from handler.bundle.index import coded_index, nearness, usearch_file
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.nearness import FIRST_READ
from handler.bundle.index.usearch_file import blocked_rows, write_rows
from handler.bundle.index.vector_index import QuantisedVectors, VectorIndex
from tests.functional.handler.bundle.vectors import DIM, Vectors, exact_scores, index_of, photos, things

COUNT = 6_000
assert COUNT > 2 * FIRST_READ
# In two of them the photos are others than in the first, so that their middles differ.
STARTS = (0, 4_000, 5_500)
GONE = tuple(range(0, COUNT, 7))
QUERIES = things()[:20]
COUNTS = (1, 10, FIRST_READ // 4 - 1, FIRST_READ // 4, FIRST_READ // 4 + 1, FIRST_READ, 2 * FIRST_READ, COUNT)


@pytest.fixture(autouse=True)
def so_few_photos_are_chosen_among_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if they were too many to be scanned."""
    monkeypatch.setattr(coded_index, "SCANNED", FIRST_READ)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    moved = photos(COUNT)
    moved[STARTS[1] :] += 2.0 * things()[0]
    moved[STARTS[2] :] *= np.float32(0.5)
    return moved


@pytest.fixture(scope="module", params=["one segment", "three segments", "with photos gone"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, vectors: Vectors) -> Found:
    starts = (0,) if request.param == "one segment" else STARTS
    gone = GONE if request.param == "with photos gone" else ()
    return Found(index_of(tmp_path_factory.mktemp("index"), vectors, starts, gone), vectors, gone)


class Found:
    """An index, and what an exact scan finds in its place."""

    def __init__(self, index: VectorIndex, vectors: Vectors, gone: Sequence[int]) -> None:
        self.index = index
        self.present = np.ones(COUNT, dtype=bool)
        self.present[list(gone)] = False
        self._vectors = vectors

    def scores(self, query: Vectors) -> Vectors:
        """Of all photos; those that are gone have the lowest."""
        return np.where(self.present, exact_scores(self._vectors, query), np.float32(-np.inf))

    def best(self, query: Vectors, count: int) -> NDArray[np.int64]:
        return np.argsort(-self.scores(query), kind="stable")[:count]


@pytest.mark.parametrize(("count", "least"), [(10, 0.99), (250, 0.99), (1_500, 0.99)])
def test_almost_all_of_the_best_are_found(found: Found, count: int, least: float) -> None:
    recalls = [
        len(set(found.index.search(query, count).numbers) & set(found.best(query, count))) / count for query in QUERIES
    ]
    assert np.mean(recalls) >= least


def test_photos_of_all_segments_are_compared(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the middle of a segment counts: in two of them all photos show the first thing."""
    monkeypatch.setattr(nearness, "FIRST_READ", 80)
    first = next(found.index.best_first(QUERIES[0])).numbers
    assert 16 <= len(first) <= 20  # a quarter of what was read, without what is gone
    assert len(set(first) & set(found.best(QUERIES[0], len(first)))) >= len(first) - 3


@pytest.mark.parametrize("which", ["all", "most", "every second"])
def test_the_order_is_the_same_however_many_are_asked_for(found: Found, which: str) -> None:
    allowed = None
    if which != "all":
        allowed = np.random.default_rng(9).random(COUNT) < (0.9 if which == "most" else 0.5)
    permitted = np.flatnonzero(found.present if allowed is None else found.present & allowed)
    for query in QUERIES[:5]:
        whole = found.index.search(query, COUNT, allowed)

        assert sorted(whole.numbers.tolist()) == permitted.tolist()
        assert (np.diff(whole.scores) <= 0).all()
        for count in COUNTS:
            hits = found.index.search(query, count, allowed)
            np.testing.assert_array_equal(hits.numbers, whole.numbers[:count])
            np.testing.assert_array_equal(hits.scores, whole.scores[:count])


def test_a_score_is_the_photos_own_unless_it_was_found_too_late(found: Found) -> None:
    for query in QUERIES[:5]:
        hits = found.index.search(query, COUNT)
        scores = found.scores(query)[hits.numbers]
        assert (hits.scores <= scores).all()
        assert np.mean(hits.scores == scores) > 0.98
        np.testing.assert_array_equal(hits.scores[: FIRST_READ // 4], scores[: FIRST_READ // 4])


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3])
def test_among_few_that_are_allowed_the_search_is_exact(found: Found, share: float) -> None:
    allowed = np.random.default_rng(4).random(COUNT) < share
    for query in QUERIES:
        scores = np.where(allowed, found.scores(query), np.float32(-np.inf))
        expected = [number for number in np.argsort(-scores, kind="stable")[:50] if scores[number] > -np.inf]

        hits = found.index.search(query, 50, allowed)

        assert hits.numbers.tolist() == expected
        np.testing.assert_array_equal(hits.scores, scores[expected])


def test_nothing_is_allowed(found: Found) -> None:
    assert len(found.index.search(QUERIES[0], 10, np.zeros(COUNT, dtype=bool)).numbers) == 0


def test_rows_without_codes_are_scanned(tmp_path: Path, vectors: Vectors) -> None:
    """As those of format 1 are, whose order is exact then."""
    stored = QuantisedVectors.of(vectors)
    write_rows(tmp_path / usearch_file.FILE, stored.rows)
    rows = blocked_rows(BlockedFile(tmp_path / usearch_file.FILE), photos=COUNT, dim=DIM)
    order = np.arange(COUNT, dtype=np.uint32)
    index = CodedIndex([IndexPart(rows=rows, scales=stored.scales, codes=None, order=order)], np.array(GONE[:3]))
    scores = exact_scores(vectors, QUERIES[1])
    expected = [number for number in np.argsort(-scores, kind="stable") if number not in GONE[:3]]

    assert index.search(QUERIES[1], COUNT).numbers.tolist() == expected
    first = next(index.best_first(QUERIES[1]))
    assert first.numbers.tolist() == expected[: len(first.numbers)]


def test_what_is_found_late_is_read_late(vectors: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants few photos has few rows read, each of them once."""
    index = index_of(tmp_path, vectors, STARTS)
    read: list[int] = []
    scores = IndexPart.scores

    def counted(part: IndexPart, query: QuantisedVectors, chosen: NDArray[np.int64]) -> Vectors:
        read.append(len(chosen))
        return scores(part, query, chosen)

    monkeypatch.setattr(IndexPart, "scores", counted)
    photos = index.best_first(QUERIES[0])
    next(photos)
    assert FIRST_READ / 2 <= sum(read) <= 2 * FIRST_READ
    assert sum(1 for _ in photos) > 0
    assert sum(read) == COUNT
