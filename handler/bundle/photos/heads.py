"""Heads: of many photos the id and the date, and the folders in which they lie, without reading all that is known.

Knows how a record begins and that ids are in order; knows nothing of segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from handler.bundle.blocks.blocked_file import Reading
from handler.bundle.photos.catalogue import INDEXED, Catalogue

# What stands before the date are no lists or objects; a record whose texts are escaped is read as a whole.
_HEAD = re.compile(rb'\{"id":"(?P<id>[^"\\]+)",[^\[\{\\]*?"taken":(?:null|"(?P<taken>[^"\\]*)")[,}]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The id of a photo, and when it was taken, ISO 8601, if known."""

    id: str
    taken: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRange:
    """A folder, and from which photo to before which its photos and those below it lie."""

    folder: str
    low: int
    high: int


def heads(catalogue: Catalogue, rows: Sequence[int]) -> Reading[list[Head]]:
    """The heads of the photos of some rows; raises as ``Catalogue.records`` does."""
    encoded = yield from catalogue.encoded(rows)
    return [_head(catalogue, row, data) for row, data in zip(rows, encoded, strict=True)]


def _head(catalogue: Catalogue, row: int, data: bytes) -> Head:
    found = _HEAD.match(data)
    if not found:
        record = catalogue.decoded(row, data)
        return Head(id=record.id, taken=record.taken)
    taken: bytes | None = found["taken"]
    return Head(id=found["id"].decode(), taken=None if taken is None else taken.decode())


def folders(catalogue: Catalogue, parent: str) -> Reading[list[FolderRange]]:
    """The folders directly in a folder, which is named without a slash at its end, or "" for the top, by name.

    Where two photos lie in one folder, so do all between them: so of a large folder few photos are looked at.

    Raises:
        BundleError: As ``Catalogue.records`` does.
    """
    first, last = 0, len(catalogue)
    if parent:
        first = yield from catalogue.rank(f"{parent}/")
        last = yield from catalogue.rank(f"{parent}0")  # the character that follows "/"
    if first == last:
        return []
    start = len(parent) + 1 if parent else 0
    ids = yield from _some_ids(catalogue, first, last)
    between = [
        row
        for (low, here), (high, there) in pairwise(sorted(ids.items()))
        if not _child(here, start) or _child(here, start) != _child(there, start)
        for row in range(low + 1, high)
    ]
    found = yield from heads(catalogue, between)
    ids.update((row, head.id) for row, head in zip(between, found, strict=True))
    return list(_runs(sorted(ids.items()), start))


def _some_ids(catalogue: Catalogue, first: int, last: int) -> Reading[dict[int, str]]:
    """The ids of the first and the last of some rows, and of every INDEXED-th row between them."""
    indexed = yield from catalogue.sparse_index()
    rows = range(-(-first // INDEXED) * INDEXED, last, INDEXED)
    ids = {row: indexed[row // INDEXED] for row in rows} if indexed else {}
    others = sorted({first, last - 1, *rows} - ids.keys())
    found = yield from heads(catalogue, others)
    return ids | {row: head.id for row, head in zip(others, found, strict=True)}


def _child(photo_id: str, start: int) -> str:
    """The folder in which a photo lies or which is above it, of those in the one whose name ends before `start`.

    Example: "a/b/c/1.jpg", 2 -> "a/b"; "a/1.jpg", 2 -> ""
    """
    end = photo_id.find("/", start)
    return photo_id[:end] if end >= 0 else ""


def _runs(ids: Sequence[tuple[int, str]], start: int) -> Iterator[FolderRange]:
    """The folders of photos whose ids are known, or stand between two of one folder."""
    for folder, run in groupby(ids, key=lambda entry: _child(entry[1], start)):
        if folder:
            rows = [row for row, _ in run]
            yield FolderRange(folder=folder, low=rows[0], high=rows[-1] + 1)
