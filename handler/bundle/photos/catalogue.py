"""The catalogue: what is known of each photo, one record read at a time.

A photo's number in its segment is the rank of its id: its row in the index, in the views and here.

Layout, little-endian: magic (8 bytes), version u32, bytes of the sparse index u32, count u64, offsets u64 [count + 1]
from the start of the file; then the records, UTF-8 JSON, in the bytewise order of their ids; then the sparse index, a
JSON list with the id of every 128th record, from the first on. Record i lies at offsets[i] to offsets[i + 1].
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedArray, BlockedFile, Reading, Wanted
from handler.bundle.fields import Fields
from handler.bundle.mapped_file import check_header
from handler.errors import BundleError

MAGIC = b"thinlens"
VERSION = 2
HEADER = struct.Struct("<8sIIQ")
INDEXED = 128
"""One record of so many stands in the sparse index."""
MAX_SIDE = 1 << 31
MAX_PHOTO_BYTES = 1 << 50
MAX_VALUE_LENGTH = 1_024
MAX_NUMBER = 1e300
MAX_TEXT_BYTES = 65_536
"""Of the lines of text in a photo, in UTF-8: a record is read whole, and pages of newspapers have much more."""

ColumnValue: TypeAlias = str | float | tuple[str, ...]


CaptionKind = Literal["caption", "names", "none"]
CAPTION_KINDS: tuple[CaptionKind, ...] = ("caption", "names", "none")
TakenSource = Literal["exif", "xmp", "name"]
TAKEN_SOURCES: tuple[TakenSource | None, ...] = (None, "exif", "xmp", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One text about a photo.

    Attributes:
        instruction: What the captioner was asked.
        text: What is said.
        edited: Whether a person wrote it in place of the captioner's.
        kind: "caption" answers the instruction; "names" are of what the photo shows for sure, where an answer would
            hardly have been true; "none" is empty, where nothing was sure.
    """

    instruction: str
    text: str
    edited: bool
    kind: CaptionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """What is known of one photo.

    Attributes:
        id: Its path relative to the folder that was indexed, with "/" between the parts.
        content: The sha256 of its file, hexadecimal, by which its thumbnail is found; empty where `addresses` are.
        width: Pixels, as shown (after EXIF orientation).
        height: Pixels, as shown.
        type: The format of its file, such as "jpeg".
        size_bytes: Size of the photo's file.
        taken: When it was taken, ISO 8601, if known; a day alone where only the day is.
        placeholder: What is shown until the thumbnail is there, if known: the mean sRGB colours of a
            grid 4 wide and 3 high, row by row, 72 hexadecimal digits.
        captions: One for each instruction, in the order of the manifest's caption views.
        columns: What the collection's own table says of it, by the columns' names.
        taken_source: Who says when it was taken; None where nobody does, or an older bundle doesn't tell.
        addresses: In bundles of format 1 its own address and that of its thumbnail.
        text: What can be read in it: lines in reading order, as many as ``beginning`` leaves.
    """

    id: str
    content: str
    width: int
    height: int
    type: str
    size_bytes: int
    taken: str | None
    placeholder: str | None
    captions: tuple[Caption, ...]
    columns: Mapping[str, ColumnValue]
    taken_source: TakenSource | None = None
    addresses: tuple[str, str] | None = None
    text: tuple[str, ...] = ()


