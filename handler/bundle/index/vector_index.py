"""The vector index: what every kind of index answers, and how vectors become int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import IndexInfo

INT8_MAX = 127


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


class VectorIndex(Protocol):
    """An open index over the fused vectors of a bundle's photos."""

    @property
    def info(self) -> IndexInfo:
        """What the manifest says of it."""

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the `count` photos (or all, if there are fewer) that fit the query best.

        Whatever `count` is, the photos come in the same order: by score, then number.

        Args:
            query: float32 [dim], any norm. Zero or NaN fits nothing.
            count: At least 1.
            allowed: Which photos may be found, bool [photos]; None for all.
        """

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inner products of a query, float32 [dim], with every photo, float32 [photos]."""


def scale_of(vectors: NDArray[np.float32]) -> float:
    """The value of one int8 step with which the largest component of `vectors` still fits.

    Example: [[0.5, -1.27]] -> 0.01, so that `quantise` gives [[50, -127]]
    """
    largest = float(np.abs(vectors).max(initial=0.0))
    return largest / INT8_MAX if largest > 0.0 else 1.0


def quantise(vectors: NDArray[np.float32], scale: float) -> NDArray[np.int8]:
    """Round to whole steps of `scale`, clipped to +-127; the shape stays."""
    steps = np.rint(vectors / np.float32(scale))
    return np.asarray(np.clip(steps, -INT8_MAX, INT8_MAX), dtype=np.int8)


def fits_something(query: NDArray[np.float32]) -> bool:
    """Whether a query has a direction: zero and NaN have none."""
    return bool(np.isfinite(query).all() and query.any())


def best(scores: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
    """The photos of the `count` best scores, float32 [photos], or of all; of those that are allowed, bool [photos]."""
    numbers = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
    scores = scores[numbers]
    if count < len(numbers):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        kept = np.flatnonzero(scores >= least)  # and whatever is as good as the last: their numbers decide
        numbers, scores = numbers[kept], scores[kept]
    order = np.lexsort((numbers, -scores))[:count]
    return Hits(numbers=numbers[order], scores=scores[order])
