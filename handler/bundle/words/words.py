"""The words of all photos: in which photos words stand, and in which of their texts.

A row of a segment's words file is one field of one photo. What a captioner says stands there under terms of its own, so
that what it says often of all photos makes no other question slower.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedFile, read_together
from handler.bundle.numbers import are_among
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.words.photo_texts import FIELDS, Field, field_texts
from handler.bundle.words.words_file import Lookup, Phrase, Rows, WordsFile, write_words
from handler.errors import BundleError

MOST_LOADED_BYTES = 4 << 20
"""More than so much of the words files stands in memory during a question alone."""

_FIELD_BITS = 3
_SAID = "\u00a6"
"""What precedes each term of a captioner's."""
_BETWEEN = "\u00a7"
"""A term between texts that do not follow each other."""


def write_photo_words(path: Path, records: Sequence[PhotoRecord]) -> None:
    """Write the words file of a segment's records; raises OSError."""
    write_words(path, _rows(records), photos=len(records))


def _rows(records: Iterable[PhotoRecord]) -> Iterator[tuple[int, str]]:
    for photo, record in enumerate(records):
        texts: dict[Field, list[str]] = {}
        for text in field_texts(record):
            terms = as_terms([token.text for token in text.tokens()], text.field)
            if terms and texts.get(text.field) and text.field != "text":
                texts[text.field].append(_BETWEEN)
            texts.setdefault(text.field, []).extend(terms)
        for field, field_terms in texts.items():
            if field_terms:
                yield photo << _FIELD_BITS | FIELDS.index(field), " ".join(field_terms)


def as_terms(tokens: Sequence[str], field: Field) -> Phrase:
    """The terms under which tokens stand in a field."""
    return tuple(f"{_SAID}{token}" if field == "caption" else token for token in tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a phrase stands, place by place: the numbers of the photos, int64 [n], rising, and the fields, uint8 [n].

    A field is its place in FIELDS.
    """

    numbers: NDArray[np.int64]
    fields: NDArray[np.uint8]

    @classmethod
    def of(cls, rows: Rows, photos: int, name: str) -> Self:
        """What rows of a file stand for; raises BundleError where one stands for no photo's field."""
        numbers, fields = rows >> _FIELD_BITS, rows & ((1 << _FIELD_BITS) - 1)
        if len(rows) and (rows[0] < 0 or numbers[-1] >= photos or fields.max() >= len(FIELDS)):
            raise BundleError(f"The rows of {name} don't fit its {photos} photos")
        return cls(numbers=numbers, fields=fields.astype(np.uint8))

    def and_then(self, other: Standing) -> Self:
        """Where either of two phrases stands: the places of this one, then those of the other."""
        return type(self)(
            numbers=np.concatenate([self.numbers, other.numbers]), fields=np.concatenate([self.fields, other.fields])
        )


class Words:
    """The words of all segments; may be used by several threads."""

    def __init__(self, files: Sequence[BlockedFile], *, photos: Sequence[int], gone: NDArray[np.int64]) -> None:
        """The words files of segments with so many photos each; photos of some numbers, which rise, are gone."""
        self._files = [WordsFile(file, photos=count) for file, count in zip(files, photos, strict=True)]
        self._names = [file.name for file in files]
        self._photos = list(photos)
        self._gone = gone
        ends = np.cumsum([0, *self._photos])
        self._gone_rows = (np.diff(np.searchsorted(gone, ends)) * len(FIELDS)).tolist()
        self._lock = threading.Lock()

    def find(self, lookups: Sequence[Lookup]) -> list[Standing | None]:
        """Where each of some phrases of terms stands; None of one that is too common, whatever segments it stands in.

        Raises:
            BundleError: A file isn't what it should be.
            StoreError: One can't be had.
        """
        with self._lock:
            try:
                readings = zip(self._files, self._gone_rows, strict=True)
                found = read_together([file.find(lookups, gone=gone) for file, gone in readings])
            finally:
                if sum(file.loaded_bytes for file in self._files) > MOST_LOADED_BYTES:
                    for file in self._files:
                        file.forget()
        standings = map(self._standing, zip(*found, strict=True))
        return [
            None if standing is None or lookup.is_too_common(len(standing.numbers)) else standing
            for lookup, standing in zip(lookups, standings, strict=True)
        ]

    def _standing(self, of_segments: Sequence[Rows | None]) -> Standing | None:
        """Where a phrase stands by its rows in each segment; None where it is too common in one."""
        numbers, fields, start = [], [], 0
        for rows, name, photos in zip(of_segments, self._names, self._photos, strict=True):
            if rows is None:
                return None
            here = Standing.of(rows, photos, name)
            numbers.append(here.numbers + start)
            fields.append(here.fields)
            start += photos
        whole = Standing(numbers=np.concatenate(numbers), fields=np.concatenate(fields))
        if not len(self._gone) or not len(whole.numbers):
            return whole
        there = ~are_among(whole.numbers, self._gone)
        return Standing(numbers=whole.numbers[there], fields=whole.fields[there])
