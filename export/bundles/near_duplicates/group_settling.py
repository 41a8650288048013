"""Group settling: contents come and go, and only those are looked at for which it makes a difference.

It knows the rows of the library that it needs, a few of many. Contents are settled in the order in which they stand for
others, so that all before one are settled when its turn comes: the first leader before it that it is like becomes its
leader. Whoever becomes a leader, or is one no more, unsettles only what comes later.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from export.library.likeness_table import MEMBER, Band, GroupedContent, Likeness, LikenessRows
from export.pictures.likeness import BAND_VALUES, VectorsOf, alike, band_values, near, unit

NOBODY = 0
"""The leader of who isn't settled yet; numbers begin at 1."""
_LOOKS_A_CONTENT = 100
"""To how many looks at others the work of settling a content comes that has few near it."""
_COMPARED_AT_ONCE = 1024
_VECTORS_KEPT = 4096


def settle_groups(
    rows: LikenessRows, added: Sequence[Likeness], removed: Iterable[str], vectors_of: VectorsOf, *, at_most: int
) -> bool:
    """Take contents out and put others in, and bring the groups up to date.

    Args:
        rows: The contents that are grouped.
        added: Contents, each once; they replace what is known of them.
        removed: Contents that are taken out first.
        vectors_of: Asked for vectors.
        at_most: How many contents to settle, or fewer where many are near each other.

    Returns:
        Whether that was enough; if not, the contents are right and the groups aren't.
    """
    settling = _Settling(rows, vectors_of)
    settling.remove(rows.of(sorted({*removed, *(likeness.content for likeness in added)})))
    settling.add(added)
    enough = settling.settle(at_most)
    if enough:
        settling.keep()
    return enough


