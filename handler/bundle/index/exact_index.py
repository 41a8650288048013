"""The exact index: a scan of all vectors, whose graph is never opened.

Scanning with usearch's own kernels takes no longer than usearch's exact search, and can be told which photos count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.usearch_file import map_rows, write_usearch_file
from handler.bundle.index.vector_index import Hits, best, fits_something, quantise, scale_of
from handler.bundle.manifest import IndexInfo
from handler.runtime import numkong

# The least that usearch takes: an exact scan needs no graph, and this one adds 44 bytes a photo.
CONNECTIVITY = 2


class ExactIndex:
    """A mapped index file whose vectors are scanned."""

    def __init__(self, info: IndexInfo, rows: NDArray[np.int8]) -> None:
        self.info = info
        self._rows = rows

    @staticmethod
    def write(path: Path, rows: NDArray[np.int8]) -> None:
        """Write the index file of `rows`, int8 [photos, dim]."""
        write_usearch_file(path, rows, connectivity=CONNECTIVITY, expansion_add=1)

    @classmethod
    def open(cls, path: Path, info: IndexInfo) -> Self:
        """Map the index; raises BundleError where it is not the one that `info` describes."""
        return cls(info, map_rows(path, info))

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """As VectorIndex says."""
        return best(self.scores(query), count, allowed) if fits_something(query) else Hits.none()

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """As VectorIndex says."""
        scale = scale_of(query)
        products = np.asarray(numkong.cdist(quantise(query, scale)[np.newaxis], self._rows, "dot"))[0]
        return np.asarray(products * (scale * self.info.scale), dtype=np.float32)
