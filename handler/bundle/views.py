"""The views of each photo: its captions' vectors and its visual vector, in one mapped matrix.

Knows photo numbers and vectors. It is read for the few photos that are answered: the index holds
the views fused, one vector for each photo.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import ViewsInfo
from handler.errors import BundleError


def write_views(path: Path, rows: NDArray[np.int8]) -> None:
    """Write int8 [photos, views, dim] as the bare matrix that a bundle holds."""
    path.write_bytes(np.ascontiguousarray(rows, dtype=np.int8).data)


class Views:
    """A mapped views file."""

    def __init__(self, rows: NDArray[np.int8], info: ViewsInfo) -> None:
        self.info = info
        self._rows = rows

    @classmethod
    def open(cls, path: Path, info: ViewsInfo, *, photos: int, dim: int) -> Self:
        """Map the file; raises BundleError where its size is not photos * views * dim."""
        shape = (photos, len(info.kinds), dim)
        found, expected = path.stat().st_size, photos * len(info.kinds) * dim
        if found != expected:
            raise BundleError(f"Unexpected {found} bytes (expected {expected}) in {path.name}")
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # Read here and there: whatever the kernel read around it would push the index out of a small memory.
        data.madvise(mmap.MADV_RANDOM)
        return cls(np.frombuffer(data, dtype=np.int8).reshape(shape), info)

    def of(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The views of n photos, float32 [n, views, dim], of unit norm but for int8 rounding."""
        return self._rows[numbers].astype(np.float32) * np.float32(self.info.scale)
