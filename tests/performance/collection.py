"""Synthetic collections: bundles of any size around the shipped encoder, with random vectors and captions.

How fast a search is doesn't depend on what the vectors mean, so there is no need to caption 100,000 photos first.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np

from export.bundles.index_choice import write_best_index
from export.bundles.photo_vectors import QuantisedVectors
from export.models.model_set import MODELS, Models, shipped_models
from handler.bundle.catalogue import Caption, PhotoRecord, write_catalogue
from handler.bundle.columns import write_columns
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.index.vector_index import quantise, scale_of
from handler.bundle.manifest import (
    BUNDLE_FILES,
    MANIFEST_FILE,
    Counts,
    EncoderInfo,
    FileInfo,
    IndexInfo,
    Manifest,
    Provenance,
    ViewKind,
    ViewsInfo,
)
from handler.bundle.relevance import Calibration
from handler.bundle.views import write_views

SEED = 11
PLACES = [f"place {number}" for number in range(100)]
WORDS = "a dog cat child man woman runs sits plays looks on in near under the beach grass street house snow".split()


def write_collection(folder: Path, *, photos: int) -> Path:
    """Write a bundle of so many photos into `folder`, which is made."""
    folder.mkdir()
    models = shipped_models()
    for name in ENCODER_FILES:
        shutil.copyfile(MODELS / "encoder" / name, folder / name)
    encoder = Encoder.load(folder)
    random = np.random.default_rng(SEED)
    captions: list[ViewKind] = ["caption"] * len(models.captioner.instructions)
    kinds: tuple[ViewKind, ...] = (*captions, "visual")
    views = random.standard_normal((photos, len(kinds), encoder.dim), dtype=np.float32)
    views /= np.linalg.norm(views, axis=2, keepdims=True)
    fused = np.einsum("nvd,v->nd", views, np.array(_calibration(models).weights, dtype=np.float32))
    view_scale, fused_scale = scale_of(views), scale_of(fused)
    write_views(folder / "views.i8", quantise(views, view_scale))
    index = write_best_index(
        folder / "index.usearch",
        QuantisedVectors(rows=quantise(fused, fused_scale), scale=fused_scale),
        encoder.encode([_text(random) for _ in range(50)]),
    )
    records = [_record(number, models, random) for number in range(photos)]
    write_catalogue(folder / "catalogue.bin", records)
    # Every tenth photo is a copy of the one before.
    numbers = np.arange(photos)
    write_columns(folder / "columns.bin", records, (numbers - (numbers % 10 == 9)).astype(np.uint32))
    manifest = _manifest(folder, models, encoder, index, ViewsInfo(kinds=kinds, scale=view_scale))
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    return folder


def _manifest(folder: Path, models: Models, encoder: Encoder, index: IndexInfo, views: ViewsInfo) -> Manifest:
    instructions = models.captioner.instructions
    return Manifest(
        files={name: _file_info(folder / name) for name in BUNDLE_FILES},
        encoder=EncoderInfo(
            name=encoder.configuration.name,
            identity=models.encoder_identity,
            dim=encoder.dim,
            max_tokens=encoder.configuration.max_tokens,
        ),
        index=index,
        views=views,
        calibration=_calibration(models),
        counts=Counts(photos=index.count, captions=index.count * len(instructions), failures=0),
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


def _record(number: int, models: Models, random: np.random.Generator) -> PhotoRecord:
    captions = tuple(
        Caption(instruction=instruction, text=_text(random), edited=False, kind="caption")
        for instruction in models.captioner.instructions
    )
    name = f"{number // 1_000:05}/{number:08}"
    return PhotoRecord(
        id=f"{name}.jpg",
        url=f"photos/{name}.jpg",
        thumbnail=f"thumbnails/{name}.jpg",
        width=4032 if number % 3 else 3024,
        height=3024 if number % 3 else 4032,
        type="jpeg",
        size_bytes=2_500_000,
        taken=f"{2015 + number % 10}-06-15T12:00:00",
        placeholder="808080" * 12,
        captions=captions,
        columns={"rating": float(number % 5), "place": PLACES[number % len(PLACES)]},
    )


def _text(random: np.random.Generator) -> str:
    return " ".join(random.choice(WORDS, size=9))


def _file_info(path: Path) -> FileInfo:
    data = path.read_bytes()
    return FileInfo(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
