"""The usearch file: how the int8 rows of a segment are written and read.

Its vectors stand at the start, behind their shape; its graph behind them is left alone: queries are texts and photos
are photos, and no neighbourhood of photos leads from the one to the other (README.md has the numbers).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handler.bundle.blocks.blocked_file import BlockedArray, BlockedFile
from handler.bundle.index.vector_index import Whole
from handler.errors import BundleError

FILE = "index.usearch"
SHAPE_BYTES = 8
# The least that usearch takes: 44 bytes a photo.
_CONNECTIVITY = 2


def write_rows(path: Path, rows: Whole) -> None:
    """Write `rows`, int8 [photos, dim], the photo of row i under the key i."""
    # Here: an answer doesn't need it.
    from handler.runtime import usearch

    index = usearch.Index(
        ndim=rows.shape[1],
        dtype=usearch.ScalarKind.I8,
        metric_kind=usearch.MetricKind.IP,
        connectivity=_CONNECTIVITY,
        expansion_add=1,
        enable_key_lookups=False,
    )
    numbers = np.arange(len(rows), dtype=np.uint64)
    index.add_many(numbers, np.ascontiguousarray(rows), threads=1, dtype=usearch.ScalarKind.I8)
    index.save_index_to_path(str(path))


def check_shape(file: BlockedFile, *, photos: int, dim: int) -> None:
    """Raise BundleError where a file, of which all has been verified, says that it has other vectors."""
    shape = np.frombuffer(file.data, "<u4", count=2).tolist()
    if shape != [photos, dim]:
        raise BundleError(f"Unexpected shape {shape} (expected {[photos, dim]}) in {file.name}")


def blocked_rows(file: BlockedFile, *, photos: int, dim: int, in_two_bytes: bool = False) -> BlockedArray:
    """The vectors, int8 [photos, dim], or [photos, 2, dim] in two bytes, as blocks of the file are verified.

    Raises:
        BundleError: The file is too short for so many.
    """
    return BlockedArray(file, np.int8, (photos, 2, dim) if in_two_bytes else (photos, dim), offset=SHAPE_BYTES)
