"""Filters: which photos may be answered at all, whatever they show.

Knows what clients write and what a bundle can be asked for; knows nothing of vectors. The values of one filter are
alternatives, and different filters must all hold.
"""

from __future__ import annotations

import calendar
import datetime
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handler.bundle.photos.columns import days_since_1970, term
from handler.bundle.photos.segments import Mask, Photos
from handler.errors import Problem, QueryError

ORIENTATIONS = ("landscape", "portrait", "square")
TYPES = ("avif", "bmp", "gif", "heic", "jp2", "jpeg", "jxl", "png", "raw", "tiff", "webp")
MAX_VALUES = 32
MAX_VALUE_LENGTH = 1_024
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)
# With an exponent too: that is how JSON has large numbers and small ones.
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What photos must be to be answered; as it stands, every photo may be.

    Attributes:
        folders: Folders in which they lie, or in folders below.
        taken_from: The first day on which they were taken: a year, a month or a day, "2024-05".
        taken_to: The last day, likewise; "2024" is the end of that year.
        orientations: Of ORIENTATIONS.
        types: Of TYPES.
        where: What the collection's own columns say, "place:Paris", "rating:4" or "rating:3..5".
    """

    folders: tuple[str, ...] = ()
    taken_from: str | None = None
    taken_to: str | None = None
    orientations: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    where: tuple[str, ...] = ()

    def mask(self, photos: Photos) -> Mask | None:
        """Which photos may be answered, bool [photos]; None where every photo may be.

        Raises:
            QueryError: Where a value is not what it may be, a column is not there, or no photo could ever do.
        """
        masks = [
            *self._in_folders(photos),
            *self._taken(photos),
            *_known("orientation", self.orientations, ORIENTATIONS, photos),
            *_known("type", self.types, TYPES, photos),
            *_where(self.where, photos),
        ]
        return np.logical_and.reduce(masks) if masks else None

    def _in_folders(self, photos: Photos) -> list[Mask]:
        _check("folder", self.folders)
        if not self.folders:
            return []
        folders = {*self.folders, *(unicodedata.normalize("NFC", folder) for folder in self.folders)}
        return [np.logical_or.reduce([photos.below(folder.rstrip("/")) for folder in sorted(folders)])]

    def _taken(self, photos: Photos) -> list[Mask]:
        if self.taken_from is None and self.taken_to is None:
            return []
        first = -np.inf if self.taken_from is None else _day("taken_from", self.taken_from, last=False)
        last = np.inf if self.taken_to is None else _day("taken_to", self.taken_to, last=True)
        if first > last:
            raise QueryError(
                f"taken_from is {self.taken_from}, which is after taken_to, {self.taken_to}",
                parameter="taken_from",
                problem=Problem.CONTRADICTORY,
            )
        return [photos.taken_between(first, last)]


EVERY_PHOTO = Filters()


def _known(name: str, values: Sequence[str], possible: Sequence[str], photos: Photos) -> list[Mask]:
    _check(name, values)
    for value in values:
        if value not in possible:
            raise QueryError(f"{name} is {value[:80]!r} (expected {', '.join(possible)})", parameter=name)
    return [_any_of([term(name, value) for value in values], photos)] if values else []


def _where(conditions: Sequence[str], photos: Photos) -> list[Mask]:
    """One mask for each column that is named."""
    _check("where", conditions)
    values: dict[str, list[str]] = {}
    for condition in conditions:
        name, colon, value = condition.partition(":")
        if not colon:
            raise QueryError(f"where is {condition[:80]!r} (expected COLUMN:VALUE)", parameter="where")
        values.setdefault(name, []).append(value)
    return [_own(name, wanted, photos) for name, wanted in values.items()]


def _own(name: str, values: Sequence[str], photos: Photos) -> Mask:
    names = photos.names
    if name in names.texts:
        return _any_of([term(name, value, own=True) for value in values], photos)
    if name in names.numbers:
        mask: Mask = np.logical_or.reduce([photos.number_between(name, *_range(name, value)) for value in values])
        return mask
    known = ", ".join(sorted(names.texts + names.numbers)) or "none, for this collection has no columns"
    raise QueryError(
        f"Unknown column {name[:80]!r} (expected {known})", parameter="where", problem=Problem.UNKNOWN_COLUMN
    )


def _any_of(terms: Sequence[int], photos: Photos) -> Mask:
    mask: Mask = np.logical_or.reduce([photos.with_term(wanted) for wanted in terms])
    return mask


def _range(name: str, value: str) -> tuple[float, float]:
    """The ends of a range of numbers.

    Example: "3..5" -> (3, 5); "3.." -> (3, inf); "4" -> (4, 4)
    """
    low, dots, high = value.partition("..")
    given = [end for end in (low, high) if end]
    if not given or not all(map(_NUMBER.fullmatch, given)):
        raise QueryError(
            f"{name} is {value[:80]!r} (expected a number, or a range such as 3..5, 3.. or ..5)", parameter="where"
        )
    ends = (float(low or "-inf"), float((high or "inf") if dots else low))
    if ends[0] > ends[1]:
        raise QueryError(
            f"{name} is {value[:80]!r}, a range that ends before it begins",
            parameter="where",
            problem=Problem.CONTRADICTORY,
        )
    return ends


def _day(parameter: str, text: str, *, last: bool) -> float:
    """The first or the last day of a year, a month or a day, in days since 1970."""
    match = _DATE.fullmatch(text)
    if match:
        year, month, day = (int(part) if part else None for part in match.groups())
        try:
            month_of_year = month or (12 if last else 1)
            day_of_month = day or (calendar.monthrange(year or 0, month_of_year)[1] if last else 1)
            return float(days_since_1970(datetime.date(year or 0, month_of_year, day_of_month)))
        except ValueError:
            pass
    raise QueryError(
        f"{parameter} is {text[:80]!r} (expected a date: 2024, 2024-05 or 2024-05-06)", parameter=parameter
    )


def _check(parameter: str, values: Sequence[str]) -> None:
    if len(values) > MAX_VALUES:
        raise QueryError(
            f"{parameter} is given {len(values)} times (expected at most {MAX_VALUES})", parameter=parameter
        )
    for value in values:
        if not 1 <= len(value) <= MAX_VALUE_LENGTH:
            raise QueryError(
                f"{parameter} has {len(value)} characters (expected 1 to {MAX_VALUE_LENGTH})", parameter=parameter
            )
