"""The collection file: what is known of photos only together: which are gone, and which are near-duplicates.

Segments never change. A photo that has been removed, or that stands in a newer segment as it is now, is gone from the
segment where it stood; near-duplicates may lie in different segments.

Layout, little-endian: magic (8 bytes), version u32, zero u32, photos u64, gone u64, members u64; the numbers of photos
that are gone, u32, rising; the numbers of photos for which another one stands, u32, rising; the numbers of those, u32.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.mapped_file import map_file
from handler.bundle.numbers import are_among
from handler.errors import BundleError

MAGIC = b"thincoll"
VERSION = 1
HEADER = struct.Struct("<8sIIQQQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFile:
    """What the file says.

    Attributes:
        photos: How many photos the segments hold, those that are gone included.
        gone: int64 [n], their numbers, rising.
        members: int64 [n], the numbers of near-duplicates for which another photo stands, rising.
        leaders: int64 [n], the numbers of the photos that stand for them, none of which is a member. None of either
            is gone.
    """

    photos: int
    gone: NDArray[np.int64]
    members: NDArray[np.int64]
    leaders: NDArray[np.int64]

    def write(self, path: Path) -> None:
        """Write it; raises OSError."""
        with path.open("wb") as file:
            file.write(HEADER.pack(MAGIC, VERSION, 0, self.photos, len(self.gone), len(self.members)))
            for numbers in (self.gone, self.members, self.leaders):
                file.write(numbers.astype("<u4").tobytes())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check it; raises BundleError where it isn't what it should be."""
        mapped = map_file(path, HEADER, magic=MAGIC, version=VERSION)
        data, (_, photos, gone, members) = mapped.data, mapped.fields
        expected = HEADER.size + 4 * (gone + 2 * members)
        if len(data) != expected:
            raise BundleError(f"Unexpected {len(data)} bytes (expected {expected}) in {path.name}")
        numbers = np.frombuffer(data, "<u4", offset=HEADER.size).astype(np.int64)
        found = cls(
            photos=photos,
            gone=numbers[:gone],
            members=numbers[gone : gone + members],
            leaders=numbers[gone + members :],
        )
        if not found._fits():
            raise BundleError(f"The numbers in {path.name} do not fit its {photos} photos")
        return found

    def groups(self) -> NDArray[np.uint32]:
        """The number of the photo that stands for each, its own where it stands for itself: uint32 [photos]."""
        groups = np.arange(self.photos, dtype=np.uint32)
        groups[self.members] = self.leaders
        return groups

    def _fits(self) -> bool:
        rising = all(bool((numbers[1:] > numbers[:-1]).all()) for numbers in (self.gone, self.members))
        inside = all(numbers.max(initial=-1) < self.photos for numbers in (self.gone, self.members, self.leaders))
        grouped = np.concatenate([self.members, self.leaders])
        return (
            rising
            and inside
            and not are_among(self.leaders, self.members).any()
            and not are_among(grouped, self.gone).any()
        )
