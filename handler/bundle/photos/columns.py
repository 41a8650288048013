"""The columns: what photos can be filtered by, mapped, so that a filter reads no record.

Knows photo numbers, terms and numbers; knows nothing of what clients write. Whatever has one of a few values (type,
orientation, the collection's own texts, what people wrote of a photo) is a term, and every term has the list of its
photos. Whatever is compared (the date, the collection's own numbers) is a matrix. handler/README.md has the layout.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedFile, Wanted, verify
from handler.bundle.fields import Fields
from handler.bundle.manifest import ColumnNames
from handler.bundle.manifest_fields import read_column_names
from handler.bundle.mapped_file import check_header
from handler.bundle.numbers import are_among
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.texts import normalise
from handler.errors import BundleError

MAGIC = b"thincols"
VERSION = 2
HEADER = struct.Struct("<8sIIQQ")
MAX_NAMES_BYTES = 1 << 16
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def days_since_1970(date: datetime.date) -> int:
    """The number of a day.

    Example: 1970-01-02 -> 1
    """
    return date.toordinal() - _EPOCH


FIRST_DAY, LAST_DAY = days_since_1970(datetime.date.min), days_since_1970(datetime.date.max)


def orientation(width: int, height: int) -> str:
    """How a photo is held: "landscape", "portrait" or "square"."""
    return "square" if width == height else "landscape" if width > height else "portrait"


def term(name: str, value: str, *, own: bool = False) -> int:
    """The number that stands for a value: 64 bits of its BLAKE2b, so that no list of values is kept.

    Args:
        name: What has the value.
        value: Upper and lower case and white space make no difference.
        own: Whether `name` is one of the collection's own columns.
    """
    text = f"{'own' if own else 'known'}\0{name}\0{normalise(value).casefold()}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def column_names(records: Sequence[PhotoRecord]) -> ColumnNames:
    """The columns in which some photo has a number, and those in which some photo has a text, or several."""
    values = [item for record in records for item in record.columns.items()]
    numbers = {name for name, value in values if isinstance(value, float)}
    texts = {name for name, value in values if not isinstance(value, float)}
    return ColumnNames(numbers=tuple(sorted(numbers)), texts=tuple(sorted(texts)))


def write_columns(path: Path, records: Sequence[PhotoRecord]) -> None:
    """Write what the records say: those of the segment's catalogue, in the same order."""
    names = column_names(records)
    numbers = np.full((1 + len(names.numbers), len(records)), np.nan)
    terms: list[tuple[int, int]] = []
    for photo, record in enumerate(records):
        numbers[0, photo] = _day(record.taken)
        for row, name in enumerate(names.numbers, start=1):
            value = record.columns.get(name)
            numbers[row, photo] = value if isinstance(value, float) else np.nan
        terms += [(found, photo) for found in _terms(record)]
    terms.sort()
    encoded = json.dumps({"numbers": names.numbers, "texts": names.texts}, ensure_ascii=False).encode()
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, len(encoded), len(records), len(terms)))
        file.write(numbers.astype("<f8").tobytes())
        file.write(np.array([found for found, _ in terms], dtype="<u8").tobytes())
        file.write(np.array([photo for _, photo in terms], dtype="<u4").tobytes())
        file.write(encoded)


def _day(taken: str | None) -> float:
    try:
        return float(days_since_1970(datetime.date.fromisoformat((taken or "")[:10])))
    except ValueError:
        return float("nan")


def kind_term(name: str, kind: Literal["number", "text"]) -> int:
    """The number that stands for having a value of a kind in one of the collection's own columns."""
    return term(f"column {name}", kind)


def _terms(record: PhotoRecord) -> set[int]:
    found = {term("type", record.type), term("orientation", orientation(record.width, record.height))}
    found.update(term("caption", caption.text) for caption in record.captions if caption.edited)
    for name, value in record.columns.items():
        found.add(kind_term(name, "number" if isinstance(value, float) else "text"))
    return found | own_terms(record).keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnValue:
    """A value in one of the collection's own columns, as a text."""

    column: str
    text: str


