"""The manifest: read strictly, written canonically, refused where its parts do not belong together."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bundle.encoder_files import ENCODER_FILES, encoder_identity
from handler.bundle.manifest import (
    BUNDLE_FILES,
    FORMAT_VERSION,
    Counts,
    EncoderInfo,
    FileInfo,
    Golden,
    IndexInfo,
    Manifest,
    Provenance,
    ViewsInfo,
    bundle_id,
)
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.bundle.relevance import Calibration, Curve
from handler.errors import BundleError

HASHES = {name: hashlib.sha256(name.encode()).hexdigest() for name in BUNDLE_FILES}
IDENTITY = encoder_identity(HASHES)
CAPTIONER = "c" * 64
MANIFEST = Manifest(
    files={
        name: FileInfo(size_bytes=10 * 2 * 4 if name == "views.i8" else 1_000, sha256=digest)
        for name, digest in HASHES.items()
    },
    encoder=EncoderInfo(name="tiny", identity=IDENTITY, dim=4, max_tokens=64),
    index=IndexInfo(kind="hnsw", scale=0.01, dim=4, count=10, expansion_search=64),
    views=ViewsInfo(kinds=("caption", "visual"), scale=0.002),
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
    entry = document
    for parent in parents:
        entry = entry[parent]
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
        (
            "format_version",
            FORMAT_VERSION + 1,
            f"Unknown format_version 2 (expected {FORMAT_VERSION}) in manifest.json",
        ),
        ("format_version", 0, "Unknown format_version 0"),
        ("format_version", "1", "Unexpected type str (expected int) in 'format_version'"),
        ("format_version", ..., "Missing field 'format_version'"),
        ("later", {}, "Unexpected field 'later'"),
        ("files views.i8", ..., "Missing field 'files.views.i8'"),
        ("files ../../etc/passwd", {"size_bytes": 1, "sha256": "0" * 64}, "Unexpected field 'files.../../etc/passwd'"),
        ("files views.i8 size_bytes", 0, "'files.views.i8.size_bytes'"),
        ("files views.i8 size_bytes", 1 << 60, "'files.views.i8.size_bytes'"),
        ("files views.i8 size_bytes", 81, "size_bytes of views.i8 is 81 (expected 80)"),
        ("files encoder.bin sha256", "0" * 63, "'files.encoder.bin.sha256'"),
        ("files encoder.bin sha256", "0" * 64, "do not belong together: identity of the encoder is"),
        ("encoder identity", "0" * 64, "do not belong together: identity of the encoder is 000"),
        ("encoder dim", 1 << 40, "'encoder.dim'"),
        ("encoder dim", 8, "dim of the index is 4 (expected 8)"),
        ("index kind", "annoy", "Unexpected value 'annoy' (expected 'exact' or 'hnsw') in 'index.kind'"),
        ("index metric", "cos", "(expected 'ip') in 'index.metric'"),
        ("index dtype", "f32", "(expected 'i8') in 'index.dtype'"),
        ("index scale", 0, "'index.scale'"),
        ("index scale", 1e300, "'index.scale'"),
        ("index count", 9, "vectors in the index is 9 (expected 10)"),
        ("index count", -1, "'index.count'"),
        ("index expansion_search", 10**9, "'index.expansion_search'"),
        ("views kinds", [], "'views.kinds'"),
        ("views kinds", ["visual", "caption"], "caption views first"),
        ("views kinds", ["caption", "smell"], "Unexpected value 'smell' (expected 'caption' or 'visual')"),
        ("views kinds", ["caption"], "weights of the calibration is 2 (expected 1)"),
        ("views kinds", ["caption"] * 65, "'views.kinds'"),
        ("views kinds", ["caption", "caption"], "captions is 10 (expected 20)"),
        ("calibration encoder", "0" * 64, "encoder of the calibration is 000"),
        ("calibration captioner", "0" * 64, "captioner of the calibration is 000"),
        ("calibration weights", [1.0], "weights of the calibration is 1 (expected 2)"),
        ("counts photos", 0, "'counts.photos'"),
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
