"""The plan of segments: which of them are merged when photos come and go.

It knows sizes, nothing of files. Small segments are merged with what comes, large ones stay as they are, so that a
photo is written anew only a few times however many come after it: the logarithmic method (Bentley and Saxe 1980,
"Decomposable searching problems I"), as in log-structured merge-trees (O'Neil et al. 1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_PHOTOS = 65_536
"""A segment holds so many photos at most: what is written, and held in memory, at a time."""
RATIO = 4
"""A segment is merged with what comes if it holds at most so many times as many photos."""
MOST_GONE = 0.3
"""A segment of which more photos are gone is written anew without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSize:
    """How many photos a segment holds, and how many of them are gone."""

    photos: int
    gone: int

    @property
    def live(self) -> int:
        """How many are there."""
        return self.photos - self.gone


def choose_merged(sizes: Sequence[SegmentSize], coming: int) -> list[int]:
    """The places of the segments whose photos are written anew, together with those that come, in rising order.

    Args:
        sizes: Of the segments that are there.
        coming: How many photos come.
    """
    merged = {place for place, size in enumerate(sizes) if size.gone > MOST_GONE * size.photos}
    total = coming + sum(sizes[place].live for place in merged)
    others = [place for place in range(len(sizes)) if place not in merged]
    for place in sorted(others, key=lambda place: sizes[place].live):
        if not total or sizes[place].live > RATIO * total or sizes[place].photos >= MAX_PHOTOS:
            break
        merged.add(place)
        total += sizes[place].live
    return sorted(merged)
