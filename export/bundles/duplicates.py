"""Near-duplicates: photos that are copies of each other, or as good as that.

It knows fingerprints and visual vectors; nothing of files. A copy is scaled, compressed, brightened, or the next frame
of a burst: its fingerprint differs in few bits, and a model sees the same in it. Either alone would be wrong: dark
skies have like fingerprints, and two dogs on two beaches like vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 12
"""Bits of 128 by which the fingerprints of near-duplicates differ at most."""
MIN_COSINE = 0.4
"""Cosine that the visual vectors of near-duplicates have at least."""


def group_duplicates(
    fingerprints: Sequence[str], vectors: NDArray[np.int8], pixels: Sequence[int]
) -> NDArray[np.uint32]:
    """Group photos with their near-duplicates.

    The largest photo stands for its near-duplicates, and never for what is only like one of them, so that a chain of
    small differences doesn't make one group of everything.

    Args:
        fingerprints: Of each photo, as ``PhotoFacts`` has them.
        vectors: int8 [photos, dim], visual vectors of any one scale.
        pixels: How many each photo has.

    Returns:
        uint32 [photos], the number of the photo that stands for each: its own where it stands for itself.
    """
    halves = np.array([np.frombuffer(bytes.fromhex(text), dtype=np.uint64) for text in fingerprints])
    groups = np.arange(len(halves))
    free = np.flatnonzero(_have_likes(halves))
    while len(free):
        leader = min(free.tolist(), key=lambda number: (-pixels[number], number))
        like = _bits_apart(halves[free], halves[leader]) <= MAX_BITS
        same = free[like][_cosines(vectors[free[like]], vectors[leader]) >= MIN_COSINE]
        groups[same] = leader
        free = np.setdiff1d(free, [leader, *same.tolist()], assume_unique=True)
    return groups.astype(np.uint32)


def _have_likes(halves: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which fingerprints, uint64 [n, 2], are like another one; most photos of most collections aren't.

    Compared are those of which one of eight bands of 16 bits is the same: all that differ in up to 7 bits, and nine of
    ten that differ in 12. Each band is sorted, and each fingerprint compared with the next of the same band, then with
    the one after that, until no two of a distance have the same band.
    """
    distinct, place, count = np.unique(halves, axis=0, return_inverse=True, return_counts=True)
    found = count > 1
    for band in distinct.view(np.uint16).T:
        order = np.argsort(band, kind="stable")
        values = band[order]
        distance = 1
        first = np.flatnonzero(values[1:] == values[:-1])
        while len(first):
            ones, others = order[first], order[first + distance]
            like = _bits_apart(distinct[ones], distinct[others]) <= MAX_BITS
            found[ones[like]] = found[others[like]] = True
            distance += 1
            first = first[first + distance < len(values)]
            first = first[values[first] == values[first + distance]]
    return found[place.ravel()]


def _bits_apart(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    bits: NDArray[np.uint8] = np.bitwise_count(some ^ others).sum(axis=1, dtype=np.uint8)
    return bits


def _cosines(rows: NDArray[np.int8], row: NDArray[np.int8]) -> NDArray[np.float64]:
    products = rows.astype(np.float64) @ row
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1) * np.linalg.norm(row.astype(np.float64))
    cosines: NDArray[np.float64] = products / np.maximum(lengths, 1e-12)
    return cosines
