"""Bundles of format 1, as earlier versions wrote them: one folder of files, one scale for all rows of a kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from export.bundles.segment_writer import file_info
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.index.vector_index import quantise, scale_of
from handler.bundle.manifest import MANIFEST_FILE
from handler.bundle.photos import catalogue, columns
from handler.bundle.photos.catalogue import PhotoRecord
from handler.runtime import usearch
from tests.functional.handler.artefacts import (
    CAPTIONER,
    INSTRUCTION,
    MAX_TOKENS,
    BundleChoices,
    TinyPhoto,
    record_of,
    write_encoder,
)

Kind = Literal["exact", "hnsw"]
FILES_1 = (*ENCODER_FILES, "index.usearch", "views.i8", "catalogue.bin", "columns.bin")


def url_of(photo_id: str) -> str:
    """Where a photo lies; such bundles say so of each."""
    return f"https://photos.example.org/{quote(photo_id)}"


def thumbnail_of(photo_id: str) -> str:
    return f"small/{hashlib.sha256(photo_id.encode()).hexdigest()}.jpg"


def write_bundle_1(folder: Path, photos: Sequence[TinyPhoto], choices: BundleChoices, *, kind: Kind = "exact") -> Path:
    """Write a bundle of `photos` (one caption view, one visual view) into `folder`, which is made."""
    photos = sorted(photos, key=lambda photo: photo.id)
    encoder = Encoder.load(write_encoder(folder))
    captions = encoder.encode([photo.caption for photo in photos])
    visuals = encoder.encode([photo.seen or photo.caption for photo in photos])
    views = np.stack([captions, visuals], axis=1)
    fused: NDArray[np.float32] = np.tensordot(views, np.array(choices.weights, np.float32), axes=([1], [0]))
    _write_index(folder / "index.usearch", quantise(fused, scale_of(fused)), kind)
    (folder / "views.i8").write_bytes(quantise(views, scale_of(views)).tobytes())
    records = [record_of(photo) for photo in photos]
    _write_catalogue(folder / "catalogue.bin", records)
    ids = [photo.id for photo in photos]
    groups = np.array([ids.index(photo.copy_of or photo.id) for photo in photos], dtype=np.uint32)
    _write_columns(folder / "columns.bin", records, groups)
    document = {
        "format_version": 1,
        "index": {
            "kind": kind,
            "metric": "ip",
            "dtype": "i8",
            "scale": scale_of(fused),
            "dim": encoder.dim,
            "count": len(photos),
            "expansion_search": 64,
        },
        "views": {"kinds": ["caption", "visual"], "scale": scale_of(views)},
        **_rest_of_manifest(encoder, len(photos), choices),
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(document))
    rehash_1(folder)
    return folder


def rehash_1(folder: Path) -> None:
    """Let the manifest say of every file what it is now."""
    document = json.loads((folder / MANIFEST_FILE).read_bytes())
    document["files"] = {name: asdict(file_info(folder / name)) for name in FILES_1}
    (folder / MANIFEST_FILE).write_text(json.dumps(document))


def _rest_of_manifest(encoder: Encoder, count: int, choices: BundleChoices) -> dict[str, Any]:
    curve = {
        "slope": choices.slope,
        "intercept": choices.intercept,
        "threshold": choices.threshold,
        "knot": 0.0,
        "bend": 0.0,
        "perhaps": choices.perhaps,
    }
    return {
        "encoder": {
            "name": "bag-of-words",
            "identity": encoder.identity,
            "dim": encoder.dim,
            "max_tokens": MAX_TOKENS,
        },
        "calibration": {
            "encoder": encoder.identity,
            "captioner": CAPTIONER,
            "weights": choices.weights,
            "name": curve,
            "phrase": curve,
            "sentence": curve,
        },
        "counts": {"photos": count, "captions": count, "failures": 0},
        "provenance": {
            "created": "2025-01-02T03:04:05Z",
            "thinlens": "0.0.0",
            "captioner": CAPTIONER,
            "instructions": [INSTRUCTION],
            "packages": {"numpy": "2.0.0"},
            "forced": [],
        },
        "golden": [],
        "suggestions": choices.suggestions,
    }


def _write_index(path: Path, rows: NDArray[np.int8], kind: Kind) -> None:
    index = usearch.Index(
        ndim=rows.shape[1],
        dtype=usearch.ScalarKind.I8,
        metric_kind=usearch.MetricKind.IP,
        connectivity=2 if kind == "exact" else 16,
        expansion_add=1 if kind == "exact" else 128,
        enable_key_lookups=False,
    )
    numbers = np.arange(len(rows), dtype=np.uint64)
    index.add_many(numbers, np.ascontiguousarray(rows), threads=1, dtype=usearch.ScalarKind.I8)
    index.save_index_to_path(str(path))


def _write_catalogue(path: Path, records: Sequence[PhotoRecord]) -> None:
    encoded = []
    for record in records:
        document = asdict(record) | {"url": url_of(record.id), "thumbnail": thumbnail_of(record.id)}
        del document["content"], document["addresses"]
        encoded.append(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    start = catalogue.HEADER.size + 8 * (len(encoded) + 1)
    offsets = start + np.cumsum([0, *map(len, encoded)])
    header = catalogue.HEADER.pack(catalogue.MAGIC, 1, 0, len(encoded))
    path.write_bytes(header + offsets.astype("<u8").tobytes() + b"".join(encoded))


def _write_columns(path: Path, records: Sequence[PhotoRecord], groups: NDArray[np.uint32]) -> None:
    """As in version 2, but that the groups of near-duplicates stand behind the terms."""
    columns.write_columns(path, records)
    data = path.read_bytes()
    _, _, names_bytes, photos, terms = columns.HEADER.unpack_from(data)
    header = columns.HEADER.pack(columns.MAGIC, 1, names_bytes, photos, terms)
    end = len(data) - names_bytes
    path.write_bytes(header + data[len(header) : end] + groups.astype("<u4").tobytes() + data[end:])
