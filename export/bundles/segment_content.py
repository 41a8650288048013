"""The content of segments: what is known of some photos, made from the library or read from segments that are written.

A photo's record and vectors depend on nothing but the photo and the models, so that they are the same in whatever
segment they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from export.bundles.caption_texts import photo_captions
from export.bundles.photo_vectors import fuse, photo_views
from export.library.library import Library
from export.library.records import UnderstoodPhoto
from export.models.model_set import Models
from export.pictures.dates import date_in_name
from handler.bundle.blocks.blocked_file import read_together
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.index.index_kinds import read_index
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import Manifest, SegmentInfo
from handler.bundle.photos.catalogue import PhotoRecord, beginning
from handler.bundle.photos.segments import open_segment

_PHOTOS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentContent:
    """What a segment holds of its photos.

    Attributes:
        records: At least one, in the bytewise order of their ids.
        fused: [photos, dim], what they are found by.
        views: [photos, views, dim].
    """

    records: Sequence[PhotoRecord]
    fused: QuantisedVectors
    views: QuantisedVectors

    @classmethod
    def of_photos(cls, library: Library, photos: Sequence[UnderstoodPhoto], models: Models) -> Self:
        """What the library knows of photos whose texts are embedded.

        Args:
            library: Holds the vectors of their views.
            photos: At least one, in the bytewise order of their ids.
            models: What the vectors were made with.
        """
        weights = np.array(models.weights, np.float32)
        apart = models.image_encoder is not None and models.image_encoder.texts_apart
        rounded = QuantisedVectors.in_16_bits if models.index_kind == "coded-16" else QuantisedVectors.of
        parts = []
        for start in range(0, len(photos), _PHOTOS_AT_ONCE):  # floats of all at once would be four times the memory
            part = photos[start : start + _PHOTOS_AT_ONCE]
            views = photo_views(library, part, models)
            fused = fuse(views, weights, edited=np.array([photo.edit is not None and not apart for photo in part]))
            records = [_record(photo, models.captioner.instructions) for photo in part]
            parts.append(cls(records=records, fused=rounded(fused), views=QuantisedVectors.of(views)))
        return cls._concatenated(parts)

    @classmethod
    def read(cls, folder: Path, segment: SegmentInfo, manifest: Manifest, *, without: NDArray[np.int64]) -> Self | None:
        """What the segment in a folder holds, but for the photos of some rows, which are gone; None if all are.

        Args:
            folder: The segment's.
            segment: What it is.
            manifest: That of its bundle.
            without: The rows, int64 [n].

        Raises:
            BundleError: It isn't what was written.
        """
        rows = np.delete(np.arange(segment.photos), without)
        if not len(rows):
            return None
        files = SegmentFiles.open(folder, segment)
        vectors = read_index(manifest.index, files, dim=manifest.encoder.dim)
        parts = open_segment(files, manifest)
        (records,) = read_together([parts.catalogue.records(rows.tolist())])
        (views,) = read_together([parts.views.quantised(rows)])
        return cls(
            records=records,
            fused=QuantisedVectors(rows=vectors.rows[rows], scales=vectors.scales[rows]),
            views=views,
        )

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """What all parts hold, in the order of the ids; there is one part at least, and no photo is in two."""
        if len(parts) == 1:
            return parts[0]
        everything = cls._concatenated(parts)
        order = sorted(range(len(everything.records)), key=lambda row: everything.records[row].id)
        return everything.rows(np.array(order))

    def rows(self, chosen: NDArray[np.int64] | slice) -> Self:
        """Some of the photos, by their rows."""
        numbers = np.arange(len(self.records))[chosen].tolist()
        return type(self)(
            records=[self.records[number] for number in numbers],
            fused=QuantisedVectors(rows=self.fused.rows[chosen], scales=self.fused.scales[chosen]),
            views=QuantisedVectors(rows=self.views.rows[chosen], scales=self.views.scales[chosen]),
        )

    @classmethod
    def _concatenated(cls, parts: Sequence[Self]) -> Self:
        return cls(
            records=[record for part in parts for record in part.records],
            fused=_joined([part.fused for part in parts]),
            views=_joined([part.views for part in parts]),
        )


def _joined(vectors: Sequence[QuantisedVectors]) -> QuantisedVectors:
    return QuantisedVectors(
        rows=np.concatenate([part.rows for part in vectors]), scales=np.concatenate([part.scales for part in vectors])
    )


def _record(photo: UnderstoodPhoto, instructions: Sequence[str]) -> PhotoRecord:
    named = None if photo.facts.taken else date_in_name(photo.id)
    return PhotoRecord(
        id=photo.id,
        content=photo.content,
        width=photo.facts.width,
        height=photo.facts.height,
        type=photo.facts.type,
        size_bytes=photo.size_bytes,
        taken=photo.facts.taken or named,
        taken_source="name" if named else photo.facts.noted,
        placeholder=photo.facts.placeholder,
        captions=photo_captions(photo, instructions),
        columns=photo.columns,
        text=beginning(photo.text),
    )
