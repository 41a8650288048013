"""The exact scan: all int8 rows of a bundle read for every query, as an index has it that knows no codes."""

from __future__ import annotations

from pathlib import Path

from handler.bundle.bundle import Bundle
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.index_kinds import SegmentPlace, read_index
from handler.bundle.index.vector_index import VectorIndex


def exact_scan(folder: Path, bundle: Bundle) -> VectorIndex:
    """An index over the rows of a bundle, whose files lie in a folder, and the same photos."""
    manifest = bundle.manifest
    dim = manifest.encoder.dim
    places = [
        SegmentPlace(folder=folder / segment.folder, photos=segment.photos, dim=dim) for segment in manifest.segments
    ]
    vectors = [read_index(manifest.index, place) for place in places]
    parts = [IndexPart(rows=part.rows, scales=part.scales, codes=None) for part in vectors]
    return CodedIndex(parts, bundle.photos.gone)
