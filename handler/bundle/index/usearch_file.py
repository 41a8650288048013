"""The usearch file: how the int8 rows of a segment are written, checked and mapped.

Its vectors stand at the start, behind their shape; its graph behind them is left alone: queries are texts and photos
are photos, and no neighbourhood of photos leads from the one to the other (README.md has the numbers).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.errors import BundleError
from handler.runtime import usearch

FILE = "index.usearch"
# The least that usearch takes: 44 bytes a photo.
_CONNECTIVITY = 2


def write_rows(path: Path, rows: NDArray[np.int8]) -> None:
    """Write `rows`, int8 [photos, dim], the photo of row i under the key i."""
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


def map_rows(path: Path, *, photos: int, dim: int) -> NDArray[np.int8]:
    """The vectors, int8 [photos, dim]; raises BundleError where the file holds others.

    The file must have been verified: usearch trusts what it maps.
    """
    try:
        metadata = usearch.index_dense_metadata_from_path(str(path))
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"{path.name} is not a usearch index: {error}") from error
    for what, found, expected in (
        ("dim", metadata["dimensions"], dim),
        ("count", metadata["count_present"], photos),
        ("deleted vectors", metadata["count_deleted"], 0),
        ("dtype", metadata["kind_scalar"], usearch.ScalarKind.I8),
        ("metric", metadata["kind_metric"], usearch.MetricKind.IP),
    ):
        if found != expected:
            raise BundleError(f"Unexpected {what} {found} (expected {expected}) in {path.name}")
    shape = np.fromfile(path, dtype="<u4", count=2)
    if shape.tolist() != [photos, dim]:
        raise BundleError(f"Unexpected shape {shape.tolist()} (expected [{photos}, {dim}]) in {path.name}")
    # A plain array over the mapping: a memmap's own class costs time at every use.
    return np.asarray(np.memmap(path, dtype=np.int8, mode="r", offset=shape.nbytes, shape=(photos, dim)))
