"""The fields of a manifest that all formats have: how each is read and checked, and what must belong together."""

from __future__ import annotations

from collections.abc import Sequence

from handler.bundle.encoder_files import ENCODER_FILES, MAX_DIM, MAX_TOKENS, encoder_identity
from handler.bundle.fields import Fields
from handler.bundle.manifest import (
    MANIFEST_FILE,
    VIEW_KINDS,
    ColumnNames,
    Counts,
    EncoderInfo,
    FileInfo,
    Golden,
    Manifest,
    Provenance,
    ViewKind,
)
from handler.errors import BundleError

MAX_FILE_BYTES = 1 << 36
MAX_PHOTOS = 100_000_000
MAX_VIEWS = 64
MAX_COLUMNS = 68
"""64 of the owner's own, and four of what people write into photos' files."""
MAX_COLUMN_NAME = 64
MAX_GOLDEN = 64
MAX_SUGGESTIONS = 64
MAX_SUGGESTION_LENGTH = 128


def check_belonging(manifest: Manifest) -> None:
    """Check that encoder, calibration and captions belong together; raises BundleError."""
    caption_views = manifest.views.count("caption")
    hashes = {name: manifest.files[name].sha256 for name in ENCODER_FILES}
    refuse_unequal(
        ("identity of the encoder", manifest.encoder.identity, encoder_identity(hashes)),
        ("encoder of the calibration", manifest.calibration.encoder, manifest.encoder.space),
        ("captioner of the calibration", manifest.calibration.captioner, manifest.provenance.captioner),
        ("weights of the calibration", len(manifest.calibration.weights), len(manifest.views)),
        ("captions", manifest.counts.captions, manifest.counts.photos * caption_views),
        ("instructions", len(manifest.provenance.instructions), caption_views),
    )


def refuse_unequal(*parts: tuple[str, object, object]) -> None:
    """Raises BundleError at the first of (what it is, found, expected) that differs."""
    for what, found, expected in parts:
        if found != expected:
            raise BundleError(f"Parts of the bundle do not belong together: {what} is {found} (expected {expected})")


def read_files(fields: Fields, names: Sequence[str]) -> dict[str, FileInfo]:
    """Read size and hash of exactly these files; raises BundleError."""
    files = {}
    for name in names:
        entry = fields.child(name)
        files[name] = FileInfo(
            size_bytes=entry.integer("size_bytes", low=1, high=MAX_FILE_BYTES),
            sha256=entry.digest("sha256"),
        )
        entry.finish()
    fields.finish()
    return files


def read_encoder(fields: Fields, *, says_space: bool = True) -> EncoderInfo:
    """Read what the encoder is, whose space is its own where none is said; raises BundleError."""
    identity = fields.digest("identity")
    info = EncoderInfo(
        name=fields.text("name", max_length=256),
        identity=identity,
        space=fields.digest("space") if says_space else identity,
        dim=fields.integer("dim", low=1, high=MAX_DIM),
        max_tokens=fields.integer("max_tokens", low=3, high=MAX_TOKENS),
    )
    fields.finish()
    return info


def read_views(fields: Fields, field: str) -> tuple[ViewKind, ...]:
    """Read the kinds of views; raises BundleError."""
    kinds = fields.choices(field, VIEW_KINDS)
    captions_first = sorted(kinds) == list(kinds)
    if not (1 <= len(kinds) <= MAX_VIEWS and captions_first):
        raise BundleError(
            f"Unexpected {list(kinds)} (expected 1 to {MAX_VIEWS} views, caption views first) in 'views' of"
            f" {MANIFEST_FILE}"
        )
    return kinds


def read_column_names(fields: Fields) -> ColumnNames:
    """Read the names of columns; raises BundleError."""
    names = ColumnNames(
        numbers=fields.texts("numbers", max_length=MAX_COLUMN_NAME),
        texts=fields.texts("texts", max_length=MAX_COLUMN_NAME),
    )
    fields.finish()
    if len({*names.numbers, *names.texts}) > MAX_COLUMNS:
        raise BundleError(f"More than {MAX_COLUMNS} columns")
    return names


def read_counts(fields: Fields) -> Counts:
    """Read the counts; raises BundleError."""
    counts = Counts(
        photos=fields.integer("photos", low=1, high=MAX_PHOTOS),
        captions=fields.integer("captions", low=0, high=MAX_PHOTOS * MAX_VIEWS),
        failures=fields.integer("failures", low=0, high=MAX_PHOTOS),
    )
    fields.finish()
    return counts


def read_provenance(fields: Fields) -> Provenance:
    """Read where the bundle comes from; raises BundleError."""
    packages = fields.child("packages")
    provenance = Provenance(
        created=fields.text("created", max_length=64),
        thinlens=fields.text("thinlens", max_length=64),
        captioner=fields.digest("captioner"),
        instructions=fields.texts("instructions", max_length=1_024),
        packages={name: packages.text(name, max_length=64) for name in packages.names()},
        forced=fields.texts("forced", max_length=64),
        image_encoder=fields.digest("image_encoder") if fields.has("image_encoder") else None,
    )
    fields.finish()
    return provenance


def read_golden(fields: Fields) -> tuple[Golden, ...]:
    """Read the golden queries; raises BundleError."""
    golden = []
    for entry in fields.children("golden"):
        golden.append(Golden(query=entry.text("query"), ids=entry.texts("ids")))
        entry.finish()
    if len(golden) > MAX_GOLDEN:
        raise BundleError(
            f"Unexpected length {len(golden)} (expected at most {MAX_GOLDEN}) in 'golden' of {MANIFEST_FILE}"
        )
    return tuple(golden)


def read_suggestions(fields: Fields) -> tuple[str, ...]:
    """Read the suggestions; raises BundleError."""
    suggestions = fields.texts("suggestions", max_length=MAX_SUGGESTION_LENGTH)
    if len(suggestions) > MAX_SUGGESTIONS:
        raise BundleError(
            f"Unexpected length {len(suggestions)} (expected at most {MAX_SUGGESTIONS}) in 'suggestions'"
            f" of {MANIFEST_FILE}"
        )
    return suggestions
