"""The manifest: what a bundle holds, what its parts are called, and to what each belongs.

Knows the shapes and how they become bytes; manifest_reader.py reads them back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.relevance import Calibration

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
BUNDLE_FILES = (*ENCODER_FILES, "index.usearch", "views.i8", "catalogue.bin", "columns.bin")

IndexKind = Literal["exact", "hnsw"]
ViewKind = Literal["caption", "visual"]
INDEX_KINDS: tuple[IndexKind, ...] = ("exact", "hnsw")
VIEW_KINDS: tuple[ViewKind, ...] = ("caption", "visual")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """Size and content of one file of the bundle; sha256 in lower-case hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """The text encoder in the bundle; `identity` as encoder_files.py defines it."""

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

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same manifest gives the same bytes, and so the same bundle id."""
        document = asdict(self)
        document["calibration"] = self.calibration.to_json()
        document["format_version"] = FORMAT_VERSION
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=2, sort_keys=True)
        return text.encode() + b"\n"


def bundle_id(manifest_bytes: bytes) -> str:
    """Name of the bundle: the first 16 hexadecimal digits of its manifest's sha256."""
    return hashlib.sha256(manifest_bytes).hexdigest()[:16]