def beginning(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines of text from the first on, for as long as they have no more than ``MAX_TEXT_BYTES``; none is cut."""
    sizes = accumulate(len(line.encode()) for line in lines)
    return tuple(line for line, size in zip(lines, sizes, strict=True) if size <= MAX_TEXT_BYTES)


def write_catalogue(path: Path, records: Sequence[PhotoRecord]) -> None:
    """Write the records: sorted by id, unique, each with as many captions as there are instructions.

    Raises:
        ValueError: Where they are not so; their numbers would not be those of index and views.
    """
    for before, after in pairwise(records):
        # UTF-8 keeps the order of code points, so this is the bytewise order too.
        if before.id >= after.id:
            raise ValueError(f"records not sorted and unique: {before.id!r} before {after.id!r}")
        if len(before.captions) != len(after.captions):
            raise ValueError(f"not as many captions for {before.id!r} as for {after.id!r}")
    encoded = [_encode(record) for record in records]
    start = HEADER.size + 8 * (len(encoded) + 1)
    sizes = np.array([0, *map(len, encoded)], dtype="<u8")
    offsets = start + np.cumsum(sizes, dtype="<u8")
    indexed = json.dumps([record.id for record in records[::INDEXED]], ensure_ascii=False).encode()
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, len(indexed), len(encoded)))
        file.write(offsets.astype("<u8").tobytes())
        file.writelines(encoded)
        file.write(indexed)


def _encode(record: PhotoRecord) -> bytes:
    document = asdict(record)
    del document["addresses"]
    if not record.text:  # as in bundles of before, which functions of before read
        del document["text"]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class Catalogue:
    """A catalogue file, of which what is asked for is verified and read."""

    def __init__(self, file: BlockedFile, *, photos: int, captions: int, version: int = VERSION) -> None:
        """A catalogue of so many photos with so many captions each; version 1 is that of bundles of format 1.

        Raises:
            BundleError: The file is too short for so many.
        """
        self._file = file
        self._captions = captions
        self._version = version
        self._offsets = BlockedArray(file, "<u8", (photos + 1,), offset=HEADER.size)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def records(self, rows: Sequence[int]) -> Reading[list[PhotoRecord]]:
        """Read the records of some rows, each of which is one of its rows.

        Raises:
            BundleError: One of them, or the file, is not what it should be.
        """
        encoded = yield from self.encoded(rows)
        return [self.decoded(row, data) for row, data in zip(rows, encoded, strict=True)]

    def encoded(self, rows: Sequence[int]) -> Reading[list[bytes]]:
        """The records of some rows as they are written; raises as ``records`` does, but for what they say."""
        starts, ends = yield from self._bounds(rows)
        yield self._file.wanted(starts, ends)
        return [self._file.data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def decoded(self, row: int, data: bytes) -> PhotoRecord:
        """The record of a row; raises BundleError where it is not what it should be."""
        name = f"{self._file.name} [{row}]"
        record = _read_record(Fields.parse(data, name=name))
        if len(record.captions) != self._captions:
            raise BundleError(f"Unexpected {len(record.captions)} captions (expected {self._captions}) in {name}")
        return record

    def sparse_index(self) -> Reading[Sequence[str]]:
        """The ids of rows 0, INDEXED, 2 * INDEXED, …; none in version 1."""
        if self._version == 1:
            return ()
        yield self._header()
        yield self._file.wanted(len(self._file) - self._indexed_bytes, len(self._file))
        return self._indexed

    def find(self, photo_id: str) -> Reading[int | None]:
        """The row of the photo with exactly this id; None where there is none."""
        row = yield from self.rank(photo_id)
        if row == len(self):
            return None
        (record,) = yield from self.records([row])
        return row if record.id == photo_id else None

    def rank(self, photo_id: str) -> Reading[int]:
        """How many photos have an id before this one, whether there is a photo of this id or not."""
        low, high = 0, len(self)
        if indexed := (yield from self.sparse_index()):
            high = INDEXED * bisect_right(indexed, photo_id)
            low, high = max(0, high - INDEXED), min(high, len(self))
        if low == high:  # it comes before the first
            return low
        starts, ends = yield from self._bounds(range(low, high))
        yield self._file.wanted(starts[0], ends[-1])
        bounds = list(zip(starts.tolist(), ends.tolist(), strict=True))
        return low + bisect_left(
            range(len(bounds)),
            photo_id,
            key=lambda place: self.decoded(low + place, self._file.data[slice(*bounds[place])]).id,
        )

    def _header(self) -> Wanted:
        return self._file.wanted(0, HEADER.size)

    @cached_property
    def _indexed_bytes(self) -> int:
        """The bytes of the sparse index; checks the header, which has been verified."""
        fields = check_header(self._file.data, HEADER, magic=MAGIC, version=self._version, name=self._file.name)
        indexed_bytes, count = fields
        if count != len(self) or indexed_bytes > len(self._file) or (self._version > 1 and not indexed_bytes):
            raise BundleError(f"Unexpected {count} records (expected {len(self)}) in {self._file.name}")
        return int(indexed_bytes)

    @cached_property
    def _indexed(self) -> list[str]:
        """The ids in the sparse index, which has been verified."""
        data = self._file.data[len(self._file) - self._indexed_bytes :]
        fields = Fields.parse(b'{"ids":%s}' % data, name=self._file.name)
        ids = fields.texts("ids", most=len(self))
        fields.finish()
        if len(ids) != -(-len(self) // INDEXED):
            raise BundleError(f"Unexpected {len(ids)} ids in the sparse index of {self._file.name}")
        return list(ids)

    def _bounds(self, rows: Sequence[int]) -> Reading[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Where the records of some rows start and end."""
        wanted = np.array(rows, dtype=np.int64)
        table = self._offsets.wanted(np.concatenate([wanted, wanted + 1]))
        yield self._file.wanted(np.append(table.starts, 0), np.append(table.ends, HEADER.size))
        first = HEADER.size + 8 * len(self._offsets)
        last = len(self._file) - self._indexed_bytes
        starts, ends = self._offsets.taken(wanted), self._offsets.taken(wanted + 1)
        if not ((starts >= first) & (starts < ends) & (ends <= last)).all():
            raise BundleError(f"The offset table of {self._file.name} does not fit its records")
        return starts.astype(np.int64), ends.astype(np.int64)


def _read_record(fields: Fields) -> PhotoRecord:
    has_addresses = fields.has("url")  # as format 1 has them
    record = PhotoRecord(
        id=fields.text("id"),
        content="" if has_addresses else fields.digest("content"),
        addresses=(fields.text("url"), fields.text("thumbnail")) if has_addresses else None,
        width=fields.integer("width", low=1, high=MAX_SIDE),
        height=fields.integer("height", low=1, high=MAX_SIDE),
        type=fields.text("type", max_length=16),
        size_bytes=fields.integer("size_bytes", low=0, high=MAX_PHOTO_BYTES),
        taken=fields.optional_text("taken", max_length=64),
        placeholder=fields.optional_text("placeholder", max_length=72),
        captions=tuple(_read_caption(caption) for caption in fields.children("captions")),
        columns=_read_columns(fields.child("columns")),
        taken_source=fields.choice("taken_source", TAKEN_SOURCES) if fields.has("taken_source") else None,
        text=_read_text(fields) if fields.has("text") else (),
    )
    fields.finish()
    return record


def _read_text(fields: Fields) -> tuple[str, ...]:
    lines = fields.texts("text", max_length=MAX_TEXT_BYTES, most=MAX_TEXT_BYTES)
    if beginning(lines) != lines:
        raise BundleError(f"More than {MAX_TEXT_BYTES} bytes in 'text' of {fields.name}")
    return lines


def _read_columns(fields: Fields) -> dict[str, ColumnValue]:
    return {
        name: fields.text_number_or_texts(name, max_length=MAX_VALUE_LENGTH, limit=MAX_NUMBER)
        for name in fields.names()
    }


def _read_caption(fields: Fields) -> Caption:
    caption = Caption(
        instruction=fields.text("instruction"),
        text=fields.text("text"),
        edited=fields.flag("edited"),
        kind=fields.choice("kind", CAPTION_KINDS) if fields.has("kind") else "caption",
    )
    fields.finish()
    return caption
