"""Blocked files for tests, and a source of their blocks that counts, waits, errs and lies as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from handler.bundle.blocks.block_hashes import BLOCK_BYTES, HASH_BYTES, Hashes, hash_of
from handler.bundle.blocks.blocked_file import BlockedFile, Piece

State = Literal["sound", "damaged", "absent"]


def content(size: int, *, seed: int = 0) -> bytes:
    """Bytes of which no block is like another."""
    return np.random.default_rng(seed).bytes(size)


def blocks_of(data: bytes) -> list[bytes]:
    return [data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES)]


def hashes_of(data: bytes) -> Hashes:
    return np.frombuffer(b"".join(map(hash_of, blocks_of(data))), np.uint8).reshape(-1, HASH_BYTES)


@dataclass(slots=True, eq=False)
class Origin:
    """Where the blocks of files come from.

    Attributes:
        files: What the files hold, by their names.
        asked: What each fetch asked for, by file: where the pieces start and end.
        deliver: What becomes of a piece's bytes on the way; it may raise.
    """

    files: dict[str, bytes]
    asked: list[list[tuple[str, int, int]]] = field(default_factory=list)
    deliver: Callable[[Piece, bytes], bytes] = lambda piece, data: data
    begun: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, pieces: Sequence[Piece], received: Callable[[Piece, memoryview], None]) -> None:
        with self.lock:
            self.asked.append([(piece.file.name, piece.start, piece.end) for piece in pieces])
        for piece in pieces:
            received(piece, memoryview(self.deliver(piece, self.files[piece.file.name][piece.start : piece.end])))

    def bring_rest(self, files: Sequence[BlockedFile]) -> None:
        self.begun += [file.name for file in files]


def sparse_file(path: Path, size: int) -> Path:
    """A file that is all hole, as the cache makes it."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def write_at(path: Path, start: int, data: bytes) -> None:
    """Change a file where it lies."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def file_in(folder: Path, whole: bytes, states: Sequence[State], origin: Origin, name: str = "file") -> BlockedFile:
    """A file whose blocks are in these states, and come from `origin`."""
    path = sparse_file(folder / name, len(whole))
    for number, (state, block) in enumerate(zip(states, blocks_of(whole), strict=True)):
        if state != "absent":
            write_at(path, number * BLOCK_BYTES, block if state == "sound" else bytes([block[0] ^ 1]) + block[1:])
    origin.files[name] = whole
    return BlockedFile(path, hashes_of(whole), name=name, source=origin)


def absent_file(folder: Path, whole: bytes, origin: Origin, name: str = "file") -> BlockedFile:
    """A file of which nothing is here."""
    return file_in(folder, whole, ["absent"] * len(blocks_of(whole)), origin, name)
