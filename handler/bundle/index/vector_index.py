"""The vector index: what every kind of index answers, and how vectors become int8, or int16 in two bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

INT8_MAX = 127
COARSE = 256
"""So many steps of 16 bits are one of the first of their two bytes."""
INT16_MAX = INT8_MAX * COARSE

Whole: TypeAlias = NDArray[np.signedinteger[Any]]
"""Whole numbers, int8 or int16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedVectors:
    """Vectors in whole numbers, each with the value of one of its steps.

    A vector's step depends on nothing but the vector, so that it is the same in whatever company it is written.

    Attributes:
        rows: int8 or int16 [..., dim].
        scales: float32 [...], component = whole number * scale.
    """

    rows: Whole
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Self:
        """Quantise float32 [..., dim], so that each vector's largest component becomes +-127."""
        scales = _scales(vectors, INT8_MAX)
        return cls(rows=quantise(vectors, scales[..., np.newaxis]), scales=scales)

    @classmethod
    def in_16_bits(cls, vectors: NDArray[np.float32]) -> Self:
        """The same in int16, so that the largest component becomes +-32,512."""
        scales = _scales(vectors, INT16_MAX)
        steps = np.rint(vectors / scales[..., np.newaxis]).clip(-INT16_MAX, INT16_MAX)
        return cls(rows=steps.astype(np.int16), scales=scales)

    def in_8_bits(self) -> Self:
        """These, as `of` would have quantised them."""
        return self if self.rows.dtype == np.int8 else self.of(self.floats())

    def floats(self) -> NDArray[np.float32]:
        """The vectors, float32 [..., dim], but for rounding."""
        return self.rows.astype(np.float32) * self.scales[..., np.newaxis]


def _scales(vectors: NDArray[np.float32], highest: int) -> NDArray[np.float32]:
    largest = np.abs(vectors).max(axis=-1, initial=0.0)
    return np.where(largest > 0.0, largest / np.float32(highest), np.float32(1.0)).astype(np.float32)


def to_bytes(rows: Whole) -> NDArray[np.int8]:
    """Int16 [..., dim] as two bytes each, int8 [..., 2, dim]: 256 times the first and the second are the number.

    Example: [[300, -5]] -> [[[1, 0], [44, -5]]]
    """
    coarse = (rows.astype(np.int32) + COARSE // 2) // COARSE
    return np.stack([coarse, rows - COARSE * coarse], axis=-2).astype(np.int8)


def from_bytes(pairs: NDArray[np.int8]) -> NDArray[np.int16]:
    """What became int8 [..., 2, dim], int16 [..., dim]."""
    wide = pairs.astype(np.int16)
    return wide[..., 0, :] * np.int16(COARSE) + wide[..., 1, :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Photos found, best first.

    Attributes:
        numbers: int64 [n], photo numbers.
        scores: float32 [n], inner products of the query with the photos' fused vectors.
    """

    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]

    @classmethod
    def none(cls) -> Self:
        """Where nothing fits."""
        return cls(numbers=np.empty(0, np.int64), scores=np.empty(0, np.float32))

    def where(self, chosen: NDArray[np.bool_] | slice) -> Self:
        """Some of them, chosen as numpy chooses."""
        return type(self)(numbers=self.numbers[chosen], scores=self.scores[chosen])

    def and_then(self, others: Hits) -> Self:
        """These, and others after them."""
        return type(self)(
            numbers=np.concatenate([self.numbers, others.numbers]), scores=np.concatenate([self.scores, others.scores])
        )

    @classmethod
    def best(cls, numbers: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> Self:
        """The `count` photos of the best scores, or all of them: by score, then number."""
        if count < len(numbers):
            least = np.partition(scores, len(scores) - count)[len(scores) - count]
            kept = np.flatnonzero(scores >= least)  # and whatever is as good as the last: their numbers decide
            numbers, scores = numbers[kept], scores[kept]
        order = np.lexsort((numbers, -scores))[:count]
        return cls(numbers=numbers[order], scores=scores[order])


class VectorIndex(Protocol):
    """An open index over the fused vectors of a bundle's photos, whatever segments they are in."""

    def best_first(self, query: NDArray[np.float32], allowed: NDArray[np.bool_] | None = None) -> Iterator[Hits]:
        """All photos, some at a time, those that fit the query best first: by score, then number.

        What is found for those that come next is found when they are asked for, so that few of them take little time.

        Args:
            query: float32 [dim], any norm. Zero or NaN fits nothing.
            allowed: Which photos may be found, bool [photos]; None for all. Those that are gone are never found.
        """

    def scores(self, queries: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The inner products of m queries, float32 [m, dim], with the photos of n numbers, float32 [m, n]."""

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """The first `count` photos, at least one, or all there are."""
        hits = Hits.none()
        for some in self.best_first(query, allowed):
            hits = hits.and_then(some)
            if len(hits.numbers) >= count:
                break
        return hits.where(slice(count))


def scale_of(vectors: NDArray[np.float32]) -> float:
    """The value of one int8 step with which the largest component of `vectors` still fits.

    Example: [[0.5, -1.27]] -> 0.01, so that `quantise` gives [[50, -127]]
    """
    largest = float(np.abs(vectors).max(initial=0.0))
    return largest / INT8_MAX if largest > 0.0 else 1.0


def quantise(vectors: NDArray[np.float32], scale: float | NDArray[np.float32]) -> NDArray[np.int8]:
    """Round to whole steps of `scale`, clipped to +-127; the shape stays."""
    steps = np.rint(vectors / np.asarray(scale, dtype=np.float32))
    return np.asarray(np.clip(steps, -INT8_MAX, INT8_MAX), dtype=np.int8)


def fits_something(query: NDArray[np.float32]) -> bool:
    """Whether a query has a direction: zero and NaN have none."""
    return bool(np.isfinite(query).all() and query.any())
