"""The kinds of index: which class writes and opens each that a manifest may name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.exact_index import ExactIndex
from handler.bundle.index.hnsw_index import HnswIndex
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.manifest import IndexInfo, IndexKind


class Kind(Protocol):
    """What a kind of index can do with its file."""

    def write(self, path: Path, rows: NDArray[np.int8], /) -> None:
        """Write the index file of `rows`, int8 [photos, dim]; row numbers are the photo numbers."""

    def open(self, path: Path, info: IndexInfo, /) -> VectorIndex:
        """Map the verified file; raises BundleError where it is not the one that `info` describes."""


KINDS: dict[IndexKind, Kind] = {"exact": ExactIndex, "hnsw": HnswIndex}


def write_index(path: Path, rows: NDArray[np.int8], *, kind: IndexKind) -> None:
    """Write the index file of `rows`, int8 [photos, dim]; row numbers are the photo numbers."""
    KINDS[kind].write(path, rows)


def open_index(path: Path, info: IndexInfo) -> VectorIndex:
    """Map a verified index file; raises BundleError where it is not the one that `info` describes."""
    return KINDS[info.kind].open(path, info)
