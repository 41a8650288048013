"""Synthetic collections: bundles of any size around the shipped encoder, with vectors and captions of no meaning.

How fast a search is doesn't depend on what the vectors mean, so there is no need to caption a million photos first.
Photos are made a segment at a time, so that a collection of any size takes no more memory than one segment.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundles.segment_content import SegmentContent
from export.bundles.segment_plan import MAX_PHOTOS
from export.bundles.segment_writer import file_info, write_segment
from export.models.model_set import MODELS, Models, shipped_models
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import (
    BUNDLE_FILES,
    COLLECTION_FILE,
    DEFAULT_KIND,
    MANIFEST_FILE,
    SEGMENTS_FOLDER,
    ColumnNames,
    Counts,
    EncoderInfo,
    Manifest,
    Provenance,
    SegmentInfo,
    ViewKind,
)
from handler.bundle.photos.catalogue import Caption, PhotoRecord
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.relevance import Calibration

SEED = 11
CLUSTERS = 4_000
PLACES = [f"place {number}" for number in range(100)]
_WORDS_OF_A_CAPTION = 9
_VECTORS_AT_ONCE = 4_096

Floats = NDArray[np.float32]


def write_collection(folder: Path, *, photos: int, clustered: bool = False) -> Path:
    """Write a bundle of so many photos into `folder`, which is made.

    Args:
        folder: Where it goes.
        photos: How many.
        clustered: Whether the views of a photo are all one vector that lies around one of CLUSTERS centres, so that
            something can be looked for; else they are random.
    """
    folder.mkdir()
    (folder / SEGMENTS_FOLDER).mkdir()
    models = shipped_models()
    for name in ENCODER_FILES:
        shutil.copyfile(MODELS / "encoder" / name, folder / name)
    segments = [
        write_segment(
            folder / SEGMENTS_FOLDER,
            _content(range(start, min(start + MAX_PHOTOS, photos)), models, clustered=clustered),
            encoder=models.encoder_identity,
            captioner=models.captioner.identity,
        )
        for start in range(0, photos, MAX_PHOTOS)
    ]
    # Every tenth photo is a copy of the one before.
    copies = np.arange(9, photos, 10)
    CollectionFile(photos=photos, gone=copies[:0], members=copies, leaders=copies - 1).write(folder / COLLECTION_FILE)
    (folder / MANIFEST_FILE).write_bytes(_manifest(folder, models, segments).to_bytes())
    return folder


def clustered_vectors(random: np.random.Generator, count: int, dim: int) -> Floats:
    """Float32 [count, dim], unit norm: each a centre, which is the same for all, and as much noise, at random.

    Both spread over the directions of the space as captions of COCO and Flickr30k do in the shipped encoder's: from
    direction to direction less, (1 + i / 32) ** -1.3, and apart from a middle of length 0.28.
    """
    directions = _directions(dim)
    centres = np.random.default_rng(SEED).standard_normal((CLUSTERS, dim), dtype=np.float32) @ directions
    noise = random.standard_normal((count, dim), dtype=np.float32) @ directions
    middle = np.zeros(dim, np.float32)
    middle[0] = 0.28 * np.sqrt(2.0)
    return _unit(centres[random.integers(CLUSTERS, size=count)] + noise + middle)


@cache
def _directions(dim: int) -> Floats:
    """Orthogonal directions, float32 [dim, dim], which are as long as vectors spread along them; 1 in all."""
    lengths = (1.0 + np.arange(dim) / 32.0) ** -1.3
    rotation = np.linalg.qr(np.random.default_rng(SEED).standard_normal((dim, dim)))[0]
    return np.asarray((lengths / np.linalg.norm(lengths))[:, np.newaxis] * rotation, dtype=np.float32)


def _content(numbers: range, models: Models, *, clustered: bool) -> SegmentContent:
    """What a segment holds of the photos of some numbers."""
    random = np.random.default_rng((SEED, numbers.start))
    weights = np.array(_calibration(models).weights, dtype=np.float32)
    fused, views = [], []
    for part in _views(random, len(numbers), models, clustered=clustered):
        fused.append(QuantisedVectors.of(np.einsum("nvd,v->nd", part, weights)))
        views.append(QuantisedVectors.of(part))
    instructions = models.captioner.instructions
    records = [_record(number, instructions, sentences(random, len(instructions))) for number in numbers]
    return SegmentContent(records=records, fused=_joined(fused), views=_joined(views))


def sentences(random: np.random.Generator, count: int) -> list[str]:
    """So many texts of known words, the n-th of which is used 1 / (n + 2.7) as often as the first (Mandelbrot 1953)."""
    words, sums = _vocabulary()
    chosen = np.searchsorted(sums, random.random((count, _WORDS_OF_A_CAPTION)) * sums[-1])
    return [" ".join(words[place] for place in row) for row in chosen.tolist()]


@cache
def _vocabulary() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    words = Encoder.load(MODELS / "encoder").words
    return words, np.cumsum(1.0 / (np.arange(len(words)) + 2.7))


def _views(random: np.random.Generator, count: int, models: Models, *, clustered: bool) -> Iterator[Floats]:
    """The views of so many photos, a few at a time: float32 [n, views, dim], unit norm."""
    dim, views = Encoder.load(models.encoder).dim, len(_kinds(models))
    for start in range(0, count, _VECTORS_AT_ONCE):
        photos = min(_VECTORS_AT_ONCE, count - start)
        if clustered:
            yield np.repeat(clustered_vectors(random, photos, dim)[:, np.newaxis], views, axis=1)
        else:
            yield _unit(random.standard_normal((photos, views, dim), dtype=np.float32))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def _joined(parts: Sequence[QuantisedVectors]) -> QuantisedVectors:
    return QuantisedVectors(
        rows=np.concatenate([part.rows for part in parts]), scales=np.concatenate([part.scales for part in parts])
    )


def _kinds(models: Models) -> tuple[ViewKind, ...]:
    captions: list[ViewKind] = ["caption"] * len(models.captioner.instructions)
    return (*captions, "visual")


def _manifest(folder: Path, models: Models, segments: Sequence[SegmentInfo]) -> Manifest:
    configuration = Encoder.load(folder).configuration
    instructions = models.captioner.instructions
    photos = sum(segment.photos for segment in segments)
    return Manifest(
        files={name: file_info(folder / name) for name in BUNDLE_FILES},
        encoder=EncoderInfo(
            name=configuration.name,
            identity=models.encoder_identity,
            space=models.encoder_identity,
            dim=configuration.dim,
            max_tokens=configuration.max_tokens,
        ),
        index=DEFAULT_KIND,
        views=_kinds(models),
        columns=ColumnNames(numbers=("rating",), texts=("place",)),
        segments=tuple(segments),
        originals="id",
        calibration=_calibration(models),
        counts=Counts(photos=photos, captions=photos * len(instructions), failures=0),
        provenance=Provenance(
            created="2026-01-01T00:00:00Z",
            thinlens="synthetic",
            captioner=models.captioner.identity,
            instructions=instructions,
            packages={},
        ),
        golden=(),
    )


def _calibration(models: Models) -> Calibration:
    """The calibration of the shipped models, which have one."""
    if models.calibration is None:
        raise RuntimeError("the shipped models have no calibration.json")
    return models.calibration


def _record(number: int, instructions: Sequence[str], texts: Sequence[str]) -> PhotoRecord:
    """A photo with such captions."""
    captions = tuple(
        Caption(instruction=instruction, text=text, edited=False, kind="caption")
        for instruction, text in zip(instructions, texts, strict=True)
    )
    name = f"{number // 1_000:05}/{number:08}"
    return PhotoRecord(
        id=f"{name}.jpg",
        content=hashlib.sha256(name.encode()).hexdigest(),
        width=4032 if number % 3 else 3024,
        height=3024 if number % 3 else 4032,
        type="jpeg",
        size_bytes=2_500_000,
        taken=f"{2015 + number % 10}-06-15T12:00:00",
        placeholder="808080" * 12,
        captions=captions,
        columns={"rating": float(number % 5), "place": PLACES[number % len(PLACES)]},
    )
