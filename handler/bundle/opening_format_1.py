"""How the files of a bundle of format 1 are opened: one segment, its rows scanned whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handler.bundle.format_1 import Manifest1
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.usearch_file import map_rows
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.photos.catalogue import Catalogue
from handler.bundle.photos.columns import Columns
from handler.bundle.photos.segments import Photos, Segment
from handler.bundle.photos.views import Views
from handler.errors import BundleError


def open_parts_1(folder: Path, manifest: Manifest1) -> tuple[VectorIndex, Photos]:
    """Map verified files; raises BundleError where they don't belong together."""
    photos, dim = manifest.counts.photos, manifest.encoder.dim
    rows = map_rows(folder / "index.usearch", photos=photos, dim=dim)
    scales = np.broadcast_to(np.float32(manifest.index_scale), (photos,))
    nothing = np.empty(0, np.int64)
    index = CodedIndex([IndexPart(rows=rows, scales=scales, codes=None)], nothing)
    catalogue = Catalogue.open(folder / "catalogue.bin")
    columns = Columns.open(folder / "columns.bin", version=1)
    if columns.groups is None:
        raise BundleError("columns.bin lacks its groups")
    for what, found in (("records in catalogue.bin", len(catalogue)), ("photos in columns.bin", len(columns))):
        if found != photos:
            raise BundleError(f"Parts do not belong together: {what} is {found} (expected {photos})")
    views = Views.open(
        folder / "views.i8", photos=photos, views=len(manifest.views), dim=dim, scale=manifest.view_scale
    )
    segment = Segment(catalogue=catalogue, columns=columns, views=views)
    return index, Photos([segment], gone=nothing, groups=columns.groups)
