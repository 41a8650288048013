"""Format 1: bundles of one segment whose files lie beside the manifest, as earlier versions wrote them.

They are served as they are, by a scan of all rows; nobody writes them any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from handler.bundle.encoder_files import ENCODER_FILES, MAX_DIM
from handler.bundle.fields import Fields
from handler.bundle.manifest import ColumnNames, Manifest
from handler.bundle.manifest_fields import (
    MAX_PHOTOS,
    check_belonging,
    read_counts,
    read_encoder,
    read_files,
    read_golden,
    read_provenance,
    read_suggestions,
    read_views,
    refuse_unequal,
)
from handler.bundle.relevance import Calibration

FILES_1 = (*ENCODER_FILES, "index.usearch", "catalogue.bin", "columns.bin", "views.i8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest1(Manifest):
    """A manifest of format 1: all rows of the index have one scale, and all views another."""

    index_scale: float
    view_scale: float


def read_manifest_1(fields: Fields) -> Manifest1:
    """Read what follows the format version; raises BundleError as read_manifest does."""
    files = read_files(fields.child("files"), FILES_1)
    encoder = read_encoder(fields.child("encoder"), says_space=False)
    index, views = fields.child("index"), fields.child("views")
    index.choice("kind", ("exact", "hnsw"))
    index.choice("metric", ("ip",))
    index.choice("dtype", ("i8",))
    index.integer("expansion_search", low=1, high=65_536)
    manifest = Manifest1(
        files=files,
        encoder=encoder,
        index="coded",
        views=read_views(views, "kinds"),
        columns=ColumnNames(numbers=(), texts=()),
        segments=(),
        originals="none",
        calibration=Calibration.from_fields(fields.child("calibration")),
        counts=read_counts(fields.child("counts")),
        provenance=read_provenance(fields.child("provenance")),
        golden=read_golden(fields),
        suggestions=read_suggestions(fields),
        format_version=1,
        index_scale=index.number("scale", low=1e-12, high=1e6),
        view_scale=views.number("scale", low=1e-12, high=1e6),
    )
    photos = manifest.counts.photos
    refuse_unequal(
        ("dim of the index", index.integer("dim", low=1, high=MAX_DIM), encoder.dim),
        ("vectors in the index", index.integer("count", low=1, high=MAX_PHOTOS), photos),
        ("size_bytes of views.i8", files["views.i8"].size_bytes, photos * len(manifest.views) * encoder.dim),
    )
    for part in (index, views, fields):
        part.finish()
    check_belonging(manifest)
    return manifest
