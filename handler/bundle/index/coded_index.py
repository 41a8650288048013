"""The coded index: bits of all photos in memory, and of those that may fit best the rows, wherever they lie.

Rows have a byte for each component, or two where photos lie close together for the texts that ask for them, as in dual
encoders' spaces; queries have as many. The photos whose bits come nearest to the query (nearness.py) have their rows
read and their scores computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedArray, Wanted, verify
from handler.bundle.index.codes_file import Codes
from handler.bundle.index.likeness_order import Order, Places, places_of
from handler.bundle.index.nearness import Nearness
from handler.bundle.index.vector_index import (
    COARSE,
    Hits,
    QuantisedVectors,
    VectorIndex,
    Whole,
    fits_something,
    to_bytes,
)
from handler.bundle.numbers import are_among
from handler.runtime import numkong

SCANNED = 8_192
"""Of so few photos all rows are read, which takes no longer than to choose among them."""
_READ_FOR_EACH = 4
"""So many rows are read for each photo whose place is settled; all others are compared with those read next."""
_SCANNED_FROM = 3
"""Of a segment of which more than a third is wanted all rows are read, where they lie; fewer are copied together."""
_FEW = 256
"""So many photos are put in order before all others are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart:
    """The vectors of one segment.

    Attributes:
        rows: int8 [photos, dim], or [photos, 2, dim] in two bytes, verified as they are read.
        scales: float32 [photos], the value of one step of each row.
        codes: Their bits; None in bundles of format 1, whose rows are all read for every query.
        order: uint32 [photos], the row in its segment of the photo at each place of rows, scales and codes.
    """

    rows: BlockedArray
    scales: NDArray[np.float32]
    codes: Codes | None
    order: Order

    def wanted(self, chosen: NDArray[np.int64]) -> Wanted:
        """What is read for the scores of some rows, int64 [n], which rise."""
        return self.rows.everything() if self._is_scanned(chosen) else self.rows.wanted(chosen)

    def scores(self, queries: QuantisedVectors, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """The inner products of m vectors with n rows, which have been verified as wanted: float32 [m, n].

        They are whole numbers times two scales, so that they are the same in any company.
        """
        if self._is_scanned(chosen):
            products = _products(queries.rows, self.rows.taken(slice(None)))[:, chosen]
        else:
            products = _products(queries.rows, self.rows.taken(chosen))
        return np.asarray(products * (queries.scales[:, np.newaxis] * self.scales[chosen]), dtype=np.float32)

    def _is_scanned(self, chosen: NDArray[np.int64]) -> bool:
        return len(chosen) * _SCANNED_FROM > len(self.rows)


class CodedIndex(VectorIndex):
    """An index over the vectors of segments, whose photos are numbered one segment after the other.

    Vectors lie in another order than photos are numbered in: places are counted through the segments as numbers are.
    """

    def __init__(self, parts: Sequence[IndexPart], gone: NDArray[np.int64]) -> None:
        """`gone` are the numbers of photos that are never found, int64 [n] in rising order."""
        self._parts = tuple(parts)
        self._in_two_bytes = any(part.rows.ndim == 3 for part in parts)
        self._starts = np.cumsum([0, *(len(part.rows) for part in parts)])
        self._gone = gone
        self._gone_places = np.sort(self._places_of(gone)) if len(gone) else gone

    def __len__(self) -> int:
        return int(self._starts[-1])

    def best_first(self, query: NDArray[np.float32], allowed: NDArray[np.bool_] | None = None) -> Iterator[Hits]:
        """As VectorIndex says.

        Of more than SCANNED photos the first ones by their bits are read, and the best quarter of them come first;
        then four times as many are read, and so on: so the order is the same however many are asked for.
        """
        if not fits_something(query):
            return iter(())
        codes = [part.codes for part in self._parts if part.codes is not None]
        coded = len(codes) == len(self._parts)
        there = len(self) - len(self._gone)
        if coded and allowed is None and there > SCANNED:
            return self._nearest_first(query, Nearness(codes, query), there)
        places = self._permitted(allowed)
        if coded and len(places) > SCANNED:
            return self._nearest_first(query, Nearness(codes, query, places), len(places))
        return _best_first(self._numbers_at(places), self._scores_of(query[np.newaxis], places)[0])

    def scores(self, queries: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """As VectorIndex says."""
        places = self._places_of(numbers)
        rising = np.argsort(places)
        found = np.empty((len(queries), len(numbers)), dtype=np.float32)
        found[:, rising] = self._scores_of(queries, places[rising])
        return found

    @cached_property
    def _places(self) -> list[Places]:
        """Where the photos of each segment lie."""
        return [places_of(part.order) for part in self._parts]

    def _numbers_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of the photos at places that rise."""
        numbers = np.empty_like(places)
        for start, part, (low, high) in self._by_segment(places):
            numbers[low:high] = part.order[places[low:high] - start] + start
        return numbers

    def _places_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places of the photos of some numbers."""
        places = np.empty_like(numbers)
        of_segment = np.searchsorted(self._starts, numbers, side="right") - 1
        for segment in np.flatnonzero(np.bincount(of_segment)).tolist():
            these = of_segment == segment
            start = self._starts[segment]
            places[these] = self._places[segment][numbers[these] - start] + start
        return places

    def _by_segment(self, places: NDArray[np.int64]) -> Iterator[tuple[int, IndexPart, tuple[int, int]]]:
        """Of places that rise, which lie in each segment: from where to where; the segment, and where it starts."""
        ends = np.searchsorted(places, self._starts).tolist()
        for start, part, (low, high) in zip(self._starts.tolist(), self._parts, pairwise(ends), strict=False):
            if low < high:
                yield start, part, (low, high)

    def _permitted(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The places of the photos that may be found, rising."""
        there = np.ones(len(self), dtype=bool)
        if allowed is not None:
            for part, low, high in zip(self._parts, self._starts, self._starts[1:], strict=False):
                there[low:high] = allowed[low:high][part.order]
        there[self._gone_places] = False
        return np.flatnonzero(there)

    def _scores_of(self, queries: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The scores at places that rise, float32 [m, n]; what is read of all segments is verified at once."""
        wanted = [(part, places[low:high] - start) for start, part, (low, high) in self._by_segment(places)]
        verify([part.wanted(rows) for part, rows in wanted])
        steps = QuantisedVectors.in_16_bits(queries) if self._in_two_bytes else QuantisedVectors.of(queries)
        scores = [part.scores(steps, rows) for part, rows in wanted]
        return np.concatenate([np.empty((len(queries), 0), np.float32), *scores], axis=1)

    def _nearest_first(self, query: NDArray[np.float32], nearness: Nearness, everything: int) -> Iterator[Hits]:
        """So many photos, best first, as they are settled tier by tier.

        A photo that is read too late for its place has the score of the last one before it, so that scores never rise.
        """
        others, least = Hits.none(), np.float32(np.inf)
        read = settled = 0
        for nearest in nearness.tiers():
            tier = nearest[~are_among(nearest, self._gone_places)] if len(self._gone) else nearest
            read += len(tier)
            scores = self._scores_of(query[np.newaxis], tier)[0]
            known = others.and_then(Hits(numbers=self._numbers_at(tier), scores=scores))
            ordered = Hits.best(known.numbers, known.scores, len(known.numbers))
            certain = (everything if read == everything else read // _READ_FOR_EACH) - settled
            head, others = ordered.where(slice(certain)), ordered.where(slice(certain, None))
            if len(head.numbers):
                scores = np.minimum(head.scores, least)
                settled, least = settled + len(scores), scores[-1]
                yield Hits(numbers=head.numbers, scores=scores)


def _products(queries: Whole, rows: Whole) -> NDArray[np.float64]:
    """The inner products of m vectors with n rows, which are whole numbers: [m, n].

    Args:
        queries: int8 [m, dim], or int16 where rows have two bytes.
        rows: int8 [n, dim], or [n, 2, dim].
    """
    if rows.ndim == 2:
        return np.asarray(numkong.cdist(queries, rows, "dot"), dtype=np.float64)
    pairs = to_bytes(queries)
    dim = rows.shape[-1]
    products = np.asarray(numkong.cdist(pairs.reshape(-1, dim), rows.reshape(-1, dim), "dot"), dtype=np.float64)
    of_bytes = products.reshape(len(queries), 2, len(rows), 2)
    of_queries = of_bytes[:, 0] * COARSE + of_bytes[:, 1]
    return np.asarray(of_queries[..., 0] * COARSE + of_queries[..., 1])


def _best_first(numbers: NDArray[np.int64], scores: NDArray[np.float32]) -> Iterator[Hits]:
    """Photos in order: a few, who are soon found, then all others."""
    yield Hits.best(numbers, scores, _FEW)
    if len(numbers) > _FEW:
        yield Hits.best(numbers, scores, len(numbers)).where(slice(_FEW, None))
