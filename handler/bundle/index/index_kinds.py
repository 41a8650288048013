"""The kinds of index: what writes and opens each that a manifest may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handler.bundle import manifest
from handler.bundle.index import codes_file, usearch_file
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.codes_file import Codes, write_codes
from handler.bundle.index.usearch_file import map_rows, write_rows
from handler.bundle.index.vector_index import QuantisedVectors, VectorIndex
from handler.bundle.manifest import IndexKind

INDEX_FILES = (codes_file.FILE, usearch_file.FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlace:
    """Where the files of a segment lie, and how many vectors of how many components they hold."""

    folder: Path
    photos: int
    dim: int


class Kind(Protocol):
    """What a kind of index can do with its files, which are called INDEX_FILES."""

    def write(self, folder: Path, vectors: QuantisedVectors, /) -> None:
        """Write the files of a segment's fused vectors, [photos, dim]."""

    def read(self, segment: SegmentPlace, /) -> QuantisedVectors:
        """The vectors as they were written, of verified files; raises BundleError as `open` does."""

    def open(self, segments: Sequence[SegmentPlace], gone: NDArray[np.int64], /) -> VectorIndex:
        """Map verified files; raises BundleError where they aren't those of such vectors.

        `gone` are the numbers of photos that are never found, rising; photos are numbered segment after segment.
        """


class _Coded:
    """Codes and int8 rows."""

    @staticmethod
    def write(folder: Path, vectors: QuantisedVectors) -> None:
        write_rows(folder / usearch_file.FILE, vectors.rows)
        write_codes(folder / codes_file.FILE, vectors)

    @staticmethod
    def read(segment: SegmentPlace) -> QuantisedVectors:
        part = _open_part(segment)
        return QuantisedVectors(rows=part.rows, scales=part.scales)

    @staticmethod
    def open(segments: Sequence[SegmentPlace], gone: NDArray[np.int64]) -> VectorIndex:
        return CodedIndex([_open_part(segment) for segment in segments], gone)


def _open_part(segment: SegmentPlace) -> IndexPart:
    codes = Codes.open(segment.folder / codes_file.FILE, photos=segment.photos, dim=segment.dim)
    rows = map_rows(segment.folder / usearch_file.FILE, photos=segment.photos, dim=segment.dim)
    return IndexPart(rows=rows, scales=codes.scales, codes=codes)


KINDS: dict[IndexKind, Kind] = {"coded": _Coded}


def write_index(folder: Path, vectors: QuantisedVectors) -> None:
    """Write the index files of a segment's fused vectors, [photos, dim]; row numbers are the photo numbers."""
    KINDS[manifest.DEFAULT_KIND].write(folder, vectors)


def read_index(kind: IndexKind, segment: SegmentPlace) -> QuantisedVectors:
    """The vectors in verified index files; raises BundleError where they aren't what they should be."""
    return KINDS[kind].read(segment)


def open_index(kind: IndexKind, segments: Sequence[SegmentPlace], gone: NDArray[np.int64]) -> VectorIndex:
    """Map verified index files; raises BundleError where they aren't what they should be."""
    return KINDS[kind].open(segments, gone)
