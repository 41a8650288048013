"""The usearch file: how index.usearch is written, checked and mapped, whatever is searched in it.

Its vectors stand at the start, behind their shape; its graph behind them may be left alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import IndexInfo
from handler.errors import BundleError
from handler.runtime import usearch


def write_usearch_file(path: Path, rows: NDArray[np.int8], *, connectivity: int, expansion_add: int) -> None:
    """Write `rows`, int8 [photos, dim], and a graph; row numbers are the photo numbers."""
    index = usearch.Index(
        ndim=rows.shape[1],
        dtype=usearch.ScalarKind.I8,
        metric_kind=usearch.MetricKind.IP,
        connectivity=connectivity,
        expansion_add=expansion_add,
        enable_key_lookups=False,
    )
    numbers = np.arange(len(rows), dtype=np.uint64)
    index.add_many(numbers, np.ascontiguousarray(rows), threads=1, dtype=usearch.ScalarKind.I8)
    index.save_index_to_path(str(path))


def map_rows(path: Path, info: IndexInfo) -> NDArray[np.int8]:
    """The vectors, int8 [photos, dim]; raises BundleError where the file is not the one that `info` describes.

    The file must have been verified: usearch trusts what it maps.
    """
    try:
        metadata = usearch.index_dense_metadata_from_path(str(path))
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"{path.name} is not a usearch index: {error}") from error
    for what, found, expected in (
        ("dim", metadata["dimensions"], info.dim),
        ("count", metadata["count_present"], info.count),
        ("deleted vectors", metadata["count_deleted"], 0),
        ("dtype", metadata["kind_scalar"], usearch.ScalarKind.I8),
        ("metric", metadata["kind_metric"], usearch.MetricKind.IP),
    ):
        if found != expected:
            raise BundleError(f"Unexpected {what} {found} (expected {expected}) in {path.name}")
    shape = np.fromfile(path, dtype="<u4", count=2)
    if shape.tolist() != [info.count, info.dim]:
        raise BundleError(f"Unexpected shape {shape.tolist()} (expected [{info.count}, {info.dim}]) in {path.name}")
    # A plain array over the mapping: a memmap's own class costs time at every use.
    return np.asarray(np.memmap(path, dtype=np.int8, mode="r", offset=shape.nbytes, shape=(info.count, info.dim)))


def view_graph(path: Path, info: IndexInfo) -> usearch.Index:
    """The mapped graph; raises BundleError where it can't be mapped."""
    graph = usearch.Index(
        ndim=info.dim,
        dtype=usearch.ScalarKind.I8,
        metric_kind=usearch.MetricKind.IP,
        expansion_search=info.expansion_search,
        enable_key_lookups=False,
    )
    try:
        graph.view_index_from_path(str(path))
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"{path.name} cannot be mapped: {error}") from error
    return graph