def own_terms(record: PhotoRecord) -> dict[int, OwnValue]:
    """The terms of what the collection's own columns say of a photo, and what each stands for."""
    found: dict[int, OwnValue] = {}
    for name, value in record.columns.items():  # numbers too: elsewhere the column may have texts
        values = value if isinstance(value, tuple) else (f"{value:g}" if isinstance(value, float) else value,)
        for text in values:
            found.setdefault(term(name, text, own=True), OwnValue(column=name, text=text))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What a columns file says; `groups` are those of version 1, uint32 [photos]."""

    numbers: NDArray[np.float64]
    terms: NDArray[np.uint64]
    term_photos: NDArray[np.uint32]
    groups: NDArray[np.uint32] | None


class Columns:
    """A columns file, which is verified as a whole when more of it than its names is first asked for."""

    def __init__(self, file: BlockedFile, *, photos: int, version: int = VERSION) -> None:
        """The columns of so many photos; version 1 is that of bundles of format 1, with groups of near-duplicates."""
        self._file = file
        self._photos = photos
        self._version = version

    def __len__(self) -> int:
        return self._photos

    def everything(self) -> Wanted:
        """The whole file, to be verified together with others."""
        return self._file.everything()

    @cached_property
    def names(self) -> ColumnNames:
        """The collection's own columns, for which little is read; raises BundleError where they can't be."""
        names_bytes, _ = self._header
        start = len(self._file) - names_bytes
        verify([self._file.wanted(start, len(self._file))])
        return read_column_names(Fields.parse(self._file.data[start:], name=self._file.name))

    @property
    def groups(self) -> NDArray[np.uint32] | None:
        """In version 1 the number of the photo that stands for each and its near-duplicates, uint32 [photos]."""
        return self._table.groups

    @cached_property
    def _header(self) -> tuple[int, int]:
        """The bytes of the names, and the count of terms."""
        name, size = self._file.name, len(self._file)
        if size < HEADER.size:
            raise BundleError(f"{name} is truncated: {size} bytes")
        verify([self._file.wanted(0, HEADER.size)])
        fields = check_header(self._file.data, HEADER, magic=MAGIC, version=self._version, name=name)
        names_bytes, photos, terms = fields
        if photos != self._photos:
            raise BundleError(f"Parts do not belong together: photos in {name} is {photos} (expected {self._photos})")
        if not 1 <= names_bytes <= min(size, MAX_NAMES_BYTES):
            raise BundleError(f"{name} has {names_bytes} bytes of names (expected 1 to {MAX_NAMES_BYTES})")
        return names_bytes, terms

    @cached_property
    def _table(self) -> _Table:
        verify([self.everything()])
        data, name, size, photos = self._file.data, self._file.name, len(self._file), self._photos
        names_bytes, terms = self._header
        names = self.names
        groups = 4 * photos if self._version == 1 else 0
        rows = 1 + len(names.numbers)
        expected = HEADER.size + 8 * photos * rows + 12 * terms + groups + names_bytes
        if size != expected:
            raise BundleError(f"Unexpected {size} bytes (expected {expected}) in {name}")
        at_terms = HEADER.size + 8 * rows * photos
        table = _Table(
            numbers=np.frombuffer(data, "<f8", count=rows * photos, offset=HEADER.size).reshape(rows, photos),
            terms=np.frombuffer(data, "<u8", count=terms, offset=at_terms),
            term_photos=np.frombuffer(data, "<u4", count=terms, offset=at_terms + 8 * terms),
            groups=np.frombuffer(data, "<u4", count=photos, offset=at_terms + 12 * terms) if groups else None,
        )
        _check_table(table, photos, name)
        return table

    def names_without(self, gone: NDArray[np.int64]) -> ColumnNames:
        """The columns in which other photos have something than those of some rows."""

        def is_there(name: str, kind: Literal["number", "text"]) -> bool:
            photos = self.photos_with(kind_term(name, kind))
            return len(photos) > len(gone) or not are_among(photos, gone).all()

        if not len(gone):
            return self.names
        return ColumnNames(
            numbers=tuple(name for name in self.names.numbers if is_there(name, "number")),
            texts=tuple(name for name in self.names.texts if is_there(name, "text")),
        )

    @property
    def taken(self) -> NDArray[np.float64]:
        """float64 [photos], the day on which each was taken (days since 1970), or NaN."""
        taken: NDArray[np.float64] = self._table.numbers[0]
        return taken

    def numbers(self, name: str) -> NDArray[np.float64]:
        """float64 [photos], the values of one of the collection's own columns of numbers, or NaN."""
        values: NDArray[np.float64] = self._table.numbers[1 + self.names.numbers.index(name)]
        return values

    @property
    def terms(self) -> NDArray[np.uint64]:
        """uint64 [n], the terms of all photos, rising: each as often as there are photos that have it."""
        return self._table.terms

    @property
    def term_photos(self) -> NDArray[np.uint32]:
        """uint32 [n], the number of the photo that has each of the terms."""
        return self._table.term_photos

    def photos_with(self, wanted: int) -> NDArray[np.uint32]:
        """uint32 [n], the numbers of the photos that have a term, in no order."""
        key = np.uint64(wanted)
        terms = self._table.terms
        low, high = np.searchsorted(terms, key, "left"), np.searchsorted(terms, key, "right")
        return self._table.term_photos[low:high]


def _check_table(table: _Table, photos: int, name: str) -> None:
    """Check that every number that leads somewhere leads to a photo."""
    sorted_terms = bool((table.terms[1:] >= table.terms[:-1]).all())
    if not sorted_terms or table.term_photos.max(initial=0) >= max(1, photos):
        raise BundleError(f"The table of terms of {name} does not fit its photos")
    groups = table.groups
    if groups is not None and (groups.max(initial=0) >= max(1, photos) or (groups[groups] != groups).any()):
        raise BundleError(f"The groups of near-duplicates of {name} do not fit its photos")
