"""Nearness: which photos are likely to fit a query best, as the bits of their vectors tell.

Knows bits; knows nothing of rows. Bits are compared in two ways, of which the quick one is used for all photos, and the
other one for those that come nearest by it:

- How many bits of two vectors differ tells the angle between them (Charikar 2002), and so about their inner product.
- Of the query more is known than its bits. The sum of its components, each with the sign that a photo's bit stands for,
  tells the inner product better (Gordo et al. 2014, "Asymmetric distances for binary embeddings").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.codes_file import Codes, codes_of
from handler.bundle.index.vector_index import QuantisedVectors
from handler.runtime import numkong

FIRST_READ = 1_024
"""So many photos are the first tier."""
_FURTHER = 4
"""So many times as many follow for whoever wants more photos than they settle."""
_CHOSEN_FROM = 4
"""The photos of a tier are chosen from about so many times as many, the nearest by their distances."""
_COUNTED = 65_536
_CODES_AT_ONCE = 65_536
_UNPACKED_AT_ONCE = 8_192

Distances = NDArray[np.uint16]


class Nearness:
    """How near the bits of photos come to a query, and so about which score each has."""

    def __init__(
        self, codes: Sequence[Codes], query: NDArray[np.float32], numbers: NDArray[np.int64] | None = None
    ) -> None:
        """Compare the bits of segments.

        Args:
            codes: Those of each segment.
            query: float32 [dim].
            numbers: The photos that count, int64 [n], rising; None for all.
        """
        self._starts = np.cumsum([0, *(part.codes.shape[1] for part in codes)])
        middles = np.stack([part.middle for part in codes])
        common = middles @ query
        # The signs of what all photos have in common tell none from another.
        apart = query - (common / np.maximum((middles**2).sum(1), 1e-12))[:, np.newaxis] * middles
        lengths = np.linalg.norm(apart, axis=1) * np.array([part.norm for part in codes])
        # Vectors at an angle of t differ in about t / pi of their bits.
        cosines = np.cos(math.pi * np.arange(len(query) + 1) / len(query))
        self._by_distance = common[:, np.newaxis] + lengths[:, np.newaxis] * cosines
        steps = QuantisedVectors.of(query)
        words = codes_of(apart)
        self._segments = [
            _Segment(
                codes=part,
                distances=_distances(words[:, number], part.codes),
                common=float(common[number]),
                query=steps,
            )
            for number, part in enumerate(codes)
        ]
        self._counted: list[NDArray[np.int64] | None] = [None] * len(codes)
        if numbers is not None:
            ends = np.searchsorted(numbers, self._starts)
            self._counted = [
                numbers[low:high] - start
                for start, (low, high) in zip(self._starts.tolist(), pairwise(ends), strict=False)
            ]

    def tiers(self) -> Iterator[NDArray[np.int64]]:
        """The numbers of all photos, tier by tier, those first that are likely to fit best; they rise in each tier."""
        numbers, scores = np.empty(0, np.int64), np.empty(0, np.float32)
        depth = FIRST_READ
        for nearest in self._nearest():
            numbers = np.concatenate([numbers, nearest])
            scores = np.concatenate([scores, self._scores(nearest)])
            best = np.zeros(len(numbers), dtype=bool)
            best[np.argpartition(-scores, min(depth, len(scores)) - 1)[:depth]] = True
            yield np.sort(numbers[best])
            numbers, scores = numbers[~best], scores[~best]
            depth *= _FURTHER
        if len(numbers):
            yield np.sort(numbers)

    def _nearest(self) -> Iterator[NDArray[np.int64]]:
        """Photos by distance: some to choose the first tier from, then some more for the next, until all came."""
        scores = self._by_distance
        # Of many photos some tell how many are how near.
        stride = max(1, int(self._starts[-1]) // _COUNTED)
        counts = np.stack(
            [
                np.bincount(
                    (segment.distances if rows is None else segment.distances[rows])[::stride],
                    minlength=scores.shape[1],
                )
                for segment, rows in zip(self._segments, self._counted, strict=True)
            ]
        )
        order = np.argsort(-scores, axis=None, kind="stable")
        reached = np.cumsum(counts.ravel()[order]) * stride
        falling = scores.ravel()[order]
        depth = wanted = FIRST_READ * _CHOSEN_FROM
        before = np.inf
        while before > falling[-1]:
            least = float(falling[min(int(np.searchsorted(reached, wanted)), len(falling) - 1)])
            if least < before and len(found := self._between(scores >= least, scores >= before)):
                yield found
            before, depth = min(before, least), depth * _FURTHER
            wanted += depth

    def _between(self, inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The numbers of the photos at distances that are inside and not outside, bool [segments, dim + 1]; they rise.

        Both are true up to a distance.
        """
        found = []
        ends = zip(outside.sum(1).tolist(), inside.sum(1).tolist(), strict=True)
        for (low, high), start, segment, rows in zip(ends, self._starts, self._segments, self._counted, strict=False):
            distances = segment.distances if rows is None else segment.distances[rows]
            near = distances < high
            chosen = np.flatnonzero(near & (distances >= low) if low else near)
            found.append((chosen if rows is None else rows[chosen]) + start)
        return np.concatenate(found)

    def _scores(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """About the scores of photos whose numbers rise, float32 [n]."""
        ends = np.searchsorted(numbers, self._starts)
        return np.concatenate(
            [
                segment.scores(numbers[low:high] - start)
                for segment, start, (low, high) in zip(self._segments, self._starts, pairwise(ends), strict=False)
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """What the bits of one segment's photos say of a query.

    Attributes:
        codes: The bits.
        distances: uint16 [photos], the Hamming distances to those of the query, less the middle's direction.
        common: The query's score with the segment's middle.
        query: The query, int8 [dim].
    """

    codes: Codes
    distances: Distances
    common: float
    query: QuantisedVectors

    def scores(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """About the scores of the photos of some rows, float32 [n].

        The inner product of a random unit vector with its signs is about sqrt(2 / pi) times their length.
        """
        steps = self.query.rows
        sums = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _UNPACKED_AT_ONCE):
            part = slice(start, start + _UNPACKED_AT_ONCE)
            words = np.ascontiguousarray(self.codes.codes[:, rows[part]].T)
            bits = np.unpackbits(words.view(np.uint8), axis=1, count=len(steps)).view(np.int8)
            sums[part] = np.asarray(numkong.cdist(steps[np.newaxis], bits, "dot"))[0]
        signed = 2.0 * sums - float(steps.sum(dtype=np.int64))
        step = float(self.query.scales) * self.codes.norm * math.sqrt(math.pi / 2.0 / len(steps))
        return np.asarray(self.common + step * signed, dtype=np.float32)


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
