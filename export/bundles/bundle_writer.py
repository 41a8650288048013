"""The bundle writer: understood photos become the files of a bundle, opened and asked before anybody relies on them.

It knows the handler's format and one empty folder; where that folder goes is bundling.py's concern.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from export.bundles.background import calibrate_by_background, lay_over_collection, sample_of
from export.bundles.caption_texts import photo_captions, photo_texts
from export.bundles.duplicates import group_duplicates
from export.bundles.index_choice import write_best_index
from export.bundles.photo_vectors import bundle_vectors, photo_views
from export.bundles.suggestions import suggest
from export.evaluation.probes import PROBES, THINGS
from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models
from export.photos.thumbnails import thumbnail_address
from export.pictures.dates import date_in_name
from handler.bundle.catalogue import PhotoRecord, write_catalogue
from handler.bundle.columns import write_columns
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration
from handler.bundle.manifest import (
    BUNDLE_FILES,
    MANIFEST_FILE,
    Counts,
    EncoderInfo,
    FileInfo,
    Golden,
    Manifest,
    Provenance,
    ViewKind,
    ViewsInfo,
)
from handler.bundle.relevance import Calibration
from handler.bundle.texts import normalise
from handler.bundle.views import write_views
from handler.errors import BundleError
from handler.search.query import MAX_QUERY_LENGTH
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle

PHOTOS_ADDRESS = "photos/"
MAX_GOLDEN_QUERIES = 8
GOLDEN_RESULTS = 5
_PACKAGES = ("numpy", "onnxruntime", "tokenizers", "usearch")


def write_bundle(
    folder: Path, photos: Sequence[UnderstoodPhoto], *, failures: int, library: Library, models: Models
) -> Manifest:
    """Write a bundle into an empty folder, and check it with the code that will serve it.

    Args:
        folder: Exists and is empty.
        photos: At least one, their texts embedded, in the bytewise order of their ids.
        failures: How many photos couldn't be understood.
        library: Holds their vectors.
        models: What the vectors were made with.

    Returns:
        The manifest as it was written.

    Raises:
        OSError: The folder can't be written.
        BundleError: The bundle can't be opened, or doesn't answer the same twice.
    """
    for name in ENCODER_FILES:
        shutil.copyfile(models.encoder / name, folder / name)
    calibration = _calibrate(library, photos, models)
    vectors = bundle_vectors(library, photos, models, weights=np.array(calibration.weights, np.float32))
    first_captions = vectors.views.rows[:, 0].astype(np.float32) * np.float32(vectors.views.scale)
    index = write_best_index(folder / "index.usearch", vectors.fused, first_captions)
    write_views(folder / "views.i8", vectors.views.rows)
    instructions = models.captioner.instructions
    records = [_record(photo, instructions) for photo in photos]
    write_catalogue(folder / "catalogue.bin", records)
    groups = group_duplicates(
        [photo.facts.fingerprint for photo in photos],
        vectors.views.rows[:, -1],
        [photo.facts.width * photo.facts.height for photo in photos],
    )
    write_columns(folder / "columns.bin", records, groups)
    kinds: list[ViewKind] = ["caption"] * len(instructions)
    if models.has_visual_view:
        kinds.append("visual")
    encoder = EncoderConfiguration.read(folder / "encoder.json")
    manifest = Manifest(
        files={name: file_info(folder / name) for name in BUNDLE_FILES},
        encoder=EncoderInfo(
            name=encoder.name, identity=models.encoder_identity, dim=encoder.dim, max_tokens=encoder.max_tokens
        ),
        index=index,
        views=ViewsInfo(kinds=tuple(kinds), scale=vectors.views.scale),
        calibration=calibration,
        counts=Counts(
            photos=len(photos),
            captions=len(photos) * len(instructions),
            failures=failures,
        ),
        provenance=Provenance(
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            thinlens=importlib.metadata.version("thinlens"),
            captioner=models.captioner.identity,
            instructions=instructions,
            packages={name: importlib.metadata.version(name) for name in _PACKAGES},
        ),
        golden=(),
    )
    return _with_answers(folder, manifest, photos, instructions)


def _calibrate(library: Library, photos: Sequence[UnderstoodPhoto], models: Models) -> Calibration:
    """The calibration that came with the models, or where none did one by rule, laid over this collection's scores."""
    sample = [photos[number] for number in sample_of(len(photos))]
    views = photo_views(library, sample, models)
    encoder = Encoder.load(models.encoder)
    if models.calibration:
        return lay_over_collection(models.calibration, views, encoder.encode(THINGS), photos=len(photos))
    return calibrate_by_background(
        views,
        encoder.encode(PROBES),
        photos=len(photos),
        encoder=models.encoder_identity,
        captioner=models.captioner.identity,
    )


