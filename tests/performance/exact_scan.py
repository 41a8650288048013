"""The exact scan: all int8 rows of a bundle read for every query, as an index has it that knows no codes."""

from __future__ import annotations

from pathlib import Path

from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.bundle import Bundle
from handler.bundle.index import usearch_file
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.index_kinds import read_index, read_order
from handler.bundle.index.usearch_file import blocked_rows
from handler.bundle.index.vector_index import VectorIndex


def exact_scan(folder: Path, bundle: Bundle) -> VectorIndex:
    """An index over the rows of a bundle, whose files lie in a folder, and the same photos."""
    manifest = bundle.manifest
    parts = []
    for segment in manifest.segments:
        files = SegmentFiles.open(folder / segment.folder, segment)
        rows = blocked_rows(files.blocked[usearch_file.FILE], photos=segment.photos, dim=manifest.encoder.dim)
        order = read_order(manifest.index, files)
        scales = read_index(manifest.index, files, dim=manifest.encoder.dim).scales[order]
        parts.append(IndexPart(rows=rows, scales=scales, codes=None, order=order))
    return CodedIndex(parts, bundle.photos.gone)
