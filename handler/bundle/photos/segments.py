"""Segments: the photos of a bundle, some in each of several folders, read as one collection.

A photo's number counts through the segments, one after the other; in its segment it is the row of that number less the
photos of the segments before. Knows where a number leads, and the parts of a segment; knows nothing of the disk.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from handler.bundle.photos.catalogue import Catalogue, PhotoRecord
from handler.bundle.photos.columns import ColumnNames, Columns
from handler.bundle.photos.views import Views
from handler.errors import PhotoNotFoundError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is read of one segment's photos beside the index; its files stay mapped."""

    catalogue: Catalogue
    columns: Columns
    views: Views

    def __len__(self) -> int:
        return len(self.catalogue)


class Photos:
    """The photos of all segments.

    Attributes:
        groups: uint32 [photos], the number of the photo that stands for each and its near-duplicates.
        gone: int64 [n], the numbers of photos that are gone, rising.
        names: The collection's own columns; one is of numbers if no photo that is there has a text in it.
    """

    def __init__(self, segments: Sequence[Segment], *, gone: NDArray[np.int64], groups: NDArray[np.uint32]) -> None:
        self.segments = tuple(segments)
        self.gone = gone
        self.groups = groups
        self._starts = np.cumsum([0, *map(len, segments)])
        self.names = self._joined_names()

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
        if not 0 <= number < len(self):
            raise IndexError(f"photo number {number} (expected 0 to {len(self) - 1})")
        segment = int(np.searchsorted(self._starts, number, side="right")) - 1
        return self.segments[segment].catalogue[number - int(self._starts[segment])]

    def find(self, photo_id: str) -> int:
        """The number of the photo with this id, in whatever Unicode form it is given; raises PhotoNotFoundError."""
        for form in (photo_id, unicodedata.normalize("NFC", photo_id)):
            for start, segment in zip(self._starts.tolist(), self.segments, strict=False):
                row = segment.catalogue.find(form)
                if row is not None and not self._is_gone(start + row):
                    return int(start + row)
        raise PhotoNotFoundError(f"No photo has the id {photo_id[:200]!r}")

    def views(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The views of n photos, float32 [n, views, dim], of unit norm but for int8 rounding."""
        if len(self.segments) == 1:
            return self.segments[0].views.of(numbers)
        of_segment = np.searchsorted(self._starts, numbers, side="right") - 1
        found = None
        for segment in np.flatnonzero(np.bincount(of_segment)):
            at = np.flatnonzero(of_segment == segment)
            views = self.segments[segment].views.of(numbers[at] - self._starts[segment])
            if found is None:
                found = np.empty((len(numbers), *views.shape[1:]), dtype=np.float32)
            found[at] = views
        return self.segments[0].views.of(numbers) if found is None else found

    def below(self, folder: str) -> Mask:
        """Which photos lie in a folder or below it, bool [photos]; it is named without a slash at its end."""
        mask = np.zeros(len(self), dtype=bool)
        for start, segment in zip(self._starts.tolist(), self.segments, strict=False):
            # Ids are in order, so a folder is a range of rows; "0" is the character that follows "/".
            low, high = segment.catalogue.rank(f"{folder}/"), segment.catalogue.rank(f"{folder}0")
            mask[start + low : start + high] = True
        return mask

    def taken_between(self, first: float, last: float) -> Mask:
        """Which photos were taken from one day to another (days since 1970), both included: bool [photos]."""
        return np.concatenate([_between(segment.columns.taken, first, last) for segment in self.segments])

    def number_between(self, name: str, low: float, high: float) -> Mask:
        """Which photos have such a number, both ends included, in one of the collection's own columns."""
        return np.concatenate(
            [
                _between(segment.columns.numbers(name), low, high)
                if name in segment.columns.names.numbers
                else np.zeros(len(segment), dtype=bool)
                for segment in self.segments
            ]
        )

    def with_term(self, term: int) -> Mask:
        """Which photos have a term, bool [photos]."""
        mask = np.zeros(len(self), dtype=bool)
        for start, segment in zip(self._starts, self.segments, strict=False):
            mask[segment.columns.photos_with(term) + start] = True
        return mask

    def in_order_of_ids(self, numbers: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """The first `count` of numbers whose scores fall, those of equal scores in the order of their ids.

        As they come, those of equal scores are in the order of their numbers, which is that of the ids in a segment.
        """
        ordered = numbers[:count].copy()
        for low, high in _runs(scores):
            if low < len(ordered) and len(self.segments) > 1:
                of_segment = np.searchsorted(self._starts, numbers[low:high], side="right")
                parts = [
                    numbers[low:high][of_segment == segment].tolist()
                    for segment in np.flatnonzero(np.bincount(of_segment))
                ]
                merged = heapq.merge(*parts, key=lambda number: self.record(number).id)
                ordered[low:high] = list(islice(merged, min(high, len(ordered)) - low))
        return ordered

    def _joined_names(self) -> ColumnNames:
        ends = np.searchsorted(self.gone, self._starts)
        names = [
            segment.columns.names_without(self.gone[low:high] - start)
            for segment, start, low, high in zip(self.segments, self._starts, ends, ends[1:], strict=False)
        ]
        texts = {name for each in names for name in each.texts}
        numbers = {name for each in names for name in each.numbers} - texts
        return ColumnNames(numbers=tuple(sorted(numbers)), texts=tuple(sorted(texts)))

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
