"""The chronology: photos by when they were taken, a page at a time.

The day of each photo is known to the columns, the time of day to its record alone. So all photos are put in the order
of their days, once, and those of the days of a page in that of their times.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from handler.bundle.photos.columns import FIRST_DAY, LAST_DAY
from handler.bundle.photos.segments import Mask, Photos

_KEPT_FROM = 1_024
"""Of a day of so many photos the order is kept."""

Numbers = NDArray[np.int64]


class Chronology:
    """The photos of one bundle in order: by date, those of one date by id, and those without a date last."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._kept: dict[tuple[int, bool], Numbers] = {}

    def page(self, chosen: Mask, *, newest: bool, offset: int, count: int) -> Numbers:
        """Some of the photos that are chosen, bool [photos], in order: their numbers, int64 [n].

        Args:
            chosen: Which photos are in the order; none of them is gone.
            newest: Whether the newest come first, or the oldest.
            offset: How many come before.
            count: How many are wanted at most.
        """
        numbers = self._by_day[chosen[self._by_day]]
        days = self._days[numbers]
        dated = int(np.searchsorted(days, LAST_DAY, side="right"))
        if newest:
            numbers, days = (np.concatenate([part[:dated][::-1], part[dated:]]) for part in (numbers, days))
        starts = np.flatnonzero(np.append(True, days[1:] != days[:-1])) if len(days) else np.empty(0, np.int64)
        ends = np.append(starts[1:], len(days))
        on_page = (ends > offset) & (starts < offset + count)
        if not on_page.any():
            return numbers[:0]
        runs = [
            self._ordered(np.sort(numbers[low:high]), int(days[low]), newest=newest)
            for low, high in zip(starts[on_page].tolist(), ends[on_page].tolist(), strict=True)
        ]
        begun = offset - int(starts[on_page][0])
        return np.concatenate(runs)[begun : begun + count]

    def _ordered(self, numbers: Numbers, day: int, *, newest: bool) -> Numbers:
        """Photos of one day, or without one, in order; their numbers rise."""
        if day > LAST_DAY and len(self._photos.segments) == 1:
            return numbers
        if len(numbers) < _KEPT_FROM:
            return self._in_order(numbers, dated=day <= LAST_DAY, newest=newest)
        key = (day, newest)
        if key not in self._kept:
            of_day = np.sort(self._by_day[self._days[self._by_day] == day])
            self._kept[key] = self._in_order(of_day, dated=day <= LAST_DAY, newest=newest)
        wanted = np.zeros(len(self._photos), dtype=bool)
        wanted[numbers] = True
        return self._kept[key][wanted[self._kept[key]]]

    def _in_order(self, numbers: Numbers, *, dated: bool, newest: bool) -> Numbers:
        heads = self._photos.heads(numbers)
        order = sorted(range(len(heads)), key=lambda place: heads[place].id)
        if dated:
            order.sort(key=lambda place: heads[place].taken or "", reverse=newest)
        return numbers[order]

    @cached_property
    def _days(self) -> NDArray[np.int32]:
        """int32 [photos], the day on which each was taken; what has none comes after LAST_DAY."""
        taken = self._photos.taken()
        dated = (taken >= FIRST_DAY) & (taken <= LAST_DAY)
        return np.where(dated, taken, LAST_DAY + 1).astype(np.int32)

    @cached_property
    def _by_day(self) -> Numbers:
        """The numbers of all photos that are there, by day, then number."""
        there = self._photos.present()
        return there[np.argsort(self._days[there], kind="stable")]