def _with_answers(
    folder: Path, manifest: Manifest, photos: Sequence[UnderstoodPhoto], instructions: Sequence[str]
) -> Manifest:
    """Write the manifest, ask queries, write it again with what was found, and ask again."""
    queries = _golden_queries(photos, instructions)
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    searcher = Searcher(open_bundle(folder))
    manifest = replace(
        manifest,
        golden=_ask(searcher, queries),
        suggestions=suggest(
            (photo_texts(photo, instructions)[0] for photo in photos),
            lambda query: not searcher.search(query, k=1)["no_relevant_results"],
            photos=len(photos),
        ),
    )
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    for expected, found in zip(manifest.golden, _ask(Searcher(open_bundle(folder)), queries), strict=True):
        if found != expected:
            raise BundleError(f"golden query {expected.query!r} found {found.ids} (expected {expected.ids})")
    return manifest


def _ask(searcher: Searcher, queries: Sequence[str]) -> tuple[Golden, ...]:
    return tuple(
        Golden(
            query=query,
            ids=tuple(
                result["id"] for result in searcher.search(query, k=GOLDEN_RESULTS, min_relevance=0.0)["results"]
            ),
        )
        for query in queries
    )


def _golden_queries(photos: Sequence[UnderstoodPhoto], instructions: Sequence[str]) -> list[str]:
    """The first captions of a few photos, evenly spread."""
    chosen = np.linspace(0, len(photos) - 1, num=min(MAX_GOLDEN_QUERIES, len(photos)), dtype=int)
    texts = [photo_texts(photos[number], instructions)[0][:MAX_QUERY_LENGTH] for number in chosen]
    return [text for text in dict.fromkeys(texts) if normalise(text)]


def _record(photo: UnderstoodPhoto, instructions: Sequence[str]) -> PhotoRecord:
    named = None if photo.facts.taken else date_in_name(photo.id)
    return PhotoRecord(
        id=photo.id,
        url=photo_address(photo.id),
        thumbnail=thumbnail_address(photo.content),
        width=photo.facts.width,
        height=photo.facts.height,
        type=photo.facts.type,
        size_bytes=photo.size_bytes,
        taken=photo.facts.taken or named,
        taken_source="name" if named else photo.facts.noted,
        placeholder=photo.facts.placeholder,
        captions=photo_captions(photo, instructions),
        columns=photo.columns,
    )


def photo_address(photo_id: str) -> str:
    """The address of a photo, relative to the gallery's.

    Example: "dogs/rex 1.jpg" -> "photos/dogs/rex%201.jpg"; "/far/rex.jpg" -> "photos/%2Ffar/rex.jpg", as joining
    addresses takes two slashes for one
    """
    quoted = quote(photo_id)
    return PHOTOS_ADDRESS + (f"%2F{quoted[1:]}" if quoted.startswith("/") else quoted)


def file_info(path: Path) -> FileInfo:
    """The size and hash of a file, as a manifest names them. Raises OSError."""
    with path.open("rb") as file:
        return FileInfo(size_bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
