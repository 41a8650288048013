"""Blocked files: mapped, and no byte of them is used before the block in which it lies has been verified.

A block that isn't what its hash says is fetched from where the file comes from, if it comes from somewhere, and put in
its place once it is verified. So a file may be empty at first: what of it is asked for arrives, and what is damaged is
replaced.
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.block_hashes import BLOCK_BYTES, Hashes, hash_of
from handler.errors import BundleError, StoreError

JOINED_BLOCKS = 8
"""What lies so close together is fetched as one piece: a request takes as long as 64 KiB do."""

Offsets = NDArray[np.int64]

_NONE: Offsets = np.empty(0, np.int64)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Whole blocks of a file that follow each other: the bytes from `start` to `end`."""

    file: BlockedFile
    start: int
    end: int


class BlockSource(Protocol):
    """Where the blocks of a bundle's files come from."""

    def fetch(self, pieces: Sequence[Piece], received: Callable[[Piece, memoryview], None]) -> None:
        """Fetch pieces, several at once, and hand each over as it comes, from any thread.

        Raises:
            StoreError: One cannot be had.
        """

    def bring_rest(self, files: Sequence[BlockedFile]) -> None:
        """Begin to bring all of some files, in their order, while nobody asks for anything else."""


class BlockedFile:
    """A file of a segment; may be used by several threads."""

    def __init__(
        self,
        path: Path,
        hashes: Hashes | None = None,
        *,
        name: str = "",
        source: BlockSource | None = None,
        scanned: bool = False,
    ) -> None:
        """Map the file.

        Args:
            path: Where it lies; it has its size.
            hashes: uint8 [blocks, 16], what its blocks must be; None where none of them need be verified.
            name: Its path in the bundle's folder.
            source: Where blocks come from that aren't what they should be.
            scanned: Whether it is read from one end to the other, and not here and there.

        Raises:
            OSError: It can't be mapped.
        """
        self.name = name or path.name
        self.source = source
        self._disk = path.open("rb" if source is None else "r+b", buffering=0)
        # Not at the end of the process, when a thread may still be writing.
        weakref.finalize(self, self._disk.close).atexit = False
        self.data = mmap.mmap(self._disk.fileno(), 0, access=mmap.ACCESS_READ)
        if not scanned:
            # Whatever the kernel read around what is read would push the rest out of a small memory.
            self.data.madvise(mmap.MADV_RANDOM)
        if source is None:
            self._disk.close()
        self._hashes = hashes
        self._sound = np.full(0 if hashes is None else len(hashes), fill_value=False)

    def __len__(self) -> int:
        """Its bytes."""
        return len(self.data)

    def wanted(self, starts: int | Offsets, ends: int | Offsets) -> Wanted:
        """Bytes from each of `starts` to each of `ends`, all of which are larger."""
        return Wanted(file=self, starts=np.atleast_1d(starts), ends=np.atleast_1d(ends))

    def everything(self) -> Wanted:
        """All of it."""
        return self.wanted(0, len(self))

    def doubtful(self, starts: Offsets, ends: Offsets) -> Offsets:
        """The blocks that lie from `starts` to `ends` and aren't known to be sound: int64 [n], rising."""
        if self._hashes is None:
            return _NONE
        first, last = starts // BLOCK_BYTES, (ends - 1) // BLOCK_BYTES
        sound = np.count_nonzero(self._sound[first]) + np.count_nonzero(self._sound[last])
        if sound == 2 * len(first) and not np.count_nonzero(last - first > 1):
            return _NONE
        begun = np.bincount(first, minlength=len(self._sound) + 1)
        ended = np.bincount(last + 1, minlength=len(self._sound) + 1)
        wanted = np.cumsum(begun - ended)[:-1] > 0
        return np.flatnonzero(wanted & ~self._sound)

    def absent(self, blocks: Offsets) -> Offsets:
        """Hash blocks where they lie; returns those that aren't what was written."""
        if self._is_hole(int(blocks[0]) * BLOCK_BYTES, (int(blocks[-1]) + 1) * BLOCK_BYTES):
            return blocks
        with memoryview(self.data) as data:
            return self._check(blocks, data, 0)

    def holds(self, start: int, end: int) -> bool:
        """Whether all from `start` to `end` is here, and sound."""
        blocks = self.doubtful(np.array([start]), np.array([end]))
        return not len(blocks) or not len(self.absent(blocks))

    def pieces(self, blocks: Offsets) -> list[Piece]:
        """What to fetch to have blocks, which rise."""
        runs = np.split(blocks, np.flatnonzero(np.diff(blocks) > JOINED_BLOCKS) + 1)
        return [
            Piece(file=self, start=int(run[0]) * BLOCK_BYTES, end=min((int(run[-1]) + 1) * BLOCK_BYTES, len(self)))
            for run in runs
        ]

    def receive(self, start: int, data: memoryview) -> None:
        """Put blocks that have been fetched in their place, if they are what was written.

        Raises:
            BundleError: They aren't.
            StoreError: The disk is full.
        """
        blocks = np.arange(start // BLOCK_BYTES, -(-(start + len(data)) // BLOCK_BYTES))
        wrong = self._check(blocks, data, start, self._write)
        if len(wrong):
            raise self.refusal(wrong)

    def refusal(self, blocks: Offsets) -> BundleError:
        """What is wrong with blocks."""
        return BundleError(
            f"{self.name} is altered: {len(blocks)} of its blocks aren't what was written, the first of them at byte"
            f" {int(blocks[0]) * BLOCK_BYTES}"
        )

    def _check(
        self, blocks: Offsets, data: memoryview, start: int, keep: Callable[[int, memoryview], None] | None = None
    ) -> Offsets:
        """Hash blocks in data that begins at `start`; returns the others once those that are sound are kept."""
        hashes = self._hashes
        if hashes is None:  # another thread has verified the last of them
            return blocks[:0]
        begins = (blocks * BLOCK_BYTES - start).tolist()
        found = [hash_of(data[begin : begin + BLOCK_BYTES]) for begin in begins]
        sound = (np.frombuffer(b"".join(found), np.uint8).reshape(hashes[blocks].shape) == hashes[blocks]).all(1)
        if keep is not None:
            if sound.all():
                keep(start, data)
            else:
                for begin, is_sound in zip(begins, sound.tolist(), strict=True):
                    if is_sound:
                        keep(start + begin, data[begin : begin + BLOCK_BYTES])
        self._sound[blocks[sound]] = True
        if self._sound.all():
            self._hashes = None
        wrong: Offsets = blocks[~sound]
        return wrong

    def _is_hole(self, start: int, end: int) -> bool:
        """Whether nothing has ever been written there, as far as that can be told."""
        if self.source is None or sys.platform != "linux":
            return False
        try:
            return os.lseek(self._disk.fileno(), start, os.SEEK_DATA) >= end
        except OSError:  # nothing has been written from there to the end
            return True

    def _write(self, start: int, block: memoryview) -> None:
        try:
            while block:  # a disk that is nearly full takes a part of it without an error
                written = os.pwrite(self._disk.fileno(), block, start)
                start, block = start + written, block[written:]
        except OSError as error:
            raise StoreError(
                f"{self.name} can't be written to {self._disk.name}: {error.strerror}: give the function more storage,"
                " or set THINLENS_CACHE"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Bytes of a file that are about to be used: int64 [n], where they start and where they end."""

    file: BlockedFile
    starts: Offsets
    ends: Offsets


def verify(wanted: Iterable[Wanted]) -> None:
    """Verify every block of what is wanted; whatever isn't here is fetched, all at once.

    Raises:
        BundleError: A block isn't what was written.
        StoreError: One can't be fetched.
    """
    pieces: dict[BlockSource, list[Piece]] = {}
    for part in wanted:
        blocks = part.file.doubtful(part.starts, part.ends)
        if len(blocks) and len(blocks := part.file.absent(blocks)):
            if part.file.source is None:
                raise part.file.refusal(blocks)
            pieces.setdefault(part.file.source, []).extend(part.file.pieces(blocks))
    for source, absent in pieces.items():
        source.fetch(absent, lambda piece, data: piece.file.receive(piece.start, data))


Reading: TypeAlias = Generator[Wanted, None, _T]
"""A reading in steps: it yields what it is about to use, and goes on once that is verified."""


def read_together(readings: Sequence[Reading[_T]]) -> list[_T]:
    """Run readings side by side, so that what they all want is fetched at once; raises as ``verify`` does."""
    results: dict[int, _T] = {}
    waiting = dict(enumerate(readings))
    while waiting:
        wanted = []
        for number, reading in list(waiting.items()):
            try:
                wanted.append(next(reading))
            except StopIteration as end:
                results[number] = end.value
                del waiting[number]
        verify(wanted)
    return [results[number] for number in range(len(readings))]


class BlockedArray:
    """An array in a blocked file, whose rows are verified before they are taken."""

    def __init__(self, file: BlockedFile, dtype: Any, shape: tuple[int, ...], *, offset: int = 0) -> None:
        """An array of this type and shape that starts `offset` bytes into the file.

        Raises:
            BundleError: The file is too short for it.
        """
        dtype = np.dtype(dtype)
        count = int(np.prod(shape, dtype=np.int64))
        self._file = file
        self._offset = offset
        self._row_bytes = dtype.itemsize * count // max(1, shape[0])
        if offset + dtype.itemsize * count > len(file):
            raise BundleError(f"{file.name} is truncated: {len(file)} bytes")
        self._array = np.frombuffer(file.data, dtype, count=count, offset=offset).reshape(shape)

    def __len__(self) -> int:
        return len(self._array)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self._array.ndim

    def wanted(self, rows: Offsets) -> Wanted:
        """Some rows, to be verified together with others."""
        starts = self._offset + rows * self._row_bytes
        return self._file.wanted(starts, starts + self._row_bytes)

    def everything(self) -> Wanted:
        """All rows, likewise."""
        return self._file.wanted(self._offset, self._offset + self._row_bytes * len(self))

    def taken(self, rows: Offsets | slice) -> NDArray[Any]:
        """Some rows, [n, ...], once they have been verified as wanted."""
        return self._array[rows]
