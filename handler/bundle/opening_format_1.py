"""How the files of a bundle of format 1 are opened: one segment, its rows scanned whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from handler.bundle.blocks.blocked_file import BlockedFile, read_together
from handler.bundle.format_1 import FILES_1, Manifest1
from handler.bundle.index.coded_index import CodedIndex, IndexPart
from handler.bundle.index.usearch_file import blocked_rows
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.manifest import ColumnNames
from handler.bundle.photos.catalogue import Catalogue
from handler.bundle.photos.columns import Columns
from handler.bundle.photos.segments import Photos, Segment
from handler.bundle.photos.views import Views
from handler.errors import BundleError


def open_parts_1(folder: Path, manifest: Manifest1) -> tuple[VectorIndex, Photos]:
    """Map verified files; raises BundleError where they don't belong together."""
    photos, dim = manifest.counts.photos, manifest.encoder.dim
    captions = manifest.views.count("caption")
    rows, catalogue, columns, views = (
        BlockedFile(folder / name, scanned=name == "index.usearch") for name in FILES_1[-4:]
    )
    segment = Segment(
        catalogue=Catalogue(catalogue, photos=photos, captions=captions, version=1),
        columns=Columns(columns, photos=photos, version=1),
        views=Views(views, photos=photos, views=len(manifest.views), dim=dim, scale=manifest.view_scale),
    )
    texts = segment.columns.names.texts
    numbers = tuple(name for name in segment.columns.names.numbers if name not in texts)
    names = ColumnNames(numbers=numbers, texts=texts)
    if segment.columns.groups is None:
        raise BundleError("columns.bin lacks its groups")
    read_together([segment.catalogue.records([0, photos - 1])])  # says whether it is one of so many
    nothing = np.empty(0, np.int64)
    vectors = IndexPart(
        rows=blocked_rows(rows, photos=photos, dim=dim),
        scales=np.broadcast_to(np.float32(manifest.index_scale), (photos,)),
        codes=None,
        order=np.arange(photos, dtype=np.uint32),
    )
    whole = Photos([segment], gone=nothing, groups=segment.columns.groups, names=names)
    return CodedIndex([vectors], nothing), whole
