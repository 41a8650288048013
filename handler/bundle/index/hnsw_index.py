"""The HNSW index: a graph that leads to the first photos; beyond them, and with filters, an exact scan.

Malkov and Yashunin 2018, arXiv 1603.09320.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.exact_index import ExactIndex
from handler.bundle.index.usearch_file import view_graph, write_usearch_file
from handler.bundle.index.vector_index import Hits, best, fits_something, quantise, scale_of
from handler.bundle.manifest import IndexInfo
from handler.runtime import usearch

CONNECTIVITY = 16
EXPANSION_ADD = 128
# So many photos are taken from the graph, however few are asked for, so that more of them never change the first.
GRAPH_DEPTH = 128


class HnswIndex:
    """A mapped index file whose graph is walked."""

    def __init__(self, scan: ExactIndex, graph: usearch.Index) -> None:
        self.info = scan.info
        self._scan = scan
        self._graph = graph
        # usearch keeps one search context for each of its own threads, and we ask for one.
        self._lock = threading.Lock()

    @staticmethod
    def write(path: Path, rows: NDArray[np.int8]) -> None:
        """Write the index file of `rows`, int8 [photos, dim]."""
        write_usearch_file(path, rows, connectivity=CONNECTIVITY, expansion_add=EXPANSION_ADD)

    @classmethod
    def open(cls, path: Path, info: IndexInfo) -> Self:
        """Map the index; raises BundleError where it is not the one that `info` describes."""
        return cls(ExactIndex.open(path, info), view_graph(path, info))

    def search(self, query: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None = None) -> Hits:
        """As VectorIndex says: the first GRAPH_DEPTH by the graph if all photos are allowed, the others by a scan."""
        if allowed is not None or not fits_something(query):
            return self._scan.search(query, count, allowed)
        near = self._walk(query)
        if count <= len(near.numbers):
            return Hits(numbers=near.numbers[:count], scores=near.scores[:count])
        others = np.ones(self.info.count, dtype=bool)
        others[near.numbers] = False
        far = best(self.scores(query), count - len(near.numbers), others)
        return Hits(
            numbers=np.concatenate([near.numbers, far.numbers]), scores=np.concatenate([near.scores, far.scores])
        )

    def scores(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """As VectorIndex says."""
        return self._scan.scores(query)

    def _walk(self, query: NDArray[np.float32]) -> Hits:
        """The GRAPH_DEPTH best photos that the graph leads to."""
        scale = scale_of(query)
        with self._lock:
            keys, distances, counts, _, _ = self._graph.search_many(
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
