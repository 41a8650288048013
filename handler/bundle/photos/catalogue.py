"""The catalogue: what is known of each photo, mapped, one record read at a time.

A photo's number in its segment is the rank of its id: its row in the index, in the views and here.

Layout, little-endian: magic (8 bytes), version u32, zero u32, count u64, offsets u64 [count + 1]
from the start of the file, then the records, UTF-8 JSON, in the bytewise order of their ids. Record
i lies at offsets[i] to offsets[i + 1]; the last offset is the size of the file.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handler.bundle.fields import Fields
from handler.bundle.mapped_file import map_file
from handler.errors import BundleError

MAGIC = b"thinlens"
VERSION = 1
HEADER = struct.Struct("<8sIIQ")
MAX_SIDE = 1 << 31
MAX_PHOTO_BYTES = 1 << 50
MAX_VALUE_LENGTH = 1_024
MAX_NUMBER = 1e300

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
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, 0, len(encoded)))
        file.write(offsets.astype("<u8").tobytes())
        file.writelines(encoded)


def _encode(record: PhotoRecord) -> bytes:
    document = asdict(record)
    del document["addresses"]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class Catalogue:
    """A mapped catalogue file."""

    def __init__(self, data: mmap.mmap, offsets: NDArray[np.uint64], name: str) -> None:
        self._data = data
        self._offsets = offsets
        self._name = name

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the file and check its table; raises BundleError where it is not a catalogue."""
        mapped = map_file(path, HEADER, magic=MAGIC, version=VERSION)
        data, (_, count) = mapped.data, mapped.fields
        size = len(data)
        start = HEADER.size + 8 * (count + 1)
        if size < start:
            raise BundleError(f"{path.name} is truncated: {size} bytes for {count} records")
        offsets = np.frombuffer(data, dtype="<u8", count=count + 1, offset=HEADER.size)
        rising = bool((offsets[1:] > offsets[:-1]).all())
        if not rising or (offsets[0], offsets[-1]) != (start, size):
            raise BundleError(f"The offset table of {path.name} does not fit its records")
        # Records are read here and there: what the kernel read around them would push the index out of a small memory.
        data.madvise(mmap.MADV_RANDOM)
        return cls(data, offsets, path.name)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, number: int) -> PhotoRecord:
        """The record of a photo number; IndexError beyond the last."""
        if not 0 <= number < len(self):
            raise IndexError(f"photo number {number} (expected 0 to {len(self) - 1})")
        start, end = int(self._offsets[number]), int(self._offsets[number + 1])
        return _read_record(Fields.parse(self._data[start:end], name=f"{self._name} [{number}]"))

    def find(self, photo_id: str) -> int | None:
        """The number of the photo with exactly this id; None where there is none."""
        number = self.rank(photo_id)
        return number if number < len(self) and self[number].id == photo_id else None

    def rank(self, photo_id: str) -> int:
        """How many photos have an id before this one, whether there is a photo of this id or not."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self[middle].id < photo_id:
                low = middle + 1
            else:
                high = middle
        return low


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
    )
    fields.finish()
    return record


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
