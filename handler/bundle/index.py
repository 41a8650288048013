"""The index: one int8 vector for each photo, and the photos whose vectors fit a query best.

Knows vectors and photo numbers; knows nothing of texts or relevance. Both kinds of index are
usearch files: "exact" is one whose graph is never opened. Scanning the vectors of either with
usearch's own kernels takes no longer than its exact search, and can be told which photos count.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import IndexInfo, IndexKind
from handler.bundle.runtime import numkong, usearch
from handler.errors import BundleError

INT8_MAX = 127
# The least that usearch takes: an exact scan needs no graph, and this one adds 44 bytes a photo.
EXACT_CONNECTIVITY = 2
HNSW_CONNECTIVITY = 16
HNSW_EXPANSION_ADD = 128
# So many photos are taken from the graph, however few are asked for, so that more of them never change the first.
GRAPH_DEPTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Photos found, best first.

    Attributes:
        numbers: int64 [n], photo numbers.
        scores: float32 [n], inner products of the query with the photos' fused vectors.
    """

    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]


def scale_of(vectors: NDArray[np.float32]) -> float:
    """The value of one int8 step with which the largest component of `vectors` still fits.

    Example: [[0.5, -1.27]] -> 0.01, so that `quantise` gives [[50, -127]]
    """
    largest = float(np.abs(vectors).max(initial=0.0))
    return largest / INT8_MAX if largest > 0.0 else 1.0


def quantise(vectors: NDArray[np.float32], scale: float) -> NDArray[np.int8]:
    """Round to whole steps of `scale`, clipped to +-127; the shape stays."""
    steps = np.rint(vectors / np.float32(scale))
    return np.asarray(np.clip(steps, -INT8_MAX, INT8_MAX), dtype=np.int8)


def write_index(path: Path, rows: NDArray[np.int8], *, kind: IndexKind, threads: int = 1) -> None:
    """Write the index file of `rows`, int8 [photos, dim]; row numbers are the photo numbers."""
    exact = kind == "exact"
    index = usearch.Index(
        ndim=rows.shape[1],
        dtype=usearch.ScalarKind.I8,
        metric_kind=usearch.MetricKind.IP,
        connectivity=EXACT_CONNECTIVITY if exact else HNSW_CONNECTIVITY,
        expansion_add=1 if exact else HNSW_EXPANSION_ADD,
        enable_key_lookups=False,
    )
    numbers = np.arange(len(rows), dtype=np.uint64)
    index.add_many(numbers, np.ascontiguousarray(rows), threads=threads, dtype=usearch.ScalarKind.I8)
    index.save_index_to_path(str(path))


class VectorIndex:
    """A mapped index file. Its file must have been verified: usearch trusts what it maps."""

    def __init__(self, info: IndexInfo, rows: NDArray[np.int8], graph: usearch.Index | None) -> None:
        self.info = info
        self._rows = rows
        self._graph = graph
        # usearch keeps one search context for each of its own threads, and we ask for one.
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, info: IndexInfo) -> Self:
        """Map the index; raises BundleError where it is not the one that `info` describes."""
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
        return cls(info, _map_rows(path, info), _view_graph(path, info) if info.kind == "hnsw" else None)

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """Find the `count` photos (or all, if there are fewer) that fit the query best.

        Whatever `count` is, the photos come in the same order: by score, then number. An index of kind "hnsw" finds
        the first GRAPH_DEPTH by its graph, if all photos are allowed; the others follow by an exact scan.

        Args:
            query: float32 [dim], any norm. Zero or NaN fits nothing.
            count: At least 1.
            allowed: Which photos may be found, bool [photos]; None for all.
        """
        if not (np.isfinite(query).all() and query.any()):
            return Hits(numbers=np.empty(0, np.int64), scores=np.empty(0, np.float32))
        if self._graph is None or allowed is not None:
            return best(self.scores(query), count, allowed)
        near = self._walk(query, self._graph)
        if count <= len(near.numbers):
            return Hits(numbers=near.numbers[:count], scores=near.scores[:count])
        others = np.ones(self.info.count, dtype=bool)
        others[near.numbers] = False
        far = best(self.scores(query), count - len(near.numbers), others)
        return Hits(
            numbers=np.concatenate([near.numbers, far.numbers]), scores=np.concatenate([near.scores, far.scores])
        )

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inner products of a query, float32 [dim], with every photo, float32 [photos]."""
        scale = scale_of(query)
        products = np.asarray(numkong.cdist(quantise(query, scale)[np.newaxis], self._rows, "dot"))[0]
        return np.asarray(products * (scale * self.info.scale), dtype=np.float32)

    def _walk(self, query: NDArray[np.float32], graph: usearch.Index) -> Hits:
        """The GRAPH_DEPTH best photos that the graph leads to."""
        scale = scale_of(query)
        with self._lock:
            keys, distances, counts, _, _ = graph.search_many(
                quantise(query, scale)[np.newaxis],
                min(GRAPH_DEPTH, self.info.count),
                False,
                threads=1,
                dtype=usearch.ScalarKind.I8,
            )
        numbers = keys[0, : int(counts[0])].astype(np.int64)
        # usearch calls 1 - <a, b> the distance; whole numbers up to 2**24 are exact in float32.
        products = 1.0 - distances[0, : len(numbers)]
        scores = (products * np.float32(scale * self.info.scale)).astype(np.float32)
        order = np.lexsort((numbers, -scores))
        return Hits(numbers=numbers[order], scores=scores[order])


def best(scores: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
    """The photos of the `count` best scores, float32 [photos], or of all; of those that are allowed, bool [photos]."""
    numbers = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
    scores = scores[numbers]
    if count < len(numbers):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        kept = np.flatnonzero(scores >= least)  # and whatever is as good as the last: their numbers decide
        numbers, scores = numbers[kept], scores[kept]
    order = np.lexsort((numbers, -scores))[:count]
    return Hits(numbers=numbers[order], scores=scores[order])


def _map_rows(path: Path, info: IndexInfo) -> NDArray[np.int8]:
    """The vectors, int8 [photos, dim], which stand at the start of the file behind their shape."""
    shape = np.fromfile(path, dtype="<u4", count=2)
    if shape.tolist() != [info.count, info.dim]:
        raise BundleError(f"Unexpected shape {shape.tolist()} (expected [{info.count}, {info.dim}]) in {path.name}")
    # A plain array over the mapping: a memmap's own class costs time at every use.
    return np.asarray(np.memmap(path, dtype=np.int8, mode="r", offset=shape.nbytes, shape=(info.count, info.dim)))


def _view_graph(path: Path, info: IndexInfo) -> usearch.Index:
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
