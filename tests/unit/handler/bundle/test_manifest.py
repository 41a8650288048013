"""The manifest: read strictly, written canonically, refused where its parts do not belong together."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bundle.encoder_files import ENCODER_FILES, encoder_identity
from handler.bundle.manifest import (
    BUNDLE_FILES,
    SEGMENT_FILES,
    ColumnNames,
    Counts,
    EncoderInfo,
    FileInfo,
    Golden,
    Manifest,
    Provenance,
    SegmentInfo,
    bundle_id,
)
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.bundle.relevance import Calibration, Curve
from handler.errors import BundleError

HASHES = {name: hashlib.sha256(name.encode()).hexdigest() for name in BUNDLE_FILES}
IDENTITY = encoder_identity(HASHES)
CAPTIONER = "c" * 64


def segment(number: int, photos: int) -> SegmentInfo:
    """One of its own content, whose vectors have 4 components, of photos of 2 views."""
    files = {
        name: FileInfo(
            size_bytes=photos * 2 * (4 + 4) if name == "views.i8" else 1_000,
            sha256=hashlib.sha256(f"{name} {number}".encode()).hexdigest(),
        )
        for name in SEGMENT_FILES
    }
    return SegmentInfo(encoder=IDENTITY, captioner=CAPTIONER, photos=photos, files=files)


MANIFEST = Manifest(
    files={name: FileInfo(size_bytes=1_000, sha256=digest) for name, digest in HASHES.items()},
    encoder=EncoderInfo(name="tiny", identity=IDENTITY, space=IDENTITY, dim=4, max_tokens=64),
    index="coded",
    views=("caption", "visual"),
    columns=ColumnNames(numbers=("stars",), texts=("place", "wer war’s")),
    segments=(segment(0, 7), segment(1, 5)),
    originals="content",
    calibration=Calibration.of_one_curve(
        Curve(slope=1.0, intercept=-2.0, threshold=0.3), encoder=IDENTITY, captioner=CAPTIONER, weights=(1.5, 2.0)
    ),
    counts=Counts(photos=10, captions=10, failures=1),
    provenance=Provenance(
        created="2026-01-02T03:04:05Z",
        thinlens="0.1.0",
        captioner=CAPTIONER,
        instructions=("What does the image describe?",),
        packages={"numpy": "2.4.6"},
    ),
    golden=(Golden(query="ein Hund läuft", ids=("a.jpg", "日本/b.jpg")),),
)
DOCUMENT: dict[str, Any] = json.loads(MANIFEST.to_bytes())


def changed(path: str, value: object) -> bytes:
    document = copy.deepcopy(DOCUMENT)
    *parents, last = path.split(" ")
    entry: Any = document
    for parent in parents:
        entry = entry[int(parent) if isinstance(entry, list) else parent]
    if value is ...:
        del entry[last]
    else:
        entry[last] = value
    return json.dumps(document).encode()


def test_is_read_as_it_was_written() -> None:
    written = MANIFEST.to_bytes()

    assert read_manifest(written) == MANIFEST
    assert read_manifest(written).to_bytes() == written
    assert written.startswith(b'{\n  "calibration": {\n    "captioner": "ccc')
    assert written.endswith(b"}\n")
    assert "ein Hund läuft".encode() in written


def test_a_segment_is_named_by_what_it_holds() -> None:
    first, second = MANIFEST.segments
    ids = {first.id, second.id, replace(first, photos=8).id, replace(first, captioner="d" * 64).id}
    assert len(ids) == 4
    assert segment(0, 7).id == first.id
    assert read_manifest(MANIFEST.to_bytes()).segments[0].folder == f"segments/{first.id}"
    assert re.fullmatch("[0-9a-f]{16}", first.id)


def test_all_files_are_there_once_first_what_is_verified_whole() -> None:
    names = list(MANIFEST.all_files)
    folders = [part.folder for part in MANIFEST.segments]

    assert names[: len(BUNDLE_FILES)] == list(BUNDLE_FILES)
    assert names == [*MANIFEST.whole_files, *MANIFEST.blocked_files]
    assert list(MANIFEST.whole_files) == [
        *BUNDLE_FILES,
        *(f"{folder}/{name}" for name in ("codes.bin", "blocks.bin") for folder in folders),
    ]
    assert list(MANIFEST.blocked_files) == [
        f"{folder}/{name}"
        for name in ("index.usearch", "views.i8", "catalogue.bin", "columns.bin", "words.bin")
        for folder in folders
    ]
    assert sorted(names[len(BUNDLE_FILES) :]) == sorted(f"{f}/{name}" for f in folders for name in SEGMENT_FILES)
    assert MANIFEST.size_bytes == (len(BUNDLE_FILES) + 2 * (len(SEGMENT_FILES) - 1)) * 1_000 + 12 * 2 * 8


def test_the_bundle_is_named_by_its_manifest() -> None:
    assert bundle_id(b"") == "e3b0c44298fc1c14"
    assert len({bundle_id(MANIFEST.to_bytes()), bundle_id(changed("golden", []))}) == 2


def test_the_encoder_identity_is_what_sha256sum_prints() -> None:
    # printf of four `sha256sum` lines piped into sha256sum, with hashes 00.. to 33..
    hashes = {name: str(number) * 64 for number, name in enumerate(sorted(ENCODER_FILES))}
    lines = "\n".join(f"{hashes[name]}  {name}" for name in sorted(ENCODER_FILES)) + "\n"

    assert encoder_identity(hashes) == hashlib.sha256(lines.encode()).hexdigest()
    assert encoder_identity({**hashes, "index.usearch": "5" * 64}) == encoder_identity(hashes)
    assert encoder_identity({**hashes, "encoder.bin": "5" * 64}) != encoder_identity(hashes)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format_version", 3, "Unknown format_version 3 (expected 1 or 2) in manifest.json"),
        ("format_version", 0, "Unknown format_version 0"),
        ("format_version", "2", "Unexpected type str (expected int) in 'format_version'"),
        ("format_version", ..., "Missing field 'format_version'"),
        ("format_version", 1, "Missing field 'files.index.usearch'"),
        ("later", {}, "Unexpected field 'later'"),
        ("files collection.bin", ..., "Missing field 'files.collection.bin'"),
        ("files ../../etc/passwd", {"size_bytes": 1, "sha256": "0" * 64}, "Unexpected field 'files.../../etc/passwd'"),
        ("files encoder.bin size_bytes", 0, "'files.encoder.bin.size_bytes'"),
        ("files encoder.bin size_bytes", 1 << 60, "'files.encoder.bin.size_bytes'"),
        ("files encoder.bin sha256", "0" * 63, "'files.encoder.bin.sha256'"),
        ("files encoder.bin sha256", "0" * 64, "do not belong together: identity of the encoder is"),
        ("encoder identity", "0" * 64, "do not belong together: identity of the encoder is 000"),
        ("encoder dim", 1 << 40, "'encoder.dim'"),
        ("encoder dim", 8, "is 112 (expected 168)"),
        ("index", "annoy", "Unexpected value 'annoy' (expected 'coded' or 'coded-16') in 'index'"),
        ("index", {"kind": "coded"}, "(expected 'coded' or 'coded-16') in 'index'"),
        ("views", [], "'views'"),
        ("views", ["visual", "caption"], "caption views first"),
        ("views", ["caption", "smell"], "Unexpected value 'smell' (expected 'caption' or 'visual')"),
        ("views", ["caption"], "weights of the calibration is 2 (expected 1)"),
        ("views", ["caption"] * 65, "'views'"),
        ("views", ["caption", "caption"], "captions is 10 (expected 20)"),
        ("columns", ["stars"], "Unexpected type list (expected object) in 'columns'"),
        ("columns numbers", ..., "Missing field 'columns.numbers'"),
        ("columns texts", "place", "Unexpected type str (expected list) in 'columns.texts'"),
        ("columns texts", ["x" * 65], "in 'columns.texts.0'"),
        ("columns texts", [1], "Unexpected type int (expected str) in 'columns.texts.0'"),
        ("columns texts", [f"{number}" for number in range(68)], "More than 68 columns"),
        ("columns texts", ["stars"], "columns of numbers and of texts is ['stars'] (expected [])"),
        ("columns groups", [], "Unexpected field 'columns.groups'"),
        ("segments 0 files blocks.bin", ..., "Missing field 'segments.0.files.blocks.bin'"),
        ("originals", "path", "Unexpected value 'path' (expected 'id' or 'content' or 'none') in 'originals'"),
        ("previews", "none", "Unexpected type str (expected bool) in 'previews'"),
        ("segments", [], "Unexpected length 0 (expected 1 to 512) in 'segments'"),
        ("segments", [{}], "Missing field 'segments.0.encoder'"),
        ("segments", DOCUMENT["segments"][:1] * 513, "Unexpected length 513 (expected 1 to 512) in 'segments'"),
        ("segments", DOCUMENT["segments"][:1] * 2, "number of different segments is 1 (expected 2)"),
        ("segments", DOCUMENT["segments"][:1], "photos in segments are 7 (expected 10 to 100000000)"),
        ("segments 0 later", 1, "Unexpected field 'segments.0.later'"),
        ("segments 0 photos", 0, "'segments.0.photos'"),
        ("segments 0 photos", 8, "is 112 (expected 128)"),
        ("segments 1 encoder", "0" * 64, "do not belong together: encoder of segment "),
        ("segments 1 captioner", "0" * 64, "do not belong together: captioner of segment "),
        ("segments 1 files views.i8", ..., "Missing field 'segments.1.files.views.i8'"),
        ("segments 1 files views.i8 size_bytes", 81, "is 81 (expected 80)"),
        ("segments 1 files ../x", {"size_bytes": 1, "sha256": "0" * 64}, "Unexpected field 'segments.1.files.../x'"),
        ("calibration encoder", "0" * 64, "encoder of the calibration is 000"),
        ("calibration captioner", "0" * 64, "captioner of the calibration is 000"),
        ("calibration weights", [1.0], "weights of the calibration is 1 (expected 2)"),
        ("counts photos", 0, "'counts.photos'"),
        ("counts photos", 11, "captions is 10 (expected 11)"),
        ("counts captions", 11, "captions is 11 (expected 10)"),
        ("provenance instructions", [], "instructions is 0 (expected 1)"),
        ("provenance packages", {"numpy": 2}, "'provenance.packages.numpy'"),
        ("golden", [{"query": "a", "ids": []}] * 65, "'golden'"),
        ("golden", [{"query": "a"}], "Missing field 'golden.0.ids'"),
    ],
)
def test_refuses(path: str, value: object, message: str) -> None:
    with pytest.raises(BundleError) as error:
        read_manifest(changed(path, value))
    assert message in str(error.value)


def test_refuses_more_than_a_manifest_can_be() -> None:
    with pytest.raises(BundleError, match="expected at most 1048576"):
        read_manifest(MANIFEST.to_bytes() + b" " * MAX_MANIFEST_BYTES)


def leaves(entry: object, path: str = "") -> Iterator[str]:
    if isinstance(entry, dict):
        for name, value in entry.items():
            yield from leaves(value, f"{path} {name}" if path else name)
    elif isinstance(entry, list) and entry and isinstance(entry[0], dict) and "files" in entry[0]:
        for number, value in enumerate(entry):
            yield from leaves(value, f"{path} {number}")
    else:
        yield path


@pytest.mark.parametrize("path", list(leaves(DOCUMENT)))
def test_every_field_is_needed_and_has_a_type(path: str) -> None:
    if not path.startswith("provenance packages "):
        with pytest.raises(BundleError, match="Missing field"):
            read_manifest(changed(path, ...))
    with pytest.raises(BundleError, match=r"Unexpected (type|value)"):
        read_manifest(changed(path, {"an": "object"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
)


@given(st.sampled_from(list(leaves(DOCUMENT))), JSON)
def test_any_value_anywhere_is_taken_or_refused(path: str, value: object) -> None:
    try:
        manifest = read_manifest(changed(path, value))
    except BundleError:
        return
    assert read_manifest(manifest.to_bytes()) == manifest


@given(st.integers(0, len(MANIFEST.to_bytes()) - 1), st.integers(0, 255))
def test_any_flipped_byte_is_taken_or_refused(position: int, byte: int) -> None:
    data = bytearray(MANIFEST.to_bytes())
    data[position] = byte
    try:
        read_manifest(bytes(data))
    except BundleError:
        return
