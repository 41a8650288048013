"""The kinds of index: what writes and opens each that a manifest may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handler.bundle import manifest
from handler.bundle.blocks.blocked_file import verify
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.index import codes_file, usearch_file
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.codes_file import Codes, read_codes_order, write_codes
from handler.bundle.index.likeness_order import Order, likeness_order, places_of
from handler.bundle.index.usearch_file import blocked_rows, check_shape, write_rows
from handler.bundle.index.vector_index import QuantisedVectors, VectorIndex, from_bytes, to_bytes
from handler.bundle.manifest import IndexKind

INDEX_FILES = (codes_file.FILE, usearch_file.FILE)


class Kind(Protocol):
    """What a kind of index can do with its files, which are called INDEX_FILES."""

    def write(self, folder: Path, vectors: QuantisedVectors, /) -> Order:
        """Write the files of a segment's fused vectors, [photos, dim]; gives the order in which they lie there."""

    def read(self, segment: SegmentFiles, dim: int, /) -> QuantisedVectors:
        """The vectors as they were written, [photos, dim]; raises BundleError as `open` does."""

    def order(self, segment: SegmentFiles, /) -> Order:
        """The order in which they lie there, of a segment that `open` has found to be what it should be."""

    def open(self, segments: Sequence[SegmentFiles], dim: int, gone: NDArray[np.int64], /) -> VectorIndex:
        """Open the index; raises BundleError where the files aren't those of such vectors.

        `gone` are the numbers of photos that are never found, rising; photos are numbered segment after segment.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coded:
    """Codes, and rows of a byte for each component, or of two, the fine ones behind the coarse ones."""

    in_two_bytes: bool = False

    def write(self, folder: Path, vectors: QuantisedVectors) -> Order:
        pairs = to_bytes(vectors.rows) if self.in_two_bytes else vectors.rows[:, np.newaxis]
        order = likeness_order(pairs[:, 0])
        ordered = QuantisedVectors(rows=vectors.rows[order], scales=vectors.scales[order])
        write_rows(folder / usearch_file.FILE, pairs[order].reshape(len(pairs), -1))
        write_codes(folder / codes_file.FILE, ordered, order)
        return order

    def read(self, segment: SegmentFiles, dim: int) -> QuantisedVectors:
        part = self._open_part(segment, dim)
        file = segment.blocked[usearch_file.FILE]
        verify([file.everything()])
        check_shape(file, photos=segment.photos, dim=2 * dim if self.in_two_bytes else dim)
        places = places_of(part.order).astype(np.int64)
        rows = part.rows.taken(places)
        return QuantisedVectors(rows=from_bytes(rows) if self.in_two_bytes else rows, scales=part.scales[places])

    def order(self, segment: SegmentFiles) -> Order:
        return read_codes_order(segment.folder / codes_file.FILE, photos=segment.photos)

    def open(self, segments: Sequence[SegmentFiles], dim: int, gone: NDArray[np.int64]) -> VectorIndex:
        return CodedIndex([self._open_part(segment, dim) for segment in segments], gone)

    def _open_part(self, segment: SegmentFiles, dim: int) -> IndexPart:
        codes = Codes.open(segment.folder / codes_file.FILE, photos=segment.photos, dim=dim)
        file = segment.blocked[usearch_file.FILE]
        rows = blocked_rows(file, photos=segment.photos, dim=dim, in_two_bytes=self.in_two_bytes)
        return IndexPart(rows=rows, scales=codes.scales, codes=codes, order=codes.order)


KINDS: dict[IndexKind, Kind] = {"coded": _Coded(), "coded-16": _Coded(in_two_bytes=True)}


def write_index(folder: Path, vectors: QuantisedVectors) -> Order:
    """Write the index files of a segment's fused vectors, [photos, dim]; gives the order in which they lie there.

    In int16 they are written as the kind "coded-16" has them.
    """
    kind = "coded-16" if vectors.rows.dtype == np.int16 else manifest.DEFAULT_KIND
    return KINDS[kind].write(folder, vectors)


def read_index(kind: IndexKind, segment: SegmentFiles, *, dim: int) -> QuantisedVectors:
    """A segment's vectors, [photos, dim]; raises BundleError where they aren't what they should be."""
    return KINDS[kind].read(segment, dim)


def read_order(kind: IndexKind, segment: SegmentFiles) -> Order:
    """The order in which the vectors of a segment lie whose index has been opened."""
    return KINDS[kind].order(segment)


def open_index(kind: IndexKind, segments: Sequence[SegmentFiles], *, dim: int, gone: NDArray[np.int64]) -> VectorIndex:
    """Open an index; raises BundleError where its files aren't what they should be."""
    return KINDS[kind].open(segments, dim, gone)