class _Settling:
    def __init__(self, rows: LikenessRows, vectors_of: VectorsOf) -> None:
        self._rows = rows
        self._vectors_of = vectors_of
        self._known: dict[int, GroupedContent] = {}
        self._led: set[int] = set()
        self._bands: dict[int, Band] = {}
        self._changed_bands: set[int] = set()
        self._vectors: dict[str, NDArray[np.float64]] = {}
        self._waiting: list[tuple[tuple[int, str], int]] = []
        self._unsettled: set[int] = set()
        self._looked_at = 0

    def remove(self, gone: Sequence[GroupedContent]) -> None:
        self._rows.remove(row.number for row in gone)
        gone_from: defaultdict[int, list[int]] = defaultdict(list)
        for row in gone:
            for band in self._bands_of(row):
                gone_from[band.band].append(row.number)
        for number, members in gone_from.items():
            band = self._bands[number]
            self._put(band, _without(band.leaders, members), _without(band.others, members))
        for row in gone:
            if row.leader == row.number:
                self._release(row)

    def add(self, added: Sequence[Likeness]) -> None:
        number = self._rows.highest_number() + 1
        new = [
            GroupedContent(number=number + place, likeness=likeness, leader=NOBODY)
            for place, likeness in enumerate(added)
        ]
        self._rows.add(new)
        self._known.update((row.number, row) for row in new)
        for row in new:
            self._unsettle(row)

    def settle(self, at_most: int) -> bool:
        """Settle those that wait, and those that they unsettle; whether the work was that of at most so many."""
        while self._waiting:
            self._looked_at += _LOOKS_A_CONTENT
            if self._looked_at > at_most * _LOOKS_A_CONTENT:
                return False
            number = heapq.heappop(self._waiting)[1]
            self._unsettled.remove(number)
            row = self._known[number]
            leader = self._first_leader(row)
            if leader == row.leader:
                continue
            self._move(row, leader)
            self._known[number] = replace(row, leader=leader)
            self._led.add(number)
            if leader == number:
                self._take_over(row)
            elif row.leader == number:
                self._release(row)
        return True

    def keep(self) -> None:
        """Write what has changed."""
        self._rows.lead((number, self._known[number].leader) for number in sorted(self._led))
        self._rows.put_bands(self._bands[band] for band in sorted(self._changed_bands))

    def _first_leader(self, row: GroupedContent) -> int:
        leaders = self._sorted(self._near(row, others=False))
        before = [leader for leader in leaders if _place(leader) < _place(row)]
        return next((leader.number for leader in self._alike(row, before)), row.number)

    def _take_over(self, row: GroupedContent) -> None:
        """Unsettle whom a new leader may stand for: who comes later, and whose leader does so too."""
        later = [other for other in self._sorted(self._near(row)) if self._is_free_for(row, other)]
        for other in self._alike(row, later):
            self._unsettle(other)

    def _is_free_for(self, row: GroupedContent, other: GroupedContent) -> bool:
        if other.number in self._unsettled or _place(other) < _place(row):
            return False
        return other.leader == other.number or _place(self._row(other.leader)) > _place(row)

    def _release(self, row: GroupedContent) -> None:
        """Unsettle those for whom a content stands no more."""
        for other in self._sorted(self._near(row)):
            if other.leader == row.number:
                self._unsettle(other)

    def _unsettle(self, row: GroupedContent) -> None:
        if row.number not in self._unsettled:
            self._unsettled.add(row.number)
            heapq.heappush(self._waiting, (_place(row), row.number))

    def _near(self, row: GroupedContent, *, others: bool = True) -> list[int]:
        """The numbers of the leaders, and of the others if wanted, whose fingerprints are near a content's."""
        fingerprint = _fingerprint(row)
        found: set[int] = set()
        for band in self._bands_of(row):
            for members in (band.leaders, band.others) if others else (band.leaders,):
                found.update(members["number"][near(members["fingerprint"], fingerprint)].tolist())
        return sorted(found - {row.number})

    def _alike(self, row: GroupedContent, others: Sequence[GroupedContent]) -> list[GroupedContent]:
        """Those of near others that are like a content."""
        content = row.likeness.content
        found: list[GroupedContent] = []
        for start in range(0, len(others), _COMPARED_AT_ONCE):
            part = others[start : start + _COMPARED_AT_ONCE]
            vectors = self._vectors_at([content, *(other.likeness.content for other in part)])
            found += compress(part, alike(np.vecdot(vectors[1:], vectors[0])))
        return found

    def _vectors_at(self, contents: Sequence[str]) -> NDArray[np.float64]:
        if len(self._vectors) > _VECTORS_KEPT:
            self._vectors.clear()
        if missing := [content for content in contents if content not in self._vectors]:
            self._vectors.update(zip(missing, unit(self._vectors_of(missing)), strict=True))
        return np.stack([self._vectors[content] for content in contents])

    def _sorted(self, numbers: Sequence[int]) -> list[GroupedContent]:
        self._looked_at += len(numbers)
        missing = [number for number in numbers if number not in self._known]
        self._known.update((row.number, row) for row in self._rows.at(missing))
        return sorted((self._known[number] for number in numbers), key=_place)

    def _row(self, number: int) -> GroupedContent:
        return self._sorted([number])[0]

    def _bands_of(self, row: GroupedContent) -> list[Band]:
        bands = [place * BAND_VALUES + int(value) for place, value in enumerate(band_values(_fingerprint(row))[0])]
        if missing := [band for band in bands if band not in self._bands]:
            nobody = np.empty(0, dtype=MEMBER)
            self._bands.update((band, Band(band=band, leaders=nobody, others=nobody)) for band in missing)
            self._bands.update((band.band, band) for band in self._rows.bands(missing))
        return [self._bands[band] for band in bands]

    def _move(self, row: GroupedContent, leader: int) -> None:
        """Put a content among the leaders of its bands, or among the others, as this leader makes it one of them."""
        if row.leader != NOBODY and (row.leader == row.number) == (leader == row.number):
            return
        member = np.array([(row.number, _fingerprint(row))], dtype=MEMBER)
        for band in self._bands_of(row):
            if leader == row.number:
                self._put(band, np.concatenate([band.leaders, member]), _without(band.others, [row.number]))
            else:
                self._put(band, _without(band.leaders, [row.number]), np.concatenate([band.others, member]))

    def _put(self, band: Band, leaders: NDArray[np.void], others: NDArray[np.void]) -> None:
        self._bands[band.band] = Band(band=band.band, leaders=leaders, others=others)
        self._changed_bands.add(band.band)


def _without(members: NDArray[np.void], numbers: Sequence[int]) -> NDArray[np.void]:
    """Members, arrays of MEMBER, without those of these numbers."""
    return members[~np.isin(members["number"], numbers)]


def _place(row: GroupedContent) -> tuple[int, str]:
    """Where in the order a content stands."""
    return -row.likeness.pixels, row.likeness.content


def _fingerprint(row: GroupedContent) -> NDArray[np.uint64]:
    return np.frombuffer(bytes.fromhex(row.likeness.fingerprint), dtype="<u8")
