"""The reading of a manifest: bytes become a Manifest once every field is checked and all parts belong together.

Knows the format, not the disk; format_1.py reads what earlier versions wrote.
"""

from __future__ import annotations

from handler.bundle.fields import Fields
from handler.bundle.format_1 import read_manifest_1
from handler.bundle.manifest import (
    BUNDLE_FILES,
    FORMAT_VERSION,
    INDEX_KINDS,
    MANIFEST_FILE,
    ORIGINALS,
    SEGMENT_FILES,
    Manifest,
    SegmentInfo,
)
from handler.bundle.manifest_fields import (
    MAX_PHOTOS,
    check_belonging,
    read_column_names,
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
from handler.errors import BundleError

MAX_MANIFEST_BYTES = 1 << 20
MAX_SEGMENTS = 512


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        BundleError: Where a field is missing, unknown, of another type or out of range, where
            the format version is unknown, or where the parts do not belong together.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"{MANIFEST_FILE} has {len(data)} bytes (expected at most {MAX_MANIFEST_BYTES})")
    fields = Fields.parse(data, name=MANIFEST_FILE)
    version = fields.integer("format_version", low=0, high=1 << 31)
    if version == 1:
        return read_manifest_1(fields)
    if version != FORMAT_VERSION:
        raise BundleError(
            f"Unknown format_version {version} (expected 1 or {FORMAT_VERSION}) in {MANIFEST_FILE}:"
            " update thinlens, or write the bundle again with this version"
        )
    manifest = Manifest(
        files=read_files(fields.child("files"), BUNDLE_FILES),
        encoder=read_encoder(fields.child("encoder")),
        index=fields.choice("index", INDEX_KINDS),
        views=read_views(fields, "views"),
        columns=read_column_names(fields.child("columns")),
        segments=_read_segments(fields),
        originals=fields.choice("originals", ORIGINALS),
        calibration=Calibration.from_fields(fields.child("calibration")),
        counts=read_counts(fields.child("counts")),
        provenance=read_provenance(fields.child("provenance")),
        golden=read_golden(fields),
        suggestions=read_suggestions(fields),
        previews=fields.flag("previews"),
    )
    fields.finish()
    check_belonging(manifest)
    _check_segments(manifest)
    return manifest


def _check_segments(manifest: Manifest) -> None:
    """Check that the segments are of this bundle's models, each is there once, and none lacks vectors."""
    for segment in manifest.segments:
        refuse_unequal(
            (f"encoder of segment {segment.id}", segment.encoder, manifest.encoder.space),
            (f"captioner of segment {segment.id}", segment.captioner, manifest.provenance.captioner),
            (
                f"size_bytes of views.i8 in segment {segment.id}",
                segment.files["views.i8"].size_bytes,
                segment.photos * len(manifest.views) * (manifest.encoder.dim + 4),
            ),
        )
    both = set(manifest.columns.numbers) & set(manifest.columns.texts)
    refuse_unequal(("columns of numbers and of texts", sorted(both), []))
    ids = [segment.id for segment in manifest.segments]
    refuse_unequal(("number of different segments", len(set(ids)), len(ids)))
    photos = sum(segment.photos for segment in manifest.segments)
    if not manifest.counts.photos <= photos <= MAX_PHOTOS:
        raise BundleError(
            f"Parts of the bundle do not belong together: photos in segments are {photos}"
            f" (expected {manifest.counts.photos} to {MAX_PHOTOS})"
        )


def _read_segments(fields: Fields) -> tuple[SegmentInfo, ...]:
    segments = []
    for entry in fields.children("segments"):
        segments.append(
            SegmentInfo(
                encoder=entry.digest("encoder"),
                captioner=entry.digest("captioner"),
                photos=entry.integer("photos", low=1, high=MAX_PHOTOS),
                files=read_files(entry.child("files"), SEGMENT_FILES),
            )
        )
        entry.finish()
    if not 1 <= len(segments) <= MAX_SEGMENTS:
        raise BundleError(
            f"Unexpected length {len(segments)} (expected 1 to {MAX_SEGMENTS}) in 'segments' of {MANIFEST_FILE}"
        )
    return tuple(segments)
