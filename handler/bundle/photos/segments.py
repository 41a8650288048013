"""Segments: the photos of a bundle, some in each of several folders, read as one collection.

A photo's number counts through the segments, one after the other; in its segment it is the row of that number less the
photos of the segments before. Knows where a number leads, and the parts of a segment; knows nothing of the disk.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import Reading, read_together, verify
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.index.index_kinds import read_order
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import ColumnNames, Manifest
from handler.bundle.photos.catalogue import Catalogue, PhotoRecord
from handler.bundle.photos.columns import Columns, kind_term
from handler.bundle.photos.views import Views
from handler.errors import PhotoNotFoundError

if TYPE_CHECKING:
    from handler.bundle.photos.heads import FolderRange, Head

Mask = NDArray[np.bool_]
_HEADS_AT_ONCE = 4_096
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is read of one segment's photos beside the index."""

    catalogue: Catalogue
    columns: Columns
    views: Views

    def __len__(self) -> int:
        return len(self.catalogue)


def open_segment(files: SegmentFiles, manifest: Manifest) -> Segment:
    """Open what isn't the index's of a segment; raises BundleError where a file can't be that of so many photos."""
    photos, views, dim = files.photos, manifest.views, manifest.encoder.dim
    order = read_order(manifest.index, files)
    return Segment(
        catalogue=Catalogue(files.blocked["catalogue.bin"], photos=photos, captions=views.count("caption")),
        columns=Columns(files.blocked["columns.bin"], photos=photos),
        views=Views(files.blocked["views.i8"], photos=photos, views=len(views), dim=dim, order=order),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some of several photos, those of one segment: their places among the others, and their rows, int64 [n]."""

    segment: int
    places: NDArray[np.int64]
    rows: NDArray[np.int64]


class Photos:
    """The photos of all segments.

    Attributes:
        groups: uint32 [photos], the number of the photo that stands for each and its near-duplicates.
        gone: int64 [n], the numbers of photos that are gone, rising.
        names: The collection's own columns.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        *,
        gone: NDArray[np.int64],
        groups: NDArray[np.uint32],
        names: ColumnNames,
    ) -> None:
        self.segments = tuple(segments)
        self.gone = gone
        self.groups = groups
        self.names = names
        self._starts = np.cumsum([0, *map(len, segments)])

    def __len__(self) -> int:
        """How many numbers there are, those of photos that are gone included."""
        return int(self._starts[-1])

    def present(self, among: Mask | None = None) -> NDArray[np.int64]:
        """Numbers of the photos that are there, of all or of those that a mask, bool [photos], lets pass, rising."""
        mask = np.ones(len(self), dtype=bool) if among is None else among.copy()
        mask[self.gone] = False
        return np.flatnonzero(mask)

    def record(self, number: int) -> PhotoRecord:
        """What is known of the photo of a number; IndexError beyond the last."""
        return self.records([number])[0]

    def records(self, numbers: Sequence[int]) -> list[PhotoRecord]:
        """What is known of the photos of some numbers; IndexError beyond the last."""
        for number in numbers:
            if not 0 <= number < len(self):
                raise IndexError(f"photo number {number} (expected 0 to {len(self) - 1})")
        return self._read(np.array(numbers, np.int64), Catalogue.records)

    def heads(self, numbers: NDArray[np.int64]) -> list[Head]:
        """The ids and dates of the photos of n numbers, which are read in less time than all that is known."""
        from handler.bundle.photos.heads import heads

        return self._read(numbers, heads)

    def _read(
        self, numbers: NDArray[np.int64], read: Callable[[Catalogue, Sequence[int]], Reading[list[_T]]]
    ) -> list[_T]:
        """What is read of the photos of some numbers in the catalogues, in the order of the numbers."""
        parts = list(self._parts(numbers))
        found = read_together([read(self.segments[part.segment].catalogue, part.rows.tolist()) for part in parts])
        if len(parts) == 1:
            return found[0]
        by_place = {
            int(place): one
            for part, of_part in zip(parts, found, strict=True)
            for place, one in zip(part.places, of_part, strict=True)
        }
        return [by_place[place] for place in range(len(numbers))]

    def find(self, photo_id: str) -> int:
        """The number of the photo with this id, in whatever Unicode form it is given; raises PhotoNotFoundError."""
        for form in (photo_id, unicodedata.normalize("NFC", photo_id)):
            rows = read_together([segment.catalogue.find(form) for segment in self.segments])
            for start, row in zip(self._starts.tolist(), rows, strict=False):
                if row is not None and not self._is_gone(start + row):
                    return int(start + row)
        raise PhotoNotFoundError(f"No photo has the id {photo_id[:200]!r}")

    def views(self, numbers: NDArray[np.int64], which: slice = slice(None)) -> NDArray[np.float32]:
        """The views of n photos, or some of each, float32 [n, views, dim], of unit norm but for int8 rounding."""
        parts = list(self._parts(numbers))
        read = read_together([self.segments[part.segment].views.quantised(part.rows) for part in parts])
        some = [QuantisedVectors(rows=each.rows[:, which], scales=each.scales[:, which]) for each in read]
        if len(parts) == 1:
            return some[0].floats()
        found = np.empty((len(numbers), *some[0].rows.shape[1:]), dtype=np.float32)
        for part, of_part in zip(parts, some, strict=True):
            found[part.places] = of_part.floats()
        return found

    def below(self, folder: str) -> Mask:
        """Which photos lie in a folder or below it, bool [photos]; it is named without a slash at its end."""
        mask = np.zeros(len(self), dtype=bool)
        # Ids are in order, so a folder is a range of rows; "0" is the character that follows "/".
        ends = [f"{folder}/", f"{folder}0"]
        ranks = read_together([segment.catalogue.rank(end) for end in ends for segment in self.segments])
        count = len(self.segments)
        for start, low, high in zip(self._starts.tolist(), ranks[:count], ranks[count:], strict=False):
            mask[start + low : start + high] = True
        return mask

    def folders(self, parent: str) -> list[FolderRange]:
        """The folders directly in a folder, without a slash at its end, or "" for the top; by segment, then name."""
        from handler.bundle.photos.heads import folders

        found = read_together([folders(segment.catalogue, parent) for segment in self.segments])
        return [
            replace(one, low=start + one.low, high=start + one.high)
            for start, of_segment in zip(self._starts.tolist(), found, strict=False)
            for one in of_segment
        ]

    def taken(self) -> NDArray[np.float64]:
        """float64 [photos], the day on which each was taken (days since 1970), or NaN."""
        return np.concatenate([columns.taken for _, columns in self.columns()])

    def taken_between(self, first: float, last: float) -> Mask:
        """Which photos were taken from one day to another (days since 1970), both included: bool [photos]."""
        return _between(self.taken(), first, last)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """float64 [photos], the values of one of the collection's own columns of numbers, or NaN."""
        return np.concatenate(
            [
                columns.numbers(name) if name in columns.names.numbers else np.full(len(columns), np.nan)
                for _, columns in self.columns()
            ]
        )

    def number_between(self, name: str, low: float, high: float) -> Mask:
        """Which photos have such a number, both ends included, in one of the collection's own columns."""
        return _between(self.numbers(name), low, high)

    def columns(self) -> Iterator[tuple[int, Columns]]:
        """The columns of all segments, verified together, each with the number of its first photo."""
        columns = [segment.columns for segment in self.segments]
        verify(each.everything() for each in columns)
        return zip(self._starts.tolist(), columns, strict=False)

    def with_column(self, name: str) -> Mask:
        """Which photos have something in one of the collection's own columns; none in bundles of format 1."""
        return self.with_term(kind_term(name, "number")) | self.with_term(kind_term(name, "text"))

    def with_term(self, term: int) -> Mask:
        """Which photos have a term, bool [photos]."""
        mask = np.zeros(len(self), dtype=bool)
        for start, columns in self.columns():
            mask[columns.photos_with(term) + start] = True
        return mask

    def in_order_of_ids(self, numbers: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """The first `count` of numbers whose scores fall, those of equal scores in the order of their ids.

        As they come, those of equal scores are in the order of their numbers, which is that of the ids in a segment.
        """
        ordered = numbers[:count].copy()
        if len(self.segments) == 1:
            return ordered
        runs = [run for run in _runs(scores) if run[0] < len(ordered)]
        # In each segment they are in order, so that no more of one than are wanted can be among the first.
        parts = [
            part.places[: len(ordered) - low] + low for low, high in runs for part in self._parts(numbers[low:high])
        ]
        places = np.concatenate([np.empty(0, np.int64), *parts])
        ids = dict(zip(numbers[places].tolist(), self._ids(numbers[places]), strict=True))
        for low, high in runs:
            of_run = places[(places >= low) & (places < high)]
            sorted_run = sorted(numbers[of_run].tolist(), key=ids.__getitem__)
            ordered[low:high] = sorted_run[: min(high, len(ordered)) - low]
        return ordered

    def _ids(self, numbers: NDArray[np.int64]) -> list[str]:
        """The ids of the photos of some numbers, of which many are read at once, but not all of any number."""
        parts = [numbers[start : start + _HEADS_AT_ONCE] for start in range(0, len(numbers), _HEADS_AT_ONCE)]
        return [head.id for part in parts for head in self.heads(part)]

    def _parts(self, numbers: NDArray[np.int64]) -> Iterator[_Part]:
        """Numbers by the segments in which they lead."""
        if len(self.segments) == 1 or not len(numbers):
            yield _Part(segment=0, places=np.arange(len(numbers)), rows=numbers)
            return
        of_segment = np.searchsorted(self._starts, numbers, side="right") - 1
        for segment in np.flatnonzero(np.bincount(of_segment)):
            places = np.flatnonzero(of_segment == segment)
            yield _Part(segment=int(segment), places=places, rows=numbers[places] - self._starts[segment])

    def _is_gone(self, number: int) -> bool:
        at = int(np.searchsorted(self.gone, number))
        return at < len(self.gone) and int(self.gone[at]) == number


def _between(values: NDArray[np.float64], low: float, high: float) -> Mask:
    """Both ends belong to it; NaN lies between nothing."""
    return (values >= low) & (values <= high)


def _runs(scores: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """From where to where scores are equal, where there are two or more of them."""
    ends = [0, *(np.flatnonzero(scores[1:] != scores[:-1]) + 1).tolist(), len(scores)]
    for low, high in pairwise(ends):
        if high - low > 1:
            yield low, high
