"""Facets: of some photos, how many there are of each month, folder, orientation, type and value.

Knows what photos are filtered by; knows nothing of how those that count were found. A count is that of the photos which
a filter by its value would leave of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from handler.bundle.photos.columns import FIRST_DAY, LAST_DAY, OwnValue, term
from handler.bundle.photos.segments import Mask, Photos
from handler.search.answers import ColumnCounts, Counts, FolderCount, MonthCount, ValueCount
from handler.search.filters import MAX_VALUE_LENGTH, ORIENTATIONS, TYPES
from handler.search.overview.postings import Postings, frequent_terms, own_values

SHOWN_VALUES = 20
"""So many values of a column are shown."""
MOST_FOLDERS = 1_000
"""So many folders are shown, those that most photos lie in."""
_KEPT_FOLDERS = 64
"""Of so many folders the folders in them are kept."""
_SHARED_BY = 4
"""A column is counted if one photo in so many at least shares its value with another."""
_KNOWN = {"orientation": ORIENTATIONS, "type": TYPES}
_UNDATED = np.iinfo(np.int32).min


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextColumn:
    """A column of texts: its values' places in the postings and their texts, in order; which photos have one."""

    name: str
    places: NDArray[np.int64]
    texts: tuple[str, ...]
    having: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class _NumberColumn:
    """A column of numbers: its values, float64 [n], rising, and the place of each photo's, int32 [photos], or n."""

    name: str
    values: NDArray[np.float64]
    places: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folders:
    """Folders by name, and from which number to before which their photos lie: the n-th range is of one of them."""

    names: tuple[str, ...]
    of_range: NDArray[np.int64]
    lows: NDArray[np.int64]
    highs: NDArray[np.int64]


