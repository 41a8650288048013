"""Vectors for tests of the index: photos that show a few things each, and an index over them in any segments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedFile
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.index import usearch_file
from handler.bundle.index.index_kinds import open_index, write_index
from handler.bundle.index.vector_index import QuantisedVectors, VectorIndex, quantise, scale_of
from handler.bundle.manifest import IndexKind

DIM = 96
Vectors = NDArray[np.float32]


def things(count: int = 40) -> Vectors:
    """What may be shown and asked for, float32 [count, DIM], of unit norm."""
    return unit(np.random.default_rng(5).normal(size=(count, DIM)))


def photos(count: int, *, seed: int = 0) -> Vectors:
    """Photos of three things each, one of them more than the others, not far from a middle, and of different norms."""
    chooser = np.random.default_rng(seed)
    known = things()
    shares = np.zeros((count, len(known)))
    for weight in (1.0, 0.6, 0.3):
        shares[np.arange(count), chooser.integers(len(known), size=count)] += weight
    vectors = unit(shares @ known + 0.6 * known.mean(0) + chooser.normal(size=(count, DIM)) * 0.5 / DIM**0.5)
    return (vectors * chooser.uniform(7.0, 10.0, size=(count, 1))).astype(np.float32)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def exact_scores(vectors: Vectors, query: Vectors) -> Vectors:
    """The scores as whole numbers give them, float32 [photos]."""
    stored = QuantisedVectors.of(vectors)
    scale = scale_of(query)
    products = stored.rows.astype(np.int64) @ quantise(query, scale).astype(np.int64)
    return np.asarray(products * (np.float32(scale) * stored.scales), dtype=np.float32)


def index_of(
    folder: Path,
    vectors: Vectors,
    starts: Sequence[int] = (0,),
    gone: Sequence[int] = (),
    *,
    kind: IndexKind = "coded",
) -> VectorIndex:
    """An index over segments that begin at these photos."""
    rounded = QuantisedVectors.in_16_bits if kind == "coded-16" else QuantisedVectors.of
    segments = []
    for number, (low, high) in enumerate(zip(starts, (*starts[1:], len(vectors)), strict=True)):
        place = folder / str(number)
        place.mkdir()
        write_index(place, rounded(vectors[low:high]))
        rows = BlockedFile(place / usearch_file.FILE)
        segments.append(SegmentFiles(folder=place, photos=high - low, blocked={usearch_file.FILE: rows}))
    return open_index(kind, segments, dim=vectors.shape[1], gone=np.array(gone, dtype=np.int64))
