"""The views of each photo: its captions' vectors and its visual vector, in one mapped matrix.

Knows photo numbers and vectors. It is read for the few photos that are answered: the index holds
the views fused, one vector for each photo.

Layout: int8 [photos, views, dim], then the value of one step of each, float32 [photos, views], little-endian.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.vector_index import QuantisedVectors
from handler.errors import BundleError

MAX_SCALE = 1e6


def write_views(path: Path, views: QuantisedVectors) -> None:
    """Write the views of a segment's photos, [photos, views, dim]."""
    with path.open("wb") as file:
        file.write(np.ascontiguousarray(views.rows, dtype=np.int8).data)
        file.write(views.scales.astype("<f4").tobytes())


class Views:
    """A mapped views file."""

    def __init__(self, rows: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        self._rows = rows
        self._scales = scales

    @classmethod
    def open(cls, path: Path, *, photos: int, views: int, dim: int, scale: float | None = None) -> Self:
        """Map the file; raises BundleError where its size is another, or a scale can't be.

        Args:
            path: Where it lies.
            photos: How many there are.
            views: How many each has.
            dim: Components of a vector.
            scale: The value of one step of all vectors, in bundles of format 1, whose files don't say it.
        """
        size = photos * views * dim
        found, expected = path.stat().st_size, size + (4 * photos * views if scale is None else 0)
        if found != expected:
            raise BundleError(f"Unexpected {found} bytes (expected {expected}) in {path.name}")
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # Read here and there: whatever the kernel read around it would push the index out of a small memory.
        data.madvise(mmap.MADV_RANDOM)
        rows = np.frombuffer(data, dtype=np.int8, count=size).reshape(photos, views, dim)
        if scale is not None:
            return cls(rows, np.broadcast_to(np.float32(scale), (photos, views)))
        scales = np.frombuffer(data, dtype="<f4", offset=size).reshape(photos, views)
        if not ((scales >= 0.0) & (scales <= MAX_SCALE)).all():
            raise BundleError(f"Scales in {path.name} are out of range")
        return cls(rows, scales)

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The views of n photos, float32 [n, views, dim], of unit norm but for int8 rounding."""
        return self.quantised(rows).floats()

    def quantised(self, rows: NDArray[np.int64] | slice) -> QuantisedVectors:
        """The same as they are written."""
        return QuantisedVectors(rows=self._rows[rows], scales=self._scales[rows])
