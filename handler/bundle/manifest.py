"""The manifest: what a bundle holds, what its parts are called, and to what each belongs.

Knows the shapes and how they become bytes; manifest_reader.py reads them back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.relevance import Calibration

FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
COLLECTION_FILE = "collection.bin"
BUNDLE_FILES = (*ENCODER_FILES, COLLECTION_FILE)
WHOLE_FILES = ("codes.bin", "blocks.bin")
BLOCKED_FILES = ("index.usearch", "views.i8", "catalogue.bin", "columns.bin", "words.bin")
"""The files of a segment that are verified block by block, in the order in which they are brought from a store."""
SEGMENT_FILES = (*WHOLE_FILES, *BLOCKED_FILES)
SEGMENTS_FOLDER = "segments"

IndexKind = Literal["coded", "coded-16"]
ViewKind = Literal["caption", "visual"]
Originals = Literal["id", "content", "none"]
INDEX_KINDS: tuple[IndexKind, ...] = ("coded", "coded-16")
DEFAULT_KIND: IndexKind = "coded"
"""The kind of index that is written, unless photos lie so close together that it takes more bits to tell them apart."""
VIEW_KINDS: tuple[ViewKind, ...] = ("caption", "visual")
ORIGINALS: tuple[Originals, ...] = ("id", "content", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """Size and content of one file; sha256 in lower-case hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """The text encoder in the bundle; `identity` as encoder_files.py defines it.

    `space` is the identity of the encoder whose vectors it gives: its own, or another's that it was taught to give.
    Calibration and segments name that.
    """

    name: str
    identity: str
    space: str
    dim: int
    max_tokens: int


@dataclass(frozen=True, kw_only=True)  # without slots, so that its id is reckoned once
class SegmentInfo:
    """Some of the bundle's photos, and the files in which they stand; never changed once they are written.

    Attributes:
        encoder: Identity of the encoder of its vectors: the space in which they lie.
        captioner: Identity of the captioner of its captions.
        photos: How many it holds, those included that are gone since.
        files: SEGMENT_FILES.
    """

    encoder: str
    captioner: str
    photos: int
    files: Mapping[str, FileInfo]

    @cached_property
    def id(self) -> str:
        """Its name: the first 16 hexadecimal digits of the sha256 of all this."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """Where its files lie, relative to the bundle's folder, or to the store.

        Example: "segments/4720f516e1d95f3b"
        """
        return f"{SEGMENTS_FOLDER}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """Columns by kind, each in alphabetical order; in a segment one may be of both kinds."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is in the bundle, and how many photos could not be understood."""

    photos: int
    captions: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the bundle comes from: when (UTC, ISO 8601), by what, from which models.

    `forced` names the checks of the quality gate that it failed and was published in spite of; `image_encoder` is the
    identity of what gave the visual views where the captioner didn't.
    """

    created: str
    thinlens: str
    captioner: str
    instructions: tuple[str, ...]
    packages: Mapping[str, str]
    forced: tuple[str, ...] = ()
    image_encoder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A query and the ids that answered it, best first, when the bundle was written."""

    query: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that is known of a bundle before one of its files is read.

    Attributes:
        files: BUNDLE_FILES: what belongs to the whole.
        encoder: What embeds queries.
        index: The kind of index that the segments' vectors are in.
        views: The views of every photo in their order; caption views come first, in the order of a photo's captions.
        columns: The collection's own columns, by which photos can be filtered.
        segments: The photos, segment after segment: a photo's number counts through all of them.
        originals: Where photos' own addresses lead: to their paths ("id"), to the published file of that content
            ("content"), or, where photos aren't published, to their thumbnails ("none").
        previews: Whether a preview of each photo lies beside its thumbnail.
        suggestions: Short queries that find something, for whoever doesn't know what to ask.
        format_version: 2; 1 for what earlier versions wrote (format_1.py).
    """

    files: Mapping[str, FileInfo]
    encoder: EncoderInfo
    index: IndexKind
    views: tuple[ViewKind, ...]
    columns: ColumnNames
    segments: tuple[SegmentInfo, ...]
    originals: Originals
    calibration: Calibration
    counts: Counts
    provenance: Provenance
    golden: tuple[Golden, ...]
    suggestions: tuple[str, ...] = ()
    previews: bool = False
    format_version: int = FORMAT_VERSION

    @property
    def seen_by(self) -> str:
        """The identity of what gave the visual views."""
        return self.provenance.image_encoder or self.provenance.captioner

    @property
    def whole_files(self) -> dict[str, FileInfo]:
        """The files that are verified whole, by their paths in the bundle's folder, in the order in which it is opened.

        The encoder comes first, for making its session takes longest.
        """
        return {**self.files, **self._of_segments(WHOLE_FILES)}

    @property
    def blocked_files(self) -> dict[str, FileInfo]:
        """The files that are verified block by block."""
        return self._of_segments(BLOCKED_FILES)

    @property
    def all_files(self) -> dict[str, FileInfo]:
        """Every file of the bundle."""
        return {**self.whole_files, **self.blocked_files}

    @property
    def size_bytes(self) -> int:
        """The size of all files but for the manifest."""
        return sum(info.size_bytes for info in self.all_files.values())

    def _of_segments(self, names: Sequence[str]) -> dict[str, FileInfo]:
        return {f"{segment.folder}/{name}": segment.files[name] for name in names for segment in self.segments}

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same manifest gives the same bytes, and so the same bundle id."""
        document = asdict(self)
        document["calibration"] = self.calibration.to_json()
        if self.provenance.image_encoder is None:
            del document["provenance"]["image_encoder"]  # which versions before didn't know
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=2, sort_keys=True)
        return text.encode() + b"\n"


def bundle_id(manifest_bytes: bytes) -> str:
    """Name of the bundle: the first 16 hexadecimal digits of its manifest's sha256."""
    return hashlib.sha256(manifest_bytes).hexdigest()[:16]
