"""Whole grouping: all contents are grouped at once, in memory. It knows arrays, and nothing of what is grouped already.

In the order in which contents stand for others, so many at a time are compared with each other; then those that stand
for themselves are compared with all that come later and that nobody stands for yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from export.pictures.likeness import BANDS, MAX_BITS, alike, band_values, unit

_BLOCK = 2048
_WIDE = 1024
"""Contents in a band from which on each pair of bits is looked at in place; below it is cheaper to gather them."""
_PAIRS_AT_ONCE = 1 << 20
_TILE = 1 << 17
_VECTORS_AT_ONCE = 1024
_LOW_HALF = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)

Positions = NDArray[np.int64]


def group_all(fingerprints: NDArray[np.uint64], vectors_at: Callable[[Positions], NDArray[np.float32]]) -> Positions:
    """The leader of each content: the first leader before it that it is like, or itself.

    Args:
        fingerprints: uint64 [n, 2], in the order in which contents stand for others.
        vectors_at: Gives the visual vectors at some positions, float32 [m, dim].

    Returns:
        int64 [n], positions.
    """
    return _WholeGrouping(fingerprints, vectors_at).leaders()


class _WholeGrouping:
    def __init__(
        self, fingerprints: NDArray[np.uint64], vectors_at: Callable[[Positions], NDArray[np.float32]]
    ) -> None:
        self._halves = np.ascontiguousarray(fingerprints.T)
        self._vectors_at = vectors_at
        self._values = np.ascontiguousarray(band_values(fingerprints).T)
        self._bands = [self._sorted_band(band) for band in range(BANDS)]
        self._leaders = np.full(len(fingerprints), len(fingerprints))

    def leaders(self) -> Positions:
        count = len(self._leaders)
        for start in range(0, count, _BLOCK):
            stop = min(start + _BLOCK, count)
            free = start + np.flatnonzero(self._leaders[start:stop] == count)
            leaders = self._lead_each_other(free, stop)
            for ones, others in self._near_pairs(leaders, stop, count):
                self._lead(ones, others)
        return self._leaders

    def _lead_each_other(self, free: Positions, stop: int) -> Positions:
        """Find who of those that nobody stands for yet, all before `stop`, stand for themselves and for each other."""
        parts = [self._alike(ones, others) for ones, others in self._near_pairs(free, 0, stop)]
        self._leaders[free] = free
        pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *parts])
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        for group in np.split(pairs, np.flatnonzero(np.diff(pairs[:, 0])) + 1):
            if len(group) and self._leaders[one := group[0, 0]] == one:
                others = group[:, 1]
                self._leaders[others[self._leaders[others] == others]] = one
        leaders: Positions = free[self._leaders[free] == free]
        return leaders

    def _lead(self, ones: Positions, others: Positions) -> None:
        """Let some stand for what is like them, unless one before them does so."""
        led = self._alike(ones, others)
        np.minimum.at(self._leaders, led[:, 1], led[:, 0])

    def _sorted_band(self, band: int) -> NDArray[np.uint64]:
        """The contents by their bits in a band, then by position: the bits times 2^32, and the position."""
        keys: NDArray[np.uint64] = self._values[band].astype(np.uint64) << _SHIFT
        keys |= np.arange(len(keys), dtype=np.uint64)
        keys.sort()
        return keys

    def _near_pairs(self, ones: Positions, start: int, stop: int) -> Iterator[tuple[Positions, Positions]]:
        """Pairs of one and a later content from `start` to `stop` whose fingerprints are near, many at a time."""
        parts: list[tuple[Positions, Positions]] = []
        pairs = 0
        for band in range(BANDS):
            for part in self._near_in_band(band, ones, start, stop):
                parts.append(self._first_met(band, *part))
                pairs += len(parts[-1][0])
                if pairs > _PAIRS_AT_ONCE:
                    yield _joined(parts)
                    parts, pairs = [], 0
        if pairs:
            yield _joined(parts)

    def _first_met(self, band: int, ones: Positions, others: Positions) -> tuple[Positions, Positions]:
        """Those of the pairs that are near, that no band before has brought together, and of which one may lead."""
        kept = (ones < others) & (ones < self._leaders[others])
        for values in self._values[:band]:
            ones, others = ones[kept], others[kept]
            kept = values[ones] != values[others]
        ones, others = ones[kept], others[kept]
        bits = np.bitwise_count(self._halves[0, ones] ^ self._halves[0, others])
        bits += np.bitwise_count(self._halves[1, ones] ^ self._halves[1, others])
        return ones[bits <= MAX_BITS], others[bits <= MAX_BITS]

    def _near_in_band(self, band: int, ones: Positions, start: int, stop: int) -> Iterator[tuple[Positions, Positions]]:
        """Pairs that have the band in common, and most of which have a near half."""
        keys = self._bands[band]
        ones = ones[np.argsort(self._values[band, ones], kind="stable")]
        values = self._values[band, ones].astype(np.uint64) << _SHIFT
        first = np.searchsorted(keys, values | np.maximum(ones + 1, start).astype(np.uint64))
        end = np.searchsorted(keys, values | np.uint64(stop))
        wide = end - first > _WIDE
        for value in np.unique(values[wide]):
            group = wide & (values == value)
            yield from self._near_in_wide(band, ones[group], keys[first[group].min() : end[group][0]])
        yield from self._near_in_narrow(band, keys, ones[~wide], first[~wide], (end - first)[~wide])

    def _near_in_wide(
        self, band: int, ones: Positions, keys: NDArray[np.uint64]
    ) -> Iterator[tuple[Positions, Positions]]:
        others = (keys & _LOW_HALF).astype(np.int64)
        others = others[self._leaders[others] >= ones.min()]  # nobody before stands for them
        half = self._halves[0 if band >= BANDS // 2 else 1]  # the half that hasn't the band in it tells more
        bits, columns = half[ones][:, np.newaxis], half[others]
        width = max(_TILE // len(ones), 1)
        for start in range(0, len(others), width):
            tile = np.bitwise_count(bits ^ columns[start : start + width])
            found = np.flatnonzero(tile <= MAX_BITS)
            yield ones[found // tile.shape[1]], others[start + found % tile.shape[1]]

    def _near_in_narrow(
        self, band: int, keys: NDArray[np.uint64], ones: Positions, first: Positions, lengths: Positions
    ) -> Iterator[tuple[Positions, Positions]]:
        half = self._halves[0 if band >= BANDS // 2 else 1]
        ends = np.cumsum(lengths)
        cuts = np.searchsorted(ends, np.arange(_TILE, ends[-1] if len(ends) else 0, _TILE))
        for part in np.split(np.arange(len(ones)), cuts):
            if not (total := int(lengths[part].sum())):
                continue
            which = np.repeat(part, lengths[part])
            place = np.arange(total) + np.repeat(first[part] - np.cumsum(lengths[part]) + lengths[part], lengths[part])
            others = (keys[place] & _LOW_HALF).astype(np.int64)
            found = np.flatnonzero(np.bitwise_count(half[ones[which]] ^ half[others]) <= MAX_BITS)
            yield ones[which[found]], others[found]

    def _alike(self, ones: Positions, others: Positions) -> Positions:
        """Those of near pairs whose vectors are near too, int64 [pairs, 2]."""
        order = np.argsort(others, kind="stable")
        ones, others = ones[order], others[order]
        starts = np.flatnonzero(_first_of_each(others))[::_VECTORS_AT_ONCE]
        found = [np.empty((0, 2), dtype=np.int64)]
        for some, more in zip(np.split(ones, starts[1:]), np.split(others, starts[1:]), strict=True):
            if len(some):
                same = alike(self._cosines(some, more))
                found.append(np.stack([some[same], more[same]], axis=1))
        return np.concatenate(found)

    def _cosines(self, ones: Positions, others: Positions) -> NDArray[np.float64]:
        """The cosines of pairs; the others in ascending order, and the ones not far from each other."""
        rows, row = _numbered(ones)
        columns, column = others[_first_of_each(others)], np.cumsum(_first_of_each(others)) - 1
        places = np.union1d(rows, columns)
        vectors = unit(self._vectors_at(places))
        some, more = vectors[np.searchsorted(places, rows)], vectors[np.searchsorted(places, columns)]
        if len(rows) * len(columns) < 8 * len(ones):  # most of them with most of the others: one product of matrices
            products: NDArray[np.float64] = (some @ more.T)[row, column]
            return products
        cosines = np.empty(len(ones))
        for start in range(0, len(ones), _VECTORS_AT_ONCE):
            part = slice(start, start + _VECTORS_AT_ONCE)
            cosines[part] = np.vecdot(some[row[part]], more[column[part]])
        return cosines


def _numbered(positions: Positions) -> tuple[Positions, Positions]:
    """The positions, each once and ascending, and the number among them of each; what np.unique does, but for a range.

    Example: [7, 5, 7] -> [5, 7], [1, 0, 1]
    """
    low = int(positions.min())
    found = np.zeros(int(positions.max()) - low + 1, dtype=bool)
    found[positions - low] = True
    return low + np.flatnonzero(found), (np.cumsum(found) - 1)[positions - low]


def _first_of_each(positions: Positions) -> NDArray[np.bool_]:
    """Where another one begins in ascending positions."""
    return np.diff(positions, prepend=-1) > 0


def _joined(parts: list[tuple[Positions, Positions]]) -> tuple[Positions, Positions]:
    return np.concatenate([ones for ones, _ in parts]), np.concatenate([others for _, others in parts])
