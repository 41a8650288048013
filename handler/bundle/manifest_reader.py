"""The reading of a manifest: bytes become a Manifest once every field is checked and all parts belong together.

Knows the format, not the disk.
"""

from __future__ import annotations

from handler.bundle.encoder_files import ENCODER_FILES, MAX_DIM, MAX_TOKENS, encoder_identity
from handler.bundle.fields import Fields
from handler.bundle.manifest import (
    BUNDLE_FILES,
    FORMAT_VERSION,
    INDEX_KINDS,
    MANIFEST_FILE,
    VIEW_KINDS,
    Counts,
    EncoderInfo,
    FileInfo,
    Golden,
    IndexInfo,
    Manifest,
    Provenance,
    ViewsInfo,
)
from handler.bundle.relevance import Calibration
from handler.errors import BundleError

MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 1 << 36
MAX_PHOTOS = 100_000_000
MAX_VIEWS = 64
MAX_GOLDEN = 64
MAX_SUGGESTIONS = 64
MAX_SUGGESTION_LENGTH = 128


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        BundleError: Where a field is missing, unknown, of another type or out of range, where
            the format version is not this one, or where the parts do not belong together.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(f"{MANIFEST_FILE} has {len(data)} bytes (expected at most {MAX_MANIFEST_BYTES})")
    fields = Fields.parse(data, name=MANIFEST_FILE)
    version = fields.integer("format_version", low=0, high=1 << 31)
    if version != FORMAT_VERSION:
        raise BundleError(
            f"Unknown format_version {version} (expected {FORMAT_VERSION}) in {MANIFEST_FILE}:"
            " update thinlens, or write the bundle again with this version"
        )
    manifest = Manifest(
        files=_read_files(fields.child("files")),
        encoder=_read_encoder(fields.child("encoder")),
        index=_read_index(fields.child("index")),
        views=_read_views(fields.child("views")),
        calibration=Calibration.from_fields(fields.child("calibration")),
        counts=_read_counts(fields.child("counts")),
        provenance=_read_provenance(fields.child("provenance")),
        golden=_read_golden(fields),
        suggestions=_read_suggestions(fields),
    )
    fields.finish()
    _check_belonging(manifest)
    return manifest


def _check_belonging(manifest: Manifest) -> None:
    """Check that the parts belong together; raises BundleError."""
    caption_views = manifest.views.kinds.count("caption")
    hashes = {name: manifest.files[name].sha256 for name in ENCODER_FILES}
    for what, found, expected in (
        ("identity of the encoder", manifest.encoder.identity, encoder_identity(hashes)),
        ("encoder of the calibration", manifest.calibration.encoder, manifest.encoder.identity),
        ("captioner of the calibration", manifest.calibration.captioner, manifest.provenance.captioner),
        ("weights of the calibration", len(manifest.calibration.weights), len(manifest.views.kinds)),
        ("dim of the index", manifest.index.dim, manifest.encoder.dim),
        ("vectors in the index", manifest.index.count, manifest.counts.photos),
        ("captions", manifest.counts.captions, manifest.counts.photos * caption_views),
        ("instructions", len(manifest.provenance.instructions), caption_views),
        (
            "size_bytes of views.i8",
            manifest.files["views.i8"].size_bytes,
            manifest.counts.photos * len(manifest.views.kinds) * manifest.encoder.dim,
        ),
    ):
        if found != expected:
            raise BundleError(f"Parts of the bundle do not belong together: {what} is {found} (expected {expected})")


def _read_files(fields: Fields) -> dict[str, FileInfo]:
    files = {}
    for name in BUNDLE_FILES:
        entry = fields.child(name)
        files[name] = FileInfo(
            size_bytes=entry.integer("size_bytes", low=1, high=MAX_FILE_BYTES),
            sha256=entry.digest("sha256"),
        )
        entry.finish()
    fields.finish()
    return files


def _read_encoder(fields: Fields) -> EncoderInfo:
    info = EncoderInfo(
        name=fields.text("name", max_length=256),
        identity=fields.digest("identity"),
        dim=fields.integer("dim", low=1, high=MAX_DIM),
        max_tokens=fields.integer("max_tokens", low=3, high=MAX_TOKENS),
    )
    fields.finish()
    return info


def _read_index(fields: Fields) -> IndexInfo:
    info = IndexInfo(
        kind=fields.choice("kind", INDEX_KINDS),
        metric=fields.choice("metric", ("ip",)),
        dtype=fields.choice("dtype", ("i8",)),
        scale=fields.number("scale", low=1e-12, high=1e6),
        dim=fields.integer("dim", low=1, high=MAX_DIM),
        count=fields.integer("count", low=1, high=MAX_PHOTOS),
        expansion_search=fields.integer("expansion_search", low=1, high=65_536),
    )
    fields.finish()
    return info


def _read_views(fields: Fields) -> ViewsInfo:
    info = ViewsInfo(
        kinds=fields.choices("kinds", VIEW_KINDS),
        scale=fields.number("scale", low=1e-12, high=1e6),
    )
    fields.finish()
    captions_first = sorted(info.kinds) == list(info.kinds)
    if not (1 <= len(info.kinds) <= MAX_VIEWS and captions_first):
        raise BundleError(
            f"Unexpected {list(info.kinds)} (expected 1 to {MAX_VIEWS} views, caption views first)"
            f" in 'views.kinds' of {MANIFEST_FILE}"
        )
    return info


def _read_counts(fields: Fields) -> Counts:
    counts = Counts(
        photos=fields.integer("photos", low=1, high=MAX_PHOTOS),
        captions=fields.integer("captions", low=0, high=MAX_PHOTOS * MAX_VIEWS),
        failures=fields.integer("failures", low=0, high=MAX_PHOTOS),
    )
    fields.finish()
    return counts


def _read_provenance(fields: Fields) -> Provenance:
    packages = fields.child("packages")
    provenance = Provenance(
        created=fields.text("created", max_length=64),
        thinlens=fields.text("thinlens", max_length=64),
        captioner=fields.digest("captioner"),
        instructions=fields.texts("instructions", max_length=1_024),
        packages={name: packages.text(name, max_length=64) for name in packages.names()},
        forced=fields.texts("forced", max_length=64),
    )
    fields.finish()
    return provenance


def _read_golden(fields: Fields) -> tuple[Golden, ...]:
    golden = []
    for entry in fields.children("golden"):
        golden.append(Golden(query=entry.text("query"), ids=entry.texts("ids")))
        entry.finish()
    if len(golden) > MAX_GOLDEN:
        raise BundleError(
            f"Unexpected length {len(golden)} (expected at most {MAX_GOLDEN}) in 'golden' of {MANIFEST_FILE}"
        )
    return tuple(golden)


def _read_suggestions(fields: Fields) -> tuple[str, ...]:
    suggestions = fields.texts("suggestions", max_length=MAX_SUGGESTION_LENGTH)
    if len(suggestions) > MAX_SUGGESTIONS:
        raise BundleError(
            f"Unexpected length {len(suggestions)} (expected at most {MAX_SUGGESTIONS}) in 'suggestions'"
            f" of {MANIFEST_FILE}"
        )
    return suggestions
