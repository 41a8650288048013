"""The codes file: one bit for each component of a photo's vector, and what of the vector the bits tell.

A component's bit says on which side of the segment's middle it lies, as in binary embeddings (Charikar 2002,
"Similarity estimation techniques from rounding algorithms", section 3). How many bits of two vectors differ tells the
angle between them; with the usual distance from the middle, that tells their inner product.

Layout, little-endian: magic (8 bytes), version u32, dim u32, photos u64, norm f64; codes u64 [words,
photos], where a word has the bits of 64 components, in eight bytes whose highest bit comes first, and zeros behind the
last; middle f32 [dim]; scales f32 [photos], of the rows in index.usearch; order u32 [photos], the photo's row at each
place there, here and among the views. The first words of all photos stand together,
then their second words: so they are compared with as few instructions as there are words.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.index.likeness_order import Order
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.mapped_file import map_file
from handler.errors import BundleError

FILE = "codes.bin"
MAGIC = b"thincode"
VERSION = 1
HEADER = struct.Struct("<8sIIQd")
MAX_NUMBER = 1e6
_ROWS_AT_ONCE = 16_384


def codes_of(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """The signs of vectors, float32 [n, dim], as bits, uint64 [dim / 64, rounded up, n]; 0 is positive."""
    bits = np.packbits(vectors >= 0.0, axis=1)
    padded = np.zeros((len(vectors), 8 * -(-vectors.shape[1] // 64)), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(padded.view("<u8").T)


def write_codes(path: Path, vectors: QuantisedVectors, order: Order) -> None:
    """Write the codes of a segment's vectors, [photos, dim], at least one, which are in this order."""
    photos, dim = vectors.rows.shape
    parts = [slice(start, start + _ROWS_AT_ONCE) for start in range(0, photos, _ROWS_AT_ONCE)]

    def floats(part: slice) -> NDArray[np.float32]:
        return QuantisedVectors(rows=vectors.rows[part], scales=vectors.scales[part]).floats()

    middle = (sum(floats(part).sum(0, dtype=np.float64) for part in parts) / photos).astype(np.float32)
    distance = 0.0
    codes = []
    for part in parts:
        off = floats(part) - middle
        distance += float(np.linalg.norm(off, axis=1).sum(dtype=np.float64))
        codes.append(codes_of(off))
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, dim, photos, distance / photos))
        file.write(np.concatenate(codes, axis=1).tobytes())
        file.write(middle.astype("<f4").tobytes())
        file.write(vectors.scales.astype("<f4").tobytes())
        file.write(order.astype("<u4").tobytes())


def read_codes_order(path: Path, *, photos: int) -> Order:
    """The order in a codes file that has been opened, uint32 [photos]."""
    data = map_file(path, HEADER, magic=MAGIC, version=VERSION).data
    return np.frombuffer(data, "<u4", offset=len(data) - 4 * photos)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A mapped codes file.

    Attributes:
        codes: uint64 [words, photos], as ``codes_of`` gives them.
        scales: float32 [photos], the values of one step of the int8 rows.
        middle: float32 [dim], the mean of the vectors.
        norm: How far vectors lie from the middle, in the mean.
        order: uint32 [photos], the row of the photo at each place.
    """

    codes: NDArray[np.uint64]
    scales: NDArray[np.float32]
    middle: NDArray[np.float32]
    norm: float
    order: Order

    @classmethod
    def open(cls, path: Path, *, photos: int, dim: int) -> Self:
        """Map the file; raises BundleError where it is not that of so many vectors."""
        mapped = map_file(path, HEADER, magic=MAGIC, version=VERSION)
        data, (found_dim, found_photos, norm) = mapped.data, mapped.fields
        if (found_photos, found_dim) != (photos, dim):
            raise BundleError(
                f"Unexpected {found_photos} codes of {found_dim} bits (expected {photos} of {dim}) in {path.name}"
            )
        words = -(-dim // 64)
        at_middle = HEADER.size + 8 * words * photos
        expected = at_middle + 4 * (dim + 2 * photos)
        if len(data) != expected:
            raise BundleError(f"Unexpected {len(data)} bytes (expected {expected}) in {path.name}")
        codes = np.frombuffer(data, "<u8", count=words * photos, offset=HEADER.size).reshape(words, photos)
        middle = np.frombuffer(data, "<f4", count=dim, offset=at_middle)
        scales = np.frombuffer(data, "<f4", count=photos, offset=at_middle + 4 * dim)
        order = np.frombuffer(data, "<u4", offset=at_middle + 4 * (dim + photos))
        in_range = all(bool((numbers <= MAX_NUMBER).all()) for numbers in (np.abs(middle), scales, np.array(norm)))
        if not (in_range and (scales >= 0.0).all() and norm >= 0.0):
            raise BundleError(f"Numbers in {path.name} are out of range")
        if dim % 64 and (codes[-1] & ~codes_of(np.zeros((1, dim), np.float32))[-1]).any():
            raise BundleError(f"Codes in {path.name} have more than {dim} bits")
        there = np.zeros(photos, dtype=bool)
        there[order[order < photos]] = True
        if not there.all():
            raise BundleError(f"The order in {path.name} does not have every photo once")
        return cls(codes=codes, scales=scales, middle=middle, norm=norm, order=order)
