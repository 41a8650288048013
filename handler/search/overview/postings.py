"""Postings: which photos have each of some terms, so that those that count are counted for all terms at once.

A columns file has a number for each value and doesn't say of which; that is read from a photo that has it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.bundle.numbers import are_among
from handler.bundle.photos.columns import OwnValue, own_terms
from handler.bundle.photos.segments import Mask, Photos

MOST_VALUES = 1_024
"""So many values of a collection's own columns are counted, those that most photos have."""
_RECORDS_AT_ONCE = 128


class Postings:
    """The photos that have each of some terms."""

    def __init__(self, photos: Photos, terms: Sequence[int]) -> None:
        """Gather the numbers of the photos, those included that are gone."""
        wanted = np.array(terms, dtype=np.uint64)
        parts: list[list[NDArray[np.int64]]] = [[] for _ in terms]
        for start, columns in photos.columns():
            lows = np.searchsorted(columns.terms, wanted, "left").tolist()
            highs = np.searchsorted(columns.terms, wanted, "right").tolist()
            for part, low, high in zip(parts, lows, highs, strict=True):
                part.append(columns.term_photos[low:high] + np.int64(start))
        nothing = np.empty(0, np.uint32)
        every = [np.concatenate([nothing, *part], dtype=np.uint32, casting="unsafe") for part in parts]
        self.terms = tuple(terms)
        self._photos = np.concatenate([nothing, *every])
        self._ends = np.cumsum([0, *map(len, every)])

    def of(self, place: int) -> NDArray[np.uint32]:
        """The numbers of the photos that have the term at a place, uint32 [n], rising."""
        return self._photos[self._ends[place] : self._ends[place + 1]]

    def counts(self, counted: Mask) -> NDArray[np.int64]:
        """How many of the photos that count, bool [photos], have each term: int64 [terms]."""
        sums = np.concatenate([[0], np.cumsum(counted[self._photos], dtype=np.int64)])
        return np.asarray(sums[self._ends[1:]] - sums[self._ends[:-1]], dtype=np.int64)

    def any_of(self, places: Sequence[int], photos: int) -> Mask:
        """Which photos have one of the terms at some places, bool [photos]."""
        mask = np.zeros(photos, dtype=bool)
        for place in places:
            mask[self.of(place)] = True
        return mask


def frequent_terms(photos: Photos, there: Mask, known: Collection[int]) -> list[int]:
    """Up to MOST_VALUES terms but for those that are known, those first that most photos have that are there.

    Where there are more, none is among them that one photo alone has.
    """
    every, counts = _counted_terms(photos, there)
    counts[are_among(every, np.sort(np.array(list(known), dtype=np.uint64)))] = 0
    least = 1 if np.count_nonzero(counts) <= MOST_VALUES else 2
    chosen = np.flatnonzero(counts >= least)
    order = np.lexsort((every[chosen], -counts[chosen]))[:MOST_VALUES]
    terms: list[int] = every[chosen[order]].tolist()
    return terms


def _counted_terms(photos: Photos, there: Mask) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """All terms, each once, uint64 [n], rising, and how many photos have each, int64 [n]."""
    terms, counts = [], []
    for start, columns in photos.columns():
        firsts = _firsts(columns.terms)
        terms.append(columns.terms[firsts])
        has = there[start : start + len(columns)][columns.term_photos]
        counts.append(np.add.reduceat(has, firsts, dtype=np.int64))
    joined = np.concatenate(terms)
    order = np.argsort(joined, kind="stable")
    firsts = _firsts(joined[order])
    return joined[order][firsts], np.add.reduceat(np.concatenate(counts)[order], firsts, dtype=np.int64)


def _firsts(rising: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where in numbers that rise each of them first stands."""
    is_first = np.ones(len(rising), dtype=bool)
    is_first[1:] = rising[1:] != rising[:-1]
    return np.flatnonzero(is_first)


def own_values(photos: Photos, postings: Postings, there: Mask) -> dict[int, OwnValue]:
    """What each term stands for that is a value in a column, as some photo that is there has it; by the term."""
    places = {wanted: place for place, wanted in enumerate(postings.terms)}
    values: dict[int, OwnValue] = {}
    unread = list(places)
    while unread:
        having = (postings.of(places[wanted]) for wanted in unread[:_RECORDS_AT_ONCE])
        numbers = sorted({int(numbers[np.argmax(there[numbers])]) for numbers in having})
        for record in photos.records(numbers):
            for wanted, value in own_terms(record).items():
                if wanted in places:
                    values.setdefault(wanted, value)
        unread = [wanted for wanted in unread[_RECORDS_AT_ONCE:] if wanted not in values]
    return values
