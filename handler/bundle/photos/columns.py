"""The columns: what photos can be filtered and folded by, mapped, so that a filter reads no record.

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
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.fields import Fields
from handler.bundle.mapped_file import map_file
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.photos.numbers import are_among
from handler.bundle.texts import normalise
from handler.errors import BundleError

MAGIC = b"thincols"
VERSION = 2
HEADER = struct.Struct("<8sIIQQ")
MAX_COLUMNS = 64
MAX_COLUMN_NAME = 64
MAX_NAMES_BYTES = 1 << 16
_EPOCH = datetime.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """The collection's own columns by kind, each in alphabetical order; in a segment one may be of both kinds."""

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


def _kind_term(name: str, kind: Literal["number", "text"]) -> int:
    """The number that stands for having a value of a kind in one of the collection's own columns."""
    return term(f"column {name}", kind)


def _terms(record: PhotoRecord) -> set[int]:
    found = {term("type", record.type), term("orientation", orientation(record.width, record.height))}
    found.update(term("caption", caption.text) for caption in record.captions if caption.edited)
    for name, value in record.columns.items():  # numbers too: elsewhere the column may have texts
        values = value if isinstance(value, tuple) else (f"{value:g}" if isinstance(value, float) else value,)
        found.update(term(name, text, own=True) for text in values)
        found.add(_kind_term(name, "number" if isinstance(value, float) else "text"))
    return found


class Columns:
    """A mapped columns file.

    Attributes:
        names: The collection's own columns.
        groups: In version 1 the number of the photo that stands for each and its near-duplicates, uint32 [photos].
    """

    def __init__(
        self,
        *,
        names: ColumnNames,
        numbers: NDArray[np.float64],
        terms: NDArray[np.uint64],
        term_photos: NDArray[np.uint32],
        groups: NDArray[np.uint32] | None,
    ) -> None:
        self.names = names
        self.groups = groups
        self._numbers = numbers
        self._terms = terms
        self._term_photos = term_photos

    @classmethod
    def open(cls, path: Path, *, version: int = VERSION) -> Self:
        """Map the file and check its tables; raises BundleError where it is not a columns file.

        In version 1, that of bundles of format 1, the groups of near-duplicates stand behind the terms.
        """
        mapped = map_file(path, HEADER, magic=MAGIC, version=version)
        data, (names_bytes, photos, terms) = mapped.data, mapped.fields
        size = len(data)
        if not names_bytes <= min(size, MAX_NAMES_BYTES):
            raise BundleError(f"{path.name} has {names_bytes} bytes of names (expected at most {MAX_NAMES_BYTES})")
        names = _read_names(Fields.parse(data[size - names_bytes :], name=path.name))
        groups = 4 * photos if version == 1 else 0
        expected = HEADER.size + 8 * photos * (1 + len(names.numbers)) + 12 * terms + groups + names_bytes
        if size != expected:
            raise BundleError(f"Unexpected {size} bytes (expected {expected}) in {path.name}")
        rows = 1 + len(names.numbers)
        at_terms = HEADER.size + 8 * rows * photos
        columns = cls(
            names=names,
            numbers=np.frombuffer(data, "<f8", count=rows * photos, offset=HEADER.size).reshape(rows, photos),
            terms=np.frombuffer(data, "<u8", count=terms, offset=at_terms),
            term_photos=np.frombuffer(data, "<u4", count=terms, offset=at_terms + 8 * terms),
            groups=np.frombuffer(data, "<u4", count=photos, offset=at_terms + 12 * terms) if groups else None,
        )
        columns._check(path.name)
        return columns

    def _check(self, name: str) -> None:
        """Check the tables: every number that leads somewhere leads to a photo."""
        sorted_terms = bool((self._terms[1:] >= self._terms[:-1]).all())
        if not sorted_terms or self._term_photos.max(initial=0) >= max(1, len(self)):
            raise BundleError(f"The table of terms of {name} does not fit its photos")
        if (groups := self.groups) is None:
            return
        if groups.max(initial=0) >= max(1, len(self)) or (groups[groups] != groups).any():
            raise BundleError(f"The groups of near-duplicates of {name} do not fit its photos")

    def __len__(self) -> int:
        return len(self._numbers[0])

    def names_without(self, gone: NDArray[np.int64]) -> ColumnNames:
        """The columns in which other photos have something than those of some rows."""

        def is_there(name: str, kind: Literal["number", "text"]) -> bool:
            photos = self.photos_with(_kind_term(name, kind))
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
    if len({*names.numbers, *names.texts}) > MAX_COLUMNS:
        raise BundleError(f"More than {MAX_COLUMNS} columns")
    return names
