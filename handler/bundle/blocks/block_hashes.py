"""The hashes of blocks: what lets a large file be used before all of it has been read.

A file of a segment is read in pieces, of which each must be what was written. So blocks.bin, which the manifest hashes
as a whole, holds a hash of each block of the other files: the first 16 bytes of its SHA-256. Whoever made another block
of the same 128 bits would need 2 ** 128 attempts.

Layout, little-endian: magic (8 bytes), version u32, bytes of a block u32; then 16 bytes for each block of each file, in
the order of BLOCKED_FILES. A file's last block ends where the file ends.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import BLOCKED_FILES
from handler.bundle.mapped_file import map_file
from handler.errors import BundleError

FILE = "blocks.bin"
MAGIC = b"thinblok"
VERSION = 1
HEADER = struct.Struct("<8sII")
BLOCK_BYTES = 1 << 13
HASH_BYTES = 16

Hashes = NDArray[np.uint8]


def hash_of(block: bytes | memoryview) -> bytes:
    """The hash of a block: 16 bytes."""
    return hashlib.sha256(block).digest()[:HASH_BYTES]


def block_count(size_bytes: int) -> int:
    """How many blocks a file of this size has."""
    return -(-size_bytes // BLOCK_BYTES)


def write_block_hashes(folder: Path) -> None:
    """Hash the blocks of BLOCKED_FILES, which lie in a segment's folder, into its blocks.bin; raises OSError."""
    with (folder / FILE).open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, BLOCK_BYTES))
        for name in BLOCKED_FILES:
            file.write(b"".join(map(hash_of, _blocks(folder / name))))


def read_block_hashes(path: Path, sizes: Mapping[str, int]) -> dict[str, Hashes]:
    """The hashes in a verified blocks.bin, uint8 [blocks, 16] by file.

    Args:
        path: Where it lies.
        sizes: The bytes of each of BLOCKED_FILES.

    Raises:
        BundleError: It isn't that of files of these sizes.
    """
    mapped = map_file(path, HEADER, magic=MAGIC, version=VERSION)
    (block_bytes,) = mapped.fields
    counts = [block_count(sizes[name]) for name in BLOCKED_FILES]
    found, expected = (block_bytes, len(mapped.data)), (BLOCK_BYTES, HEADER.size + HASH_BYTES * sum(counts))
    if found != expected:
        raise BundleError(
            f"Unexpected {found[1]} bytes for blocks of {found[0]} (expected {expected[1]} for blocks of {expected[0]})"
            f" in {path.name}"
        )
    hashes = np.frombuffer(mapped.data, np.uint8, offset=HEADER.size).reshape(-1, HASH_BYTES)
    ends = np.cumsum(counts)
    return {name: hashes[end - count : end] for name, count, end in zip(BLOCKED_FILES, counts, ends, strict=True)}


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
