"""The columns: what photos can be filtered and folded by, mapped, so that a filter reads no record.

Knows photo numbers, terms and numbers; knows nothing of what clients write. Whatever has one of a few values (type,
orientation, the collection's own texts, what people wrote of a photo) is a term, and every term has the list of its
photos. Whatever is compared (the date, the collection's own numbers) is a matrix. Near-duplicates share the number of
the photo that stands for them. handler/README.md has the layout.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.catalogue import PhotoRecord
from handler.bundle.fields import Fields
from handler.bundle.mapped_file import map_file
from handler.bundle.texts import normalise
from handler.errors import BundleError

MAGIC = b"thincols"
VERSION = 1
HEADER = struct.Struct("<8sIIQQ")
MAX_COLUMNS = 64
MAX_COLUMN_NAME = 64
MAX_NAMES_BYTES = 1 << 16
_EPOCH = datetime.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """The collection's own columns by kind, each in alphabetical order."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]


def days_since_1970(date: datetime.date) -> int:
    """The number of a day.

    Example: 1970-01-02 -> 1
    """
    return date.toordinal() - _EPOCH


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
    """The collection's own columns: one is of numbers if every photo that has it has a number there."""
    names = {name for record in records for name in record.columns}
    texts = {name for record in records for name, value in record.columns.items() if not isinstance(value, float)}
    return ColumnNames(numbers=tuple(sorted(names - texts)), texts=tuple(sorted(texts)))


def write_columns(path: Path, records: Sequence[PhotoRecord], groups: NDArray[np.uint32]) -> None:
    """Write what the records say.

    Args:
        path: Where the file goes.
        records: Those of the catalogue, in the same order.
        groups: uint32 [photos], the number of the photo that stands for each and its near-duplicates.
    """
    names = column_names(records)
    numbers = np.full((1 + len(names.numbers), len(records)), np.nan)
    terms: list[tuple[int, int]] = []
    for photo, record in enumerate(records):
        numbers[0, photo] = _day(record.taken)
        for row, name in enumerate(names.numbers, start=1):
            numbers[row, photo] = record.columns.get(name, np.nan)
        terms += [(found, photo) for found in _terms(record, names)]
    terms.sort()
    encoded = json.dumps({"numbers": names.numbers, "texts": names.texts}, ensure_ascii=False).encode()
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, len(encoded), len(records), len(terms)))
        file.write(numbers.astype("<f8").tobytes())
        file.write(np.array([found for found, _ in terms], dtype="<u8").tobytes())
        file.write(np.array([photo for _, photo in terms], dtype="<u4").tobytes())
        file.write(groups.astype("<u4").tobytes())
        file.write(encoded)


def _day(taken: str | None) -> float:
    try:
        return float(days_since_1970(datetime.date.fromisoformat((taken or "")[:10])))
    except ValueError:
        return float("nan")


def _terms(record: PhotoRecord, names: ColumnNames) -> set[int]:
    found = {term("type", record.type), term("orientation", orientation(record.width, record.height))}
    found.update(term("caption", caption.text) for caption in record.captions if caption.edited)
    for name in names.texts:
        value = record.columns.get(name, ())
        values = value if isinstance(value, tuple) else (f"{value:g}" if isinstance(value, float) else value,)
        found.update(term(name, text, own=True) for text in values)
    return found


class Columns:
    """A mapped columns file."""

    def __init__(
        self,
        *,
        names: ColumnNames,
        numbers: NDArray[np.float64],
        terms: NDArray[np.uint64],
        term_photos: NDArray[np.uint32],
        groups: NDArray[np.uint32],
    ) -> None:
        self.names = names
        self.groups = groups
        self._numbers = numbers
        self._terms = terms
        self._term_photos = term_photos

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the file and check its tables; raises BundleError where it is not a columns file."""
        mapped = map_file(path, HEADER, magic=MAGIC, version=VERSION)
        data, (names_bytes, photos, terms) = mapped.data, mapped.fields
        size = len(data)
        if not names_bytes <= min(size, MAX_NAMES_BYTES):
            raise BundleError(f"{path.name} has {names_bytes} bytes of names (expected at most {MAX_NAMES_BYTES})")
        names = _read_names(Fields.parse(data[size - names_bytes :], name=path.name))
        expected = HEADER.size + 8 * photos * (1 + len(names.numbers)) + 12 * terms + 4 * photos + names_bytes
        if size != expected:
            raise BundleError(f"Unexpected {size} bytes (expected {expected}) in {path.name}")
        columns = cls._map(data, names, photos, terms)
        columns._check(path.name)
        return columns

    @classmethod
    def _map(cls, data: mmap.mmap, names: ColumnNames, photos: int, terms: int) -> Self:
        rows = 1 + len(names.numbers)
        at_terms = HEADER.size + 8 * rows * photos
        at_photos = at_terms + 8 * terms
        return cls(
            names=names,
            numbers=np.frombuffer(data, "<f8", count=rows * photos, offset=HEADER.size).reshape(rows, photos),
            terms=np.frombuffer(data, "<u8", count=terms, offset=at_terms),
            term_photos=np.frombuffer(data, "<u4", count=terms, offset=at_photos),
            groups=np.frombuffer(data, "<u4", count=photos, offset=at_photos + 4 * terms),
        )

    def _check(self, name: str) -> None:
        """Check the tables: every number that leads somewhere leads to a photo."""
        sorted_terms = bool((self._terms[1:] >= self._terms[:-1]).all())
        if not sorted_terms or self._term_photos.max(initial=0) >= max(1, len(self)):
            raise BundleError(f"The table of terms of {name} does not fit its photos")
        if self.groups.max(initial=0) >= max(1, len(self)) or (self.groups[self.groups] != self.groups).any():
            raise BundleError(f"The groups of near-duplicates of {name} do not fit its photos")

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def taken(self) -> NDArray[np.float64]:
        """float64 [photos], the day on which each was taken (days since 1970), or NaN."""
        taken: NDArray[np.float64] = self._numbers[0]
        return taken

    def numbers(self, name: str) -> NDArray[np.float64]:
        """float64 [photos], the values of one of the collection's own columns of numbers, or NaN."""
        values: NDArray[np.float64] = self._numbers[1 + self.names.numbers.index(name)]
        return values

    def photos_with(self, wanted: int) -> NDArray[np.uint32]:
        """uint32 [n], the numbers of the photos that have a term, in no order."""
        key = np.uint64(wanted)
        low, high = np.searchsorted(self._terms, key, "left"), np.searchsorted(self._terms, key, "right")
        return self._term_photos[low:high]


def _read_names(fields: Fields) -> ColumnNames:
    names = ColumnNames(
        numbers=fields.texts("numbers", max_length=MAX_COLUMN_NAME),
        texts=fields.texts("texts", max_length=MAX_COLUMN_NAME),
    )
    fields.finish()
    if len(names.numbers) + len(names.texts) > MAX_COLUMNS:
        raise BundleError(f"More than {MAX_COLUMNS} columns")
    return names
