"""The plan of segments: few segments, and every photo written a few times, however photos come and go."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.bundles import segment_plan
from export.bundles.segment_plan import MAX_PHOTOS, MOST_GONE, RATIO, SegmentSize, choose_merged

SMALL_MAX = 64
"""What MAX_PHOTOS is where few photos must fill segments."""
STEPS = st.lists(st.tuples(st.integers(0, 3 * SMALL_MAX), st.integers(0, 2 * SMALL_MAX)), max_size=40)
"""Runs, in each of which so many photos come and so many go."""


def sizes(*pairs: tuple[int, int]) -> list[SegmentSize]:
    return [SegmentSize(photos=photos, gone=gone) for photos, gone in pairs]


@pytest.mark.parametrize(
    ("segments", "coming", "merged"),
    [
        ([], 5, []),
        ([(100, 0)], 0, []),  # nothing comes, nothing is written
        ([(100, 0)], 10, []),  # far larger than what comes
        ([(40, 0)], 10, [0]),  # four times as large, and no larger
        ([(41, 0)], 10, []),
        ([(50, 10)], 10, [0]),  # those that are gone don't count
        ([(240, 0), (40, 0), (10, 0)], 10, [0, 1, 2]),  # what is merged counts for the next: 10, 20, 60, 300
        ([(241, 0), (40, 0), (10, 0)], 10, [1, 2]),
        ([(10, 0), (81, 0), (1_000, 0)], 10, [0]),
        ([(10, 3)], 0, []),  # three of ten are not more than three tenths
        ([(10, 4)], 0, [0]),
        ([(10, 10)], 0, [0]),
        ([(10, 4), (24, 0), (121, 0)], 0, [0, 1]),  # what is written without the gone draws others with it: 6, 30
        ([(MAX_PHOTOS, 0)], MAX_PHOTOS - 1, []),  # full ones stay
        ([(MAX_PHOTOS, 0), (MAX_PHOTOS - 1, 0)], 20_000, [1]),
        ([(MAX_PHOTOS, 20_000)], 1, [0]),  # but for those of which many are gone
    ],
)
def test_what_is_merged(segments: list[tuple[int, int]], coming: int, merged: list[int]) -> None:
    assert choose_merged(sizes(*segments), coming) == merged


@dataclass(slots=True)
class Collection:
    """Segments as runs leave them: [photos, gone] of each, how many photos came and how many were written."""

    max_photos: int
    segments: list[list[int]] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    written: int = 0

    @property
    def live(self) -> int:
        return sum(photos - gone for photos, gone in self.segments)

    def run(self, coming: int, removed: Sequence[int] = ()) -> None:
        """So many photos come, and one goes from each place in the order of the numbers."""
        self.removed += len(removed)
        for place in removed:
            for segment in self.segments:
                if place < segment[0] - segment[1]:
                    segment[1] += 1
                    break
                place -= segment[0] - segment[1]
        full, coming_rest = divmod(coming, self.max_photos)
        merged = set(choose_merged(sizes(*((photos, gone) for photos, gone in self.segments)), coming_rest))
        for place, (photos, gone) in enumerate(self.segments):
            assert place in merged or gone <= MOST_GONE * photos
            assert place not in merged or photos < self.max_photos or gone > MOST_GONE * photos
        total = coming_rest + sum(
            photos - gone for place, (photos, gone) in enumerate(self.segments) if place in merged
        )
        self.segments = [segment for place, segment in enumerate(self.segments) if place not in merged]
        parts = [self.max_photos] * (full + total // self.max_photos)
        parts += [total % self.max_photos] if total % self.max_photos else []
        self.segments += [[part, 0] for part in parts]
        self.written += sum(parts)
        self.added += coming

    def most_segments(self) -> float:
        """How many segments there may be: those that are full or nearly so, and a few that grow geometrically."""
        large = self.live / ((1 - MOST_GONE) * self.max_photos)
        return large + 2 + math.log(self.max_photos, RATIO * (1 - MOST_GONE))


@pytest.mark.parametrize(
    ("a_day", "segments", "times"),
    [(1, 5, 10), (10, 5, 10), (100, 5, 10), (1_000, 13, 7)],  # measured: 9.5 times, and 6.6 where segments get full
)
def test_two_years_of_photos(a_day: int, segments: int, times: int) -> None:
    collection = Collection(MAX_PHOTOS)
    for _ in range(730):
        collection.run(a_day)
        not_full = [photos for photos, _ in collection.segments if photos < MAX_PHOTOS]
        assert len(not_full) <= 1 + math.log(max(1, sum(not_full)), RATIO)
        assert len(collection.segments) <= segments
    assert collection.live == 730 * a_day
    assert collection.written <= times * collection.added


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(0, 1 << 30))
def test_whatever_comes_and_goes(steps: list[tuple[int, int]], seed: int) -> None:
    """Segments stay few, none is too large, and each photo that comes or goes costs a few that are written."""
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_plan, "MAX_PHOTOS", SMALL_MAX)
        collection = Collection(SMALL_MAX)
        for coming, going in steps:
            there = collection.live
            collection.run(coming, [chance.randrange(there - gone) for gone in range(min(going, there))])
            assert collection.live == collection.added - collection.removed
            assert max((photos for photos, _ in collection.segments), default=0) <= SMALL_MAX
            assert len(collection.segments) <= collection.most_segments()
            assert collection.written <= 8 * (collection.added + collection.removed)


@given(st.lists(st.tuples(st.integers(1, MAX_PHOTOS), st.integers(0, MAX_PHOTOS)), max_size=12), st.integers(0, 10**6))
def test_what_stays_is_large_or_full(segments: list[tuple[int, int]], coming: int) -> None:
    found = sizes(*((photos, min(photos, gone)) for photos, gone in segments))
    merged = choose_merged(found, coming)
    assert merged == sorted(set(merged))
    total = coming + sum(found[place].live for place in merged)
    full = min((size.live for size in found if size.photos == MAX_PHOTOS), default=MAX_PHOTOS)
    for place in set(range(len(found))) - set(merged):
        size = found[place]
        assert size.gone <= MOST_GONE * size.photos
        assert not total or size.live > RATIO * total or size.live >= full
