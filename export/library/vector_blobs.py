"""Blobs of vectors: how the database keeps them, float32 little-endian. They don't know what a vector stands for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def to_blob(vector: NDArray[np.float32]) -> bytes:
    """The blob of a vector."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def from_blobs(blobs: Iterable[bytes]) -> NDArray[np.float32]:
    """The vectors of at least one blob, float32 [n, dim]."""
    return np.stack([np.frombuffer(blob, dtype="<f4") for blob in blobs]).astype(np.float32)
