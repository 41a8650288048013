"""The segments of a new bundle: those of the one before that stay, and new ones for what has changed.

A segment is never changed. A photo that is removed is gone from where it stood; one of which something has changed is
gone too, and stands in a new segment. So a run writes what it adds, and now and then some smaller segments together.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundles.bundle_before import BundleBefore
from export.bundles.caption_texts import embed_captions, photo_captions
from export.bundles.segment_content import SegmentContent
from export.bundles.segment_plan import MAX_PHOTOS, SegmentSize, choose_merged
from export.bundles.segment_writer import write_segment
from export.library.library import Library
from export.models.model_set import Models
from export.progress import Progress
from handler.bundle.manifest import SEGMENTS_FOLDER, SegmentInfo

Rows = NDArray[np.int64]


@dataclass(slots=True, kw_only=True)
class SegmentSet:
    """The segments of a bundle.

    Attributes:
        segments: In the order in which they are numbered.
        gone: The rows of those photos of each that are gone, rising, by segment.
        placed: The ids of the photos in segments that are new, in the order of their rows, by segment.
        dropped: Segments of the bundle before that aren't among them.
        forgotten: The ids of photos that stood in the bundle before and stand in this one no more.
    """

    segments: list[SegmentInfo] = field(default_factory=list)
    gone: dict[str, Rows] = field(default_factory=dict)
    placed: dict[str, list[str]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    @property
    def photos(self) -> int:
        """How many photos are there."""
        return sum(segment.photos - len(self.gone[segment.id]) for segment in self.segments)

    @property
    def starts(self) -> dict[str, int]:
        """The number of the first photo of each segment."""
        counts = np.cumsum([0, *(segment.photos for segment in self.segments)]).tolist()
        return dict(zip((segment.id for segment in self.segments), counts, strict=False))

    def gone_numbers(self) -> Rows:
        """The numbers of the photos that are gone, rising."""
        starts = self.starts
        return np.concatenate(
            [np.empty(0, np.int64), *(self.gone[segment.id] + starts[segment.id] for segment in self.segments)]
        )


class SegmentSetWriter:
    """Writes the segments of a bundle into its folder."""

    def __init__(self, folder: Path, library: Library, models: Models, progress: Progress) -> None:
        """`folder` is the bundle's, in which there are no segments yet."""
        self._segments = folder / SEGMENTS_FOLDER
        self._segments.mkdir()
        self._library = library
        self._models = models
        self._progress = progress
        self._set = SegmentSet()

    def write(self, before: BundleBefore | None) -> SegmentSet:
        """Take over what stays of the bundle before, and write what was touched since.

        Raises:
            OSError: The folder can't be written.
        """
        gone = before.gone() if before else {}
        rest = self._write_fresh(gone)
        if before is not None:
            rest = self._take_over(before, gone, rest)
        if rest:
            whole = SegmentContent.merged(rest)
            for start in range(0, len(whole.records), MAX_PHOTOS):
                self._write(whole.rows(slice(start, start + MAX_PHOTOS)))
        return self._set

    def _write_fresh(self, gone: dict[str, Rows]) -> list[SegmentContent]:
        """Write full segments of the photos that were touched; returns what doesn't fill one, and notes who is gone."""
        instructions = self._models.captioner.instructions
        rest: list[SegmentContent] = []
        for ids in self._library.placements.touched_pages(MAX_PHOTOS):
            photos = self._library.understandings.photos(ids, self._models.understander)
            self._leave(ids, {photo.id for photo in photos}, gone)
            if not photos:
                continue
            said = [caption for photo in photos for caption in photo_captions(photo, instructions)]
            embed_captions(self._library, said, self._models, self._progress)
            rest.append(SegmentContent.of_photos(self._library, photos, self._models))
            if sum(len(part.records) for part in rest) >= MAX_PHOTOS:
                whole = SegmentContent.merged(rest)
                self._write(whole.rows(slice(0, MAX_PHOTOS)))
                rest = [whole.rows(slice(MAX_PHOTOS, None))] if len(whole.records) > MAX_PHOTOS else []
        return rest

    def _leave(self, ids: Sequence[str], understood: set[str], gone: dict[str, Rows]) -> None:
        """Note that photos are gone from where they stood."""
        rows: dict[str, list[int]] = {}
        for photo_id, place in self._library.placements.of(ids).items():
            rows.setdefault(place.segment, []).append(place.row)
            if photo_id not in understood:
                self._set.forgotten.append(photo_id)
        for segment, found in rows.items():
            gone[segment] = np.union1d(gone[segment], np.array(found, np.int64))

    def _take_over(
        self, before: BundleBefore, gone: dict[str, Rows], rest: list[SegmentContent]
    ) -> list[SegmentContent]:
        """Link the segments that stay; returns what is to be written, with the photos of those that don't."""
        segments = before.manifest.segments
        sizes = [SegmentSize(photos=segment.photos, gone=len(gone[segment.id])) for segment in segments]
        merged = set(choose_merged(sizes, sum(len(part.records) for part in rest)))
        fresh, self._set.segments = self._set.segments, []
        for number, segment in enumerate(segments):
            if number not in merged:
                _link_folder(before.folder / segment.folder, self._segments / segment.id, segment.files)
                self._set.segments.append(segment)
                self._set.gone[segment.id] = gone[segment.id]
                continue
            self._set.dropped.append(segment.id)
            content = SegmentContent.read(
                before.folder / segment.folder, segment, before.manifest, without=gone[segment.id]
            )
            if content is not None:
                rest.append(content)
        self._set.segments += fresh
        return rest

    def _write(self, content: SegmentContent) -> None:
        info = write_segment(
            self._segments,
            content,
            encoder=self._models.encoder_identity,
            captioner=self._models.captioner.identity,
        )
        self._set.segments.append(info)
        self._set.gone[info.id] = np.empty(0, np.int64)
        self._set.placed[info.id] = [record.id for record in content.records]


def _link_folder(source: Path, target: Path, names: Iterable[str]) -> None:
    target.mkdir()
    for name in names:
        link_or_copy(source / name, target / name)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that never changes another name, or where the disk has no hard links a copy. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
