"""The bundle writer: what the library knows becomes the files of a bundle, opened and asked before it is relied on.

It knows the handler's format and one empty folder; where that folder goes is bundling.py's concern.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundles.background import calibrate_by_background, lay_over_collection
from export.bundles.bundle_before import BundleBefore
from export.bundles.caption_texts import photo_texts, spoken_captions
from export.bundles.column_names import column_names
from export.bundles.grouping import near_duplicates
from export.bundles.photo_vectors import photo_views
from export.bundles.segment_set import SegmentSet, SegmentSetWriter
from export.bundles.segment_writer import file_info
from export.bundles.suggestions import suggest
from export.bundles.told_by_captions import closest, curve_by_captions, curve_by_certainty
from export.evaluation.probes import PROBES, THINGS
from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models
from export.progress import Progress
from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration
from handler.bundle.manifest import (
    BUNDLE_FILES,
    COLLECTION_FILE,
    MANIFEST_FILE,
    SEGMENTS_FOLDER,
    Counts,
    EncoderInfo,
    Golden,
    Manifest,
    Provenance,
    ViewKind,
)
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.relevance import Calibration, Curve
from handler.bundle.texts import normalise
from handler.errors import BundleError
from handler.search.query import MAX_QUERY_LENGTH, Query
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle

SAMPLE = 2_000
"""So many photos stand for all where something is measured of a collection."""
MAX_GOLDEN_QUERIES = 8
GOLDEN_RESULTS = 5
_PACKAGES = ("numpy", "onnxruntime", "tokenizers", "usearch")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleParts:
    """A bundle that was written: its manifest, and where its photos stand."""

    manifest: Manifest
    segments: SegmentSet


def write_bundle(
    folder: Path, before: BundleBefore | None, *, library: Library, models: Models, progress: Progress
) -> BundleParts:
    """Write a bundle of the library's photos into an empty folder, and check it with the code that will serve it.

    Args:
        folder: Exists and is empty.
        before: The bundle whose segments the library's placements name; None where it has none.
        library: Holds what is known of the photos, at least one of which is understood, and which were touched since.
        models: What that was made with.
        progress: Where the embedding of texts is shown.

    Returns:
        The manifest as it was written, and the segments.

    Raises:
        OSError: The folder can't be written.
        BundleError: The bundle can't be opened, or doesn't answer the same twice.
    """
    instructions = models.captioner.instructions
    for name in ENCODER_FILES:
        shutil.copyfile(models.asked / name, folder / name)
    segments = SegmentSetWriter(folder, library, models, progress).write(before)
    members, leaders = near_duplicates(library, segments, models)
    CollectionFile(
        photos=sum(segment.photos for segment in segments.segments),
        gone=segments.gone_numbers(),
        members=members,
        leaders=leaders,
    ).write(folder / COLLECTION_FILE)
    sample = library.understandings.sample(SAMPLE, models.understander)
    kinds: list[ViewKind] = ["caption"] * len(instructions)
    if models.image_encoder is not None:
        kinds.append("visual")
    encoder = EncoderConfiguration.read(folder / "encoder.json")
    manifest = Manifest(
        files={name: file_info(folder / name) for name in BUNDLE_FILES},
        encoder=EncoderInfo(
            name=encoder.name,
            identity=models.asked_identity,
            space=models.encoder_identity,
            dim=encoder.dim,
            max_tokens=encoder.max_tokens,
        ),
        index=models.index_kind,
        views=tuple(kinds),
        columns=column_names(folder, segments),
        segments=tuple(segments.segments),
        originals="id",
        calibration=_calibrate(library, sample, segments.photos, models),
        counts=Counts(
            photos=segments.photos,
            captions=segments.photos * len(instructions),
            failures=library.failures.count(),
        ),
        provenance=Provenance(
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            thinlens=importlib.metadata.version("thinlens"),
            captioner=models.captioner.identity,
            instructions=instructions,
            packages={name: importlib.metadata.version(name) for name in _PACKAGES},
            image_encoder=models.image_encoder_apart,
        ),
        golden=(),
    )
    return BundleParts(manifest=_with_answers(folder, manifest, sample, before), segments=segments)


def _calibrate(library: Library, sample: Sequence[UnderstoodPhoto], count: int, models: Models) -> Calibration:
    """The calibration that came with the models, or where none did one by rule, laid over this collection's scores."""
    views = photo_views(library, sample, models)
    encoder = models.asked_encoder
    if models.calibration:
        return lay_over_collection(models.calibration, views, encoder.encode_queries(THINGS), photos=count)
    if models.image_encoder is not None and models.image_encoder.texts_apart:
        seen = views[:, -1]
        everyday = closest(seen, encoder.encode_queries((*THINGS, *PROBES)), photos=count)
        curve = _curve_of_towers(library, sample, seen, everyday, models)
        if curve is not None:
            return Calibration.of_one_curve(
                curve, encoder=models.encoder_identity, captioner=models.captioner.identity, weights=models.weights
            )
    return calibrate_by_background(
        views,
        encoder.encode_queries(PROBES),
        weights=models.weights,
        photos=count,
        encoder=models.encoder_identity,
        captioner=models.captioner.identity,
    )


def _curve_of_towers(
    library: Library,
    sample: Sequence[UnderstoodPhoto],
    seen: NDArray[np.float32],
    everyday: NDArray[np.float32],
    models: Models,
) -> Curve | None:
    """The curve of a dual encoder: as the captions tell it, or as it says itself; None where neither does.

    Args:
        library: Has the captions' vectors.
        sample: Some photos.
        seen: float32 [photos, dim], where the image tower saw them.
        everyday: How close the closest photo comes to everyday texts.
        models: Among them the image tower, whose view alone counts.
    """
    captions = spoken_captions(library, sample, models)
    if (curve := curve_by_captions(captions.vectors, seen[captions.rows], everyday)) is not None:
        return curve
    certainty = None if models.image_encoder is None else models.image_encoder.certainty
    return None if certainty is None else curve_by_certainty(certainty, everyday)


def _with_answers(
    folder: Path, manifest: Manifest, sample: Sequence[UnderstoodPhoto], before: BundleBefore | None
) -> Manifest:
    """Write the manifest, ask queries, write it again with what was found, and ask again."""
    instructions = manifest.provenance.instructions
    there = before.manifest.all_files if before else {}
    linked = {name: info for name, info in there.items() if name.startswith(SEGMENTS_FOLDER)}
    queries = _golden_queries(sample, instructions)
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    searcher = Searcher(open_bundle(folder, verified=linked))
    manifest = replace(
        manifest,
        golden=_ask(searcher, queries),
        suggestions=suggest(
            (photo_texts(photo, instructions)[0] for photo in sample),
            lambda text: not searcher.search(Query(texts=(text,), mode="meaning"), k=1)["no_relevant_results"],
            photos=len(sample),
        ),
    )
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())
    again = Searcher(open_bundle(folder, verified=manifest.all_files))
    for expected, found in zip(manifest.golden, _ask(again, queries), strict=True):
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


def _golden_queries(sample: Sequence[UnderstoodPhoto], instructions: Sequence[str]) -> list[str]:
    """The first captions of a few photos, evenly spread."""
    chosen = np.linspace(0, len(sample) - 1, num=min(MAX_GOLDEN_QUERIES, len(sample)), dtype=int)
    texts = [photo_texts(sample[number], instructions)[0][:MAX_QUERY_LENGTH] for number in chosen]
    return [text for text in dict.fromkeys(texts) if normalise(text)]
