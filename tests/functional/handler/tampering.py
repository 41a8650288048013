"""What a careless or hostile writer does to a bundle: its manifest says something else, or hashes what is there now.

And how a bundle is read to the last of its photos, for some damage is found only then.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from export.bundles.segment_writer import file_info
from handler.bundle.blocks.block_hashes import write_block_hashes
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import BUNDLE_FILES, COLLECTION_FILE, MANIFEST_FILE, SEGMENT_FILES, SegmentInfo
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.photos.columns import term
from handler.bundle.words.photo_texts import field_texts
from handler.bundle.words.words import as_terms
from handler.bundle.words.words_file import Lookup


def rewrite_manifest(folder: Path, change: dict[str, object]) -> None:
    """Change fields of a written manifest; the keys are paths such as "segments/0/photos"."""
    path = folder / MANIFEST_FILE
    document = json.loads(path.read_bytes())
    for dotted, value in change.items():
        *parents, last = dotted.split("/")
        entry = document
        for parent in parents:
            entry = entry[int(parent) if isinstance(entry, list) else parent]
        entry[last] = value
    path.write_text(json.dumps(document))


def rehash(folder: Path, store: Path | None = None, *, blocks: bool = True) -> None:
    """Let the manifest and blocks.bin say of every file what it is now, as a careless or hostile writer would.

    Segments lie in `store`, by default in the bundle's own folder. Without `blocks` their blocks.bin stay as they are.
    """
    document = json.loads((folder / MANIFEST_FILE).read_bytes())
    for segment in document["segments"]:
        place = (store or folder) / SegmentInfo(**segment).folder
        if blocks:
            write_block_hashes(place)
        segment["files"] = {name: asdict(file_info(place / name)) for name in SEGMENT_FILES}
        place.rename((store or folder) / SegmentInfo(**segment).folder)
    files = {name: asdict(file_info(folder / name)) for name in BUNDLE_FILES}
    rewrite_manifest(folder, {"files": files, "segments": document["segments"]})


def edit_segments(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change what the manifest says of the segments, whose folders take the names that they have then."""
    document = json.loads((folder / MANIFEST_FILE).read_bytes())
    before = [SegmentInfo(**segment).folder for segment in document["segments"]]
    change(document["segments"])
    for old, segment in zip(before, document["segments"], strict=False):
        (folder / old).rename(folder / SegmentInfo(**segment).folder)
    rewrite_manifest(folder, {"segments": document["segments"]})


def drop_last_segment(folder: Path) -> Path:
    """Make of a bundle the one that it was before its last segment was added, and give it back."""
    document = json.loads((folder / MANIFEST_FILE).read_bytes())
    whole = CollectionFile.read(folder / COLLECTION_FILE)
    last = SegmentInfo(**document["segments"].pop())
    shutil.rmtree(folder / last.folder)
    replace(whole, photos=whole.photos - last.photos).write(folder / COLLECTION_FILE)
    photos = document["counts"]["photos"] - last.photos
    changes = {"segments": document["segments"], "counts/photos": photos, "counts/captions": photos}
    rewrite_manifest(folder, changes)
    rehash(folder)
    return folder


def file_of(folder: Path, name: str, store: Path | None = None) -> Path:
    """Where a file of a bundle lies, "collection.bin", or "2/codes.bin" of its third segment.

    Segments lie in `store`, by default in the bundle's own folder.
    """
    number, slash, file = name.rpartition("/")
    if not slash:
        return folder / name
    segment = json.loads((folder / MANIFEST_FILE).read_bytes())["segments"][int(number)]
    return (store or folder) / SegmentInfo(**segment).folder / file


def read_everything(bundle: Bundle) -> dict[str, object]:
    """All that a question may ask of a bundle's photos, to be compared with what another bundle says.

    Raises:
        BundleError: Something of it isn't what it should be.
        StoreError: Something of it can't be had.
    """
    photos, numbers = bundle.photos, np.arange(len(bundle.photos))
    records = photos.records(numbers.tolist())
    query = np.linspace(-1.0, 1.0, bundle.manifest.encoder.dim, dtype=np.float32)
    masks = [
        photos.taken_between(-1e9, 1e9),
        *(photos.with_term(term("type", kind)) for kind in ("jpeg", "png")),
        *(photos.with_term(term("place", place, own=True)) for place in ("Paris", "Berlin")),
        *(photos.number_between(name, -1e300, 1e300) for name in photos.names.numbers),
        *(photos.below(folder) for folder in ("animals", "sea")),
    ]
    return {
        "records": records,
        "views": photos.views(numbers).tolist(),
        "masks": [mask.tolist() for mask in masks],
        "numbers": [photos.find(records[number].id) for number in photos.present()[::29].tolist()],
        "scores": bundle.index.scores(query[np.newaxis], numbers).tolist(),
        "words": _words(bundle, records),
    }


def _words(bundle: Bundle, records: Sequence[PhotoRecord]) -> object:
    """Where each word of the records stands, of captioners' and of people's."""
    if bundle.words is None:
        return None
    texts = [text for record in records for text in field_texts(record)]
    terms = sorted({term for text in texts for term in as_terms([token.text for token in text.tokens()], text.field)})
    terms = terms[::17] + terms[-1:]  # pages of others lie between them
    found = bundle.words.find([Lookup((term,)) for term in terms])
    return {
        term: [standing.numbers.tolist(), standing.fields.tolist()]
        for term, standing in zip(terms, found, strict=True)
        if standing is not None
    }
