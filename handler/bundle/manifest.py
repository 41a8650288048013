"""The manifest: what a bundle holds, what its parts are called, and to what each belongs.

Knows the format, not the disk: it turns bytes into a checked Manifest and back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from handler.bundle.fields import Fields
from handler.bundle.relevance import Calibration
from handler.errors import BundleError

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
ENCODER_FILES = ("encoder.bin", "encoder.json", "encoder.onnx", "tokenizer.json")
BUNDLE_FILES = (*ENCODER_FILES, "index.usearch", "views.i8", "catalogue.bin", "columns.bin")

MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 1 << 36
MAX_PHOTOS = 100_000_000
MAX_DIM = 8_192
MAX_TOKENS = 8_192
MAX_VIEWS = 64
MAX_GOLDEN = 64
MAX_SUGGESTIONS = 64
MAX_SUGGESTION_LENGTH = 128

IndexKind = Literal["exact", "hnsw"]
ViewKind = Literal["caption", "visual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """Size and content of one file of the bundle; sha256 in lower-case hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """The text encoder in the bundle; `identity` as `encoder_identity` defines it."""

    name: str
    identity: str
    dim: int
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """How index.usearch is to be read: int8 rows under the inner product.

    Attributes:
        kind: "exact" scans every row, "hnsw" walks the graph.
        scale: Value of one int8 step: component = int8 * scale.
        dim: Components of a vector.
        count: Vectors, one for each photo.
        expansion_search: Candidates that "hnsw" keeps while it searches (ef_search).
    """

    kind: IndexKind
    scale: float
    dim: int
    count: int
    expansion_search: int
    metric: Literal["ip"] = "ip"
    dtype: Literal["i8"] = "i8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsInfo:
    """How views.i8 is to be read; `kinds` names the views of every photo in their order.

    `scale` is the value of one int8 step. Caption views come first, in the order of a photo's
    captions.
    """

    kinds: tuple[ViewKind, ...]
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What went into the bundle, and how many photos could not be understood."""

    photos: int
    captions: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the bundle comes from: when (UTC, ISO 8601), by what, from which models.

    `forced` names the checks of the quality gate that it failed and was published in spite of.
    """

    created: str
    thinlens: str
    captioner: str
    instructions: tuple[str, ...]
    packages: Mapping[str, str]
    forced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A query and the ids that answered it, best first, when the bundle was written."""

    query: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that is known of a bundle before one of its files is read.

    `suggestions` are short queries that find something, for whoever doesn't know what to ask.
    """

    files: Mapping[str, FileInfo]
    encoder: EncoderInfo
    index: IndexInfo
    views: ViewsInfo
    calibration: Calibration
    counts: Counts
    provenance: Provenance
    golden: tuple[Golden, ...]
    suggestions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
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
        manifest = cls(
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
        manifest.check()
        return manifest

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same manifest gives the same bytes, and so the same bundle id."""
        document = asdict(self)
        document["calibration"] = self.calibration.to_json()
        document["format_version"] = FORMAT_VERSION
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=2, sort_keys=True)
        return text.encode() + b"\n"

    def check(self) -> None:
        """Check that the parts belong together; raises BundleError."""
        caption_views = self.views.kinds.count("caption")
        hashes = {name: self.files[name].sha256 for name in ENCODER_FILES}
        for what, found, expected in (
            ("identity of the encoder", self.encoder.identity, encoder_identity(hashes)),
            ("encoder of the calibration", self.calibration.encoder, self.encoder.identity),
            ("captioner of the calibration", self.calibration.captioner, self.provenance.captioner),
            ("weights of the calibration", len(self.calibration.weights), len(self.views.kinds)),
            ("dim of the index", self.index.dim, self.encoder.dim),
            ("vectors in the index", self.index.count, self.counts.photos),
            ("captions", self.counts.captions, self.counts.photos * caption_views),
            ("instructions", len(self.provenance.instructions), caption_views),
            (
                "size_bytes of views.i8",
                self.files["views.i8"].size_bytes,
                self.counts.photos * len(self.views.kinds) * self.encoder.dim,
            ),
        ):
            if found != expected:
                raise BundleError(
                    f"Parts of the bundle do not belong together: {what} is {found} (expected {expected})"
                )


def bundle_id(manifest_bytes: bytes) -> str:
    """Name of the bundle: the first 16 hexadecimal digits of its manifest's sha256."""
    return hashlib.sha256(manifest_bytes).hexdigest()[:16]


def encoder_identity(hashes: Mapping[str, str]) -> str:
    r"""Identity of an encoder, from the sha256 of each of ENCODER_FILES.

    It is the sha256 of the lines "<sha256>  <name>\n" in the order of the names, which is what
    `sha256sum encoder.bin encoder.json encoder.onnx tokenizer.json | sha256sum` prints.
    """
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(ENCODER_FILES))
    return hashlib.sha256(lines.encode()).hexdigest()


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
    kinds: tuple[IndexKind, ...] = ("exact", "hnsw")
    info = IndexInfo(
        kind=fields.choice("kind", kinds),
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
    kinds: tuple[ViewKind, ...] = ("caption", "visual")
    info = ViewsInfo(
        kinds=fields.choices("kinds", kinds),
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
