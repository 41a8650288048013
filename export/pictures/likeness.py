"""Likeness: when two contents are near-duplicates. It knows fingerprints and visual vectors, nothing of groups.

A copy is scaled, compressed, brightened, or the next frame of a burst: its fingerprint differs in few bits, and a model
sees the same in it. Either alone would be wrong: dark skies have like fingerprints, and two dogs on two beaches like
vectors. Compared are fingerprints that have one of eight bands of 16 bits in common: all that differ in up to 7 bits,
and nine of ten that differ in 12.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 12
"""Bits of 128 by which the fingerprints of near-duplicates differ at most."""
MIN_COSINE = 0.4
"""Cosine that the visual vectors of near-duplicates have at least."""
BANDS = 8
BAND_VALUES = 1 << 16

VectorsOf = Callable[[Sequence[str]], NDArray[np.float32]]
"""Gives the visual vectors of contents, float32 [n, dim]."""


def near(fingerprints: NDArray[np.uint64], fingerprint: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of the fingerprints, uint64 [n, 2], differ from one, uint64 [2] or [n, 2], in few bits."""
    bits: NDArray[np.uint8] = np.bitwise_count(fingerprints ^ fingerprint).sum(axis=1, dtype=np.uint8)
    return bits <= MAX_BITS


def band_values(fingerprints: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """The bands of fingerprints, uint16 [n, 8]."""
    return np.ascontiguousarray(fingerprints, dtype="<u8").view("<u2").reshape(-1, BANDS)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The vectors at length 1."""
    rows = vectors.astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


def alike(cosines: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which cosines are those of near-duplicates; the last digits, which depend on the order of adding, decide none."""
    return cosines >= MIN_COSINE - 1e-9
