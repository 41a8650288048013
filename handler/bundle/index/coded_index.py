"""The coded index: bits of all photos in memory, and of those that may fit best the int8 rows, wherever they lie.

The photos whose bits come nearest to the query (nearness.py) have their rows read and their scores computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocked_file import BlockedArray, Wanted, verify
from handler.bundle.index.codes_file import Codes
from handler.bundle.index.likeness_order import Order, places_of
from handler.bundle.index.nearness import Nearness
from handler.bundle.index.vector_index import Hits, QuantisedVectors, VectorIndex, fits_something
from handler.runtime import numkong

SCANNED = 8_192
"""Of so few photos all rows are read, which takes no longer than to choose among them."""
_READ_FOR_EACH = 4
"""So many rows are read for each photo whose place is settled; all others are compared with those read next."""
_SCANNED_FROM = 3
"""Of a segment of which more than a third is wanted all rows are read, where they lie; fewer are copied together."""
_FEW = 1_024
"""So many photos are put in order before all others are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart:
    """The vectors of one segment.

    Attributes:
        rows: int8 [photos, dim], verified as they are read.
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
        return self.rows.wanted(np.arange(len(self.rows)) if self._is_scanned(chosen) else chosen)

    def scores(self, query: QuantisedVectors, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """The inner products of a vector with some rows: whole numbers times two scales, the same in any company."""
        steps = query.rows[np.newaxis]
        if self._is_scanned(chosen):
            products = np.asarray(numkong.cdist(steps, self.rows.all(), "dot"))[0, chosen]
        else:
            products = np.asarray(numkong.cdist(steps, self.rows.of(chosen), "dot"))[0]
        return np.asarray(products * (query.scales * self.scales[chosen]), dtype=np.float32)

    def _is_scanned(self, chosen: NDArray[np.int64]) -> bool:
        return len(chosen) * _SCANNED_FROM > len(self.rows)


class CodedIndex(VectorIndex):
    """An index over the vectors of segments, whose photos are numbered one segment after the other.

    Vectors lie in another order than photos are numbered in: places are counted through the segments as numbers are.
    """

    def __init__(self, parts: Sequence[IndexPart], gone: NDArray[np.int64]) -> None:
        """`gone` are the numbers of photos that are never found, int64 [n] in rising order."""
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.rows) for part in parts)])
        self._gone = gone
        self._numbers = np.concatenate(
            [part.order + np.uint32(start) for part, start in zip(parts, self._starts, strict=False)]
        )

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
        if coded and allowed is None and not len(self._gone) and len(self) > SCANNED:
            return self._nearest_first(query, Nearness(codes, query), len(self))
        places = self._permitted(allowed)
        if coded and len(places) > SCANNED:
            return self._nearest_first(query, Nearness(codes, query, places), len(places))
        return _best_first(self._numbers_at(places), self._scores_of(query, places))

    def scores(self, query: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """As VectorIndex says."""
        places = self._places[numbers].astype(np.int64)
        rising = np.argsort(places)
        found = np.empty(len(numbers), dtype=np.float32)
        found[rising] = self._scores_of(query, places[rising])
        return found

    def _numbers_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._numbers[places].astype(np.int64)

    @cached_property
    def _places(self) -> Order:
        """The place of each number."""
        return places_of(self._numbers)

    def _permitted(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The places of the photos that may be found, rising."""
        found = np.ones(len(self), dtype=bool) if allowed is None else allowed.copy()
        found[self._gone] = False
        return np.flatnonzero(found[self._numbers])

    def _scores_of(self, query: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The scores at places that rise, float32 [n]; what is read of all segments is verified at once."""
        ends = np.searchsorted(places, self._starts)
        wanted = [
            (part, places[low:high] - start)
            for part, start, (low, high) in zip(self._parts, self._starts, pairwise(ends), strict=False)
            if low < high
        ]
        verify([part.wanted(rows) for part, rows in wanted])
        steps = QuantisedVectors.of(query)
        return np.concatenate([np.empty(0, np.float32), *(part.scores(steps, rows) for part, rows in wanted)])

    def _nearest_first(self, query: NDArray[np.float32], nearness: Nearness, everything: int) -> Iterator[Hits]:
        """So many photos, best first, as they are settled tier by tier.

        A photo that is read too late for its place has the score of the last one before it, so that scores never rise.
        """
        others, least = Hits.none(), np.float32(np.inf)
        read = settled = 0
        for tier in nearness.tiers():
            read += len(tier)
            known = others.and_then(Hits(numbers=self._numbers_at(tier), scores=self._scores_of(query, tier)))
            ordered = Hits.best(known.numbers, known.scores, len(known.numbers))
            certain = (everything if read == everything else read // _READ_FOR_EACH) - settled
            head, others = ordered.where(slice(certain)), ordered.where(slice(certain, None))
            if len(head.numbers):
                scores = np.minimum(head.scores, least)
                settled, least = settled + len(scores), scores[-1]
                yield Hits(numbers=head.numbers, scores=scores)


def _best_first(numbers: NDArray[np.int64], scores: NDArray[np.float32]) -> Iterator[Hits]:
    """Photos in order: a few, who are soon found, then all others."""
    yield Hits.best(numbers, scores, _FEW)
    if len(numbers) > _FEW:
        yield Hits.best(numbers, scores, len(numbers)).where(slice(_FEW, None))