class Facets:
    """Counts photos of one bundle; `counted`, bool [photos], is which of them count, none of which is gone."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos
        self._there = np.zeros(len(photos), dtype=bool)
        self._there[photos.present()] = True
        self._folders = lru_cache(_KEPT_FOLDERS)(self._folders_in)

    def of(self, counted: Mask, asked: Sequence[str]) -> Counts:
        """Count the photos that count; `asked` are the folders in which they lie."""
        total = int(np.count_nonzero(counted))
        months = self.months(counted)
        return {
            "total": total,
            "months": months,
            "undated": total - sum(month["count"] for month in months),
            "folders": self.folders(counted, asked),
            "orientations": self.orientations(counted),
            "types": self.types(counted),
            "columns": self.columns(counted),
        }

    def months(self, counted: Mask) -> list[MonthCount]:
        """By the month in which they were taken, the newest first; those without a date aren't among them."""
        months = self._months[counted]
        dated = months[months != _UNDATED]
        if not len(dated):
            return []
        first = int(dated.min())
        counts = np.bincount(dated - first)
        return [
            {"month": str(np.datetime64(first + month, "M")), "count": int(counts[month])}
            for month in np.flatnonzero(counts)[::-1].tolist()
        ]

    def folders(self, counted: Mask, asked: Sequence[str]) -> list[FolderCount]:
        """By the folders directly in the one that is asked for, or, of none or several, the top ones; by name."""
        parents = {""}
        if len(asked) == 1:
            parents = {form.rstrip("/") for form in (asked[0], unicodedata.normalize("NFC", asked[0]))} - parents
        counts: dict[str, int] = {}
        sums = np.concatenate([[0], np.cumsum(counted, dtype=np.int64)])
        for found in map(self._folders, parents):
            of_range = sums[found.highs] - sums[found.lows]
            of_folder = np.bincount(found.of_range, weights=of_range, minlength=len(found.names)).astype(int)
            counts.update((found.names[place], int(of_folder[place])) for place in np.flatnonzero(of_folder).tolist())
        largest = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_FOLDERS]
        return [{"folder": name, "count": counts[name]} for name in sorted(largest)]

    def orientations(self, counted: Mask) -> list[ValueCount]:
        """By how they are held, the most frequent first."""
        return _of_known(ORIENTATIONS, self._orientations, counted)

    def types(self, counted: Mask) -> list[ValueCount]:
        """By the format of their files, the most frequent first."""
        return _of_known(TYPES, self._types, counted)

    def columns(self, counted: Mask) -> list[ColumnCounts]:
        """By the values of the collection's own columns, of those that some of the photos have."""
        counts = self._postings.counts(counted)
        texts = [self._of_texts(column, counted, counts) for column in self._text_columns]
        numbers = [_of_numbers(column, counted) for column in self._number_columns]
        found = [column for column in (*texts, *numbers) if column["values"] or column["others"]]
        return sorted(found, key=lambda column: column["column"])

    def _of_texts(self, column: _TextColumn, counted: Mask, counts: NDArray[np.int64]) -> ColumnCounts:
        values = _most_frequent(column.texts, counts[column.places])[:SHOWN_VALUES]
        shown = {value["value"] for value in values}
        places = [place for place, text in zip(column.places.tolist(), column.texts, strict=True) if text in shown]
        others = counted & column.having & ~self._postings.any_of(places, len(counted))
        return {"column": column.name, "values": values, "others": int(np.count_nonzero(others))}

    @cached_property
    def _months(self) -> NDArray[np.int32]:
        """int32 [photos], the month in which each was taken, in months since January 1970, or _UNDATED."""
        days = self._photos.taken()
        dated = (days >= FIRST_DAY) & (days <= LAST_DAY)
        months = np.full(len(days), _UNDATED, dtype=np.int32)
        months[dated] = days[dated].astype("datetime64[D]").astype("datetime64[M]").astype(np.int32)
        return months

    @cached_property
    def _orientations(self) -> NDArray[np.uint8]:
        return self._places("orientation", ORIENTATIONS)

    @cached_property
    def _types(self) -> NDArray[np.uint8]:
        return self._places("type", TYPES)

    def _places(self, name: str, values: Sequence[str]) -> NDArray[np.uint8]:
        """uint8 [photos], the place of each photo's value among those that there may be, or how many these are."""
        places = np.full(len(self._photos), len(values), dtype=np.uint8)
        for place, value in enumerate(values):
            places[self._photos.with_term(term(name, value))] = place
        return places

    @cached_property
    def _named(self) -> dict[int, OwnValue]:
        """The values that are counted in the collection's own columns of texts, by their terms."""
        known = [term(name, value) for name, values in _KNOWN.items() for value in values]
        terms = frequent_terms(self._photos, self._there, known)
        named = own_values(self._photos, Postings(self._photos, terms), self._there)
        texts = self._photos.names.texts
        return {
            wanted: value
            for wanted, value in named.items()
            if value.column in texts and _can_be_asked(value.column, value.text)
        }

    @cached_property
    def _postings(self) -> Postings:
        return Postings(self._photos, list(self._named))

    @cached_property
    def _text_columns(self) -> list[_TextColumn]:
        of_column: dict[str, list[tuple[str, int]]] = {}
        for place, value in enumerate(self._named.values()):
            of_column.setdefault(value.column, []).append((value.text, place))
        columns = [self._text_column(name, sorted(values)) for name, values in of_column.items()]
        counts = self._postings.counts(self._there)
        return [column for column in columns if self._is_shared(column, counts)]

    def _text_column(self, name: str, values: Sequence[tuple[str, int]]) -> _TextColumn:
        places = [place for _, place in values]
        having = self._photos.with_column(name) | self._postings.any_of(places, len(self._photos))
        return _TextColumn(
            name=name,
            places=np.array(places, dtype=np.int64),
            texts=tuple(text for text, _ in values),
            having=having,
        )

    def _is_shared(self, column: _TextColumn, counts: NDArray[np.int64]) -> bool:
        """Whether its values tell more than which photo it is, as titles do."""
        shared = self._postings.any_of(column.places[counts[column.places] > 1].tolist(), len(self._photos))
        sharing = int(np.count_nonzero(shared & self._there))
        having = int(np.count_nonzero(column.having & self._there))
        return 0 < having <= _SHARED_BY * sharing

    @cached_property
    def _number_columns(self) -> list[_NumberColumn]:
        names = [name for name in self._photos.names.numbers if name not in self._photos.names.texts]
        columns = [self._number_column(name) for name in names if _can_be_asked(name, "")]
        return [column for column in columns if column is not None]

    def _number_column(self, name: str) -> _NumberColumn | None:
        numbers = self._photos.numbers(name)
        has_one = self._there & np.isfinite(numbers)
        rising = np.sort(numbers[has_one])
        is_first = np.ones(len(rising), dtype=bool)
        is_first[1:] = rising[1:] != rising[:-1]
        values = rising[is_first]
        places = np.full(len(numbers), len(values), dtype=np.int32)
        places[has_one] = np.searchsorted(values, numbers[has_one])
        counts = np.bincount(places[has_one])
        if not 0 < len(rising) <= _SHARED_BY * int(counts[counts > 1].sum()):
            return None
        return _NumberColumn(name=name, values=values, places=places)

    def _folders_in(self, parent: str) -> _Folders:
        ranges = self._photos.folders(parent)
        names = sorted({one.folder for one in ranges if len(one.folder) <= MAX_VALUE_LENGTH})
        place_of = {name: place for place, name in enumerate(names)}
        ranges = [one for one in ranges if one.folder in place_of]
        return _Folders(
            names=tuple(names),
            of_range=np.array([place_of[one.folder] for one in ranges], dtype=np.int64),
            lows=np.array([one.low for one in ranges], dtype=np.int64),
            highs=np.array([one.high for one in ranges], dtype=np.int64),
        )


def _can_be_asked(column: str, text: str) -> bool:
    """Whether `where` can name a value."""
    return ":" not in column and len(f"{column}:{text}") <= MAX_VALUE_LENGTH


def _of_known(values: Sequence[str], places: NDArray[np.uint8], counted: Mask) -> list[ValueCount]:
    return _most_frequent(values, np.bincount(places[counted], minlength=len(values))[: len(values)])


def _of_numbers(column: _NumberColumn, counted: Mask) -> ColumnCounts:
    counts = np.bincount(column.places[counted], minlength=len(column.values) + 1)[:-1]
    order = np.argsort(-counts, kind="stable")[:SHOWN_VALUES]
    values: list[ValueCount] = [
        {"value": int(value) if value.is_integer() else value, "count": count}
        for value, count in zip(column.values[order].tolist(), counts[order].tolist(), strict=True)
        if count
    ]
    return {
        "column": column.name,
        "values": values,
        "others": int(counts.sum()) - sum(value["count"] for value in values),
    }


def _most_frequent(texts: Sequence[str], counts: NDArray[np.int64]) -> list[ValueCount]:
    """Texts and their counts, but for those of 0, the most frequent first; of equal ones in their order."""
    order = np.argsort(-counts, kind="stable")
    return [{"value": texts[place], "count": int(counts[place])} for place in order.tolist() if counts[place]]
