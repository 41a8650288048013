"""The coded index: bits of all photos in memory, and of those that may fit best the int8 rows, wherever they lie.

The bits are compared by Hamming distance with those of the query. The photos that come closest have their rows read and
their scores computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.codes_file import Codes, codes_of
from handler.bundle.index.vector_index import Hits, fits_something, quantise, scale_of
from handler.runtime import numkong

SCANNED = 8_192
"""Of so few photos all rows are read, which takes no longer than to choose among them."""
FIRST_READ = 2_048
"""About so many rows are read for a query of more photos."""
_FURTHER = 4
"""So many times as many are read for whoever wants more photos than they settle."""
_READ_FOR_EACH = 8
"""So many rows are read for each photo whose place is settled; all others are compared with those read next."""
_COUNTED = 65_536
_CODES_AT_ONCE = 32_768
_SCANNED_FROM = 3
"""Of a segment of which more than a third is wanted all rows are read, where they lie; fewer are copied together."""

Distances = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart:
    """The vectors of one segment.

    Attributes:
        rows: int8 [photos, dim].
        scales: float32 [photos], the value of one step of each row.
        codes: Their bits; None in bundles of format 1, whose rows are all read for every query.
    """

    rows: NDArray[np.int8]
    scales: NDArray[np.float32]
    codes: Codes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimate:
    """What the bits of one segment's photos say.

    Attributes:
        start: The number of its first photo.
        distances: uint16 [photos], the Hamming distances to the query's bits.
        scores: float64 [dim + 1], about the score of a photo at each distance, falling.
    """

    start: int
    distances: Distances
    scores: NDArray[np.float64]


class CodedIndex:
    """An index over the vectors of segments, whose photos are numbered one segment after the other."""

    def __init__(self, parts: Sequence[IndexPart], gone: NDArray[np.int64]) -> None:
        """`gone` are the numbers of photos that are never found, int64 [n] in rising order."""
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.rows) for part in parts)])
        self._gone = gone

    def __len__(self) -> int:
        return int(self._starts[-1])

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """As VectorIndex says.

        Of more than SCANNED photos the first ones by their bits are read, and the best eighth of them come first;
        then four times as many are read, and so on: so the order is the same however many are asked for.
        """
        if not fits_something(query):
            return Hits.none()
        coded = all(part.codes is not None for part in self._parts)
        if coded and allowed is None and not len(self._gone) and len(self) > SCANNED:
            return self._nearest_first(query, count, None)
        numbers = self._permitted(allowed)
        if len(numbers) <= SCANNED:
            return Hits.best(numbers, self._scores_of(query, numbers), count)
        if not coded:
            return Hits.best(numbers, self.scores(query)[numbers], count)
        return self._nearest_first(query, count, numbers)

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """As VectorIndex says."""
        return np.concatenate([_scores(query, part.rows, part.scales) for part in self._parts])

    def _permitted(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        if allowed is None:
            numbers = np.arange(len(self))
            return np.delete(numbers, self._gone) if len(self._gone) else numbers
        if len(self._gone):
            allowed = allowed.copy()
            allowed[self._gone] = False
        return np.flatnonzero(allowed)

    def _scores_of(self, query: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The scores of photos whose numbers rise, float32 [n]."""
        ends = np.searchsorted(numbers, self._starts)
        found = [np.empty(0, np.float32)]
        for part, start, (low, high) in zip(self._parts, self._starts, pairwise(ends), strict=False):
            if low < high:
                rows = numbers[low:high] - start
                if len(rows) * _SCANNED_FROM > len(part.rows):
                    found.append(_scores(query, part.rows, part.scales)[rows])
                else:
                    found.append(_scores(query, part.rows[rows], part.scales[rows]))
        return np.concatenate(found)

    def _nearest_first(self, query: NDArray[np.float32], count: int, numbers: NDArray[np.int64] | None) -> Hits:
        """The first `count` of photos, of all where `numbers` is None, tier by tier.

        A photo that is read too late for its place has the score of the last one before it, so that scores never rise.
        """
        everything = len(self) if numbers is None else len(numbers)
        settled, others = Hits.none(), Hits.none()
        read = 0
        for tier in _Nearness(self, query, numbers).tiers():
            read += len(tier)
            known = others.and_then(Hits(numbers=tier, scores=self._scores_of(query, tier)))
            ordered = Hits.best(known.numbers, known.scores, len(known.numbers))
            certain = (everything if read == everything else read // _READ_FOR_EACH) - len(settled.numbers)
            head, others = ordered.where(slice(certain)), ordered.where(slice(certain, None))
            highest = settled.scores[-1] if len(settled.scores) else np.float32(np.inf)
            settled = settled.and_then(Hits(numbers=head.numbers, scores=np.minimum(head.scores, highest)))
            if len(settled.numbers) >= count:
                break
        return settled.where(slice(count))

    def estimates(self, query: NDArray[np.float32]) -> Iterator[_Estimate]:
        """What the bits of each segment's photos say of their scores.

        Vectors at an angle of t differ in about t / pi of their bits (Charikar 2002), so the distance tells the angle,
        and the angle the score.
        """
        dim = len(query)
        norm = float(np.linalg.norm(query))
        cosines = np.cos(math.pi * np.arange(dim + 1) / dim)
        for start, part in zip(self._starts, self._parts, strict=False):
            if part.codes is None:
                raise ValueError("a segment without codes has no estimates")
            middle = part.codes.middle
            # What all photos have in common tells none from another.
            apart = query - (query @ middle) / max(float(middle @ middle), 1e-12) * middle
            code = codes_of(apart[np.newaxis])[:, 0]
            yield _Estimate(
                start=int(start),
                distances=_distances(code, part.codes.codes),
                scores=float(query @ middle) + norm * part.codes.norm * cosines,
            )


class _Nearness:
    """How near the bits of photos come to a query's, and so about which score each has."""

    def __init__(self, index: CodedIndex, query: NDArray[np.float32], numbers: NDArray[np.int64] | None) -> None:
        """`numbers`, which rise, are the photos that count; None for all."""
        estimates = list(index.estimates(query))
        self._starts = [estimate.start for estimate in estimates]
        self._distances = [estimate.distances for estimate in estimates]
        self._scores = np.stack([estimate.scores for estimate in estimates])
        self._counted: list[NDArray[np.int64] | None] = [None] * len(estimates)
        if numbers is not None:
            ends = np.searchsorted(numbers, [*self._starts, len(index)])
            self._counted = [
                numbers[low:high] - start for start, (low, high) in zip(self._starts, pairwise(ends), strict=True)
            ]

    def tiers(self) -> Iterator[NDArray[np.int64]]:
        """The photos that are nearest, about FIRST_READ of them, then those that follow, until all are there."""
        # Of many photos some tell how many are how near.
        stride = max(1, sum(map(len, self._distances)) // _COUNTED)
        counts = np.stack(
            [
                np.bincount((found if chosen is None else found[chosen])[::stride], minlength=self._scores.shape[1])
                for found, chosen in zip(self._distances, self._counted, strict=True)
            ]
        )
        order = np.argsort(-self._scores, axis=None, kind="stable")
        reached = np.cumsum(counts.ravel()[order]) * stride
        falling = self._scores.ravel()[order]
        depth, before = FIRST_READ, np.inf
        while before > falling[-1]:
            least = float(falling[min(int(np.searchsorted(reached, depth)), len(falling) - 1)])
            if least < before:
                yield self._where(self._scores >= least, self._scores >= before)
            before, depth = min(before, least), depth * (1 + _FURTHER)

    def _where(self, inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The numbers of the photos at distances that are inside and not outside, bool [segments, dim + 1]; they rise.

        Both are true up to a distance.
        """
        found = []
        ends = zip(outside.sum(1), inside.sum(1), strict=True)
        for (low, high), start, distances, chosen in zip(
            ends, self._starts, self._distances, self._counted, strict=True
        ):
            of_chosen = distances if chosen is None else distances[chosen]
            near = of_chosen < high
            rows = np.flatnonzero(near & (of_chosen >= low) if low else near)
            found.append((rows if chosen is None else chosen[rows]) + start)
        return np.concatenate(found)


def _scores(query: NDArray[np.float32], rows: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner products, float32 [n]: whole numbers times two scales, so that they are the same in any company."""
    scale = scale_of(query)
    products = np.asarray(numkong.cdist(quantise(query, scale)[np.newaxis], rows, "dot"))[0]
    return np.asarray(products * (np.float32(scale) * scales), dtype=np.float32)


def _distances(code: NDArray[np.uint64], codes: NDArray[np.uint64]) -> Distances:
    """The Hamming distances of codes, uint64 [words, n], to one, uint64 [words]."""
    found = np.zeros(codes.shape[1], dtype=np.uint16)
    # Some at a time, so that what is in between stays in the processor's cache.
    differing = np.empty(min(_CODES_AT_ONCE, len(found)), dtype=np.uint64)
    bits = np.empty(len(differing), dtype=np.uint8)
    for start in range(0, len(found), _CODES_AT_ONCE):
        part = found[start : start + _CODES_AT_ONCE]
        for words, word in zip(codes, code, strict=True):
            np.bitwise_xor(words[start : start + len(part)], word, out=differing[: len(part)])
            np.bitwise_count(differing[: len(part)], out=bits[: len(part)])
            np.add(part, bits[: len(part)], out=part)
    return found
