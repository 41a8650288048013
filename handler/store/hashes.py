"""Hashes of files, which can be begun before anything else is loaded: this imports next to nothing."""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

Hash = Callable[[str], str]

# More than most bundles have; what lies beyond is hashed when it is asked for.
MOST_FILES = 256
_FOLDERS_BELOW = 2
# What manifest.py says too, which would take its time to be imported.
_BLOCK_HASHES = "blocks.bin"
_BLOCKED = ("index.usearch", "views.i8", "catalogue.bin", "columns.bin", "words.bin")


def sha256_of(path: str) -> str:
    """A file's sha256 in lower-case hexadecimal; raises OSError, and ValueError where it is empty."""
    return _hash(_map(path))


class HashesAhead:
    """Hashes of a bundle's files that are verified whole, begun at once in a thread, the small first; each given once.

    One thread, so that whoever begins other work meanwhile has another core for it. The files are mapped beforehand,
    and each is hashed in one piece: hashlib lets other threads run meanwhile, but then has to wait for its turn.
    """

    def __init__(self, folder: str) -> None:
        """Begin; a folder that is no bundle has no files."""
        self._maps = _map_files(os.path.realpath(folder))
        self._begun = set(self._maps)
        self._digests: dict[str, str] = {}
        self._news = threading.Condition()
        threading.Thread(target=self._hash_all, name="thinlens-hashes", daemon=True).start()

    def __call__(self, path: str) -> str:
        """A file's hash: what the thread finds, if it has begun with this file, or else found now."""
        if path not in self._begun:
            return sha256_of(path)
        self._begun.remove(path)
        with self._news:
            self._news.wait_for(lambda: path in self._digests)
            return self._digests.pop(path)

    def _hash_all(self) -> None:
        for path in list(self._maps):
            digest = _hash(self._maps.pop(path))
            with self._news:
                self._digests[path] = digest
                self._news.notify_all()


def _hash(data: mmap.mmap) -> str:
    with data:
        return hashlib.sha256(data).hexdigest()


def _map(path: str) -> mmap.mmap:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes its time to be imported
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _map_files(folder: str) -> dict[str, mmap.mmap]:
    """The regular files to be verified whole, the small ones first; none where the folder cannot be a bundle."""
    maps: dict[str, mmap.mmap] = {}
    with suppress(OSError, ValueError):  # whoever opens it as a bundle will see for himself
        found = sorted(_files_below(folder, _FOLDERS_BELOW))
        if len(found) <= MOST_FILES:
            for _, path in found:
                maps[path] = _map(path)
    return maps


def _files_below(folder: str, depth: int) -> Iterator[tuple[int, str]]:
    """Size and path of the regular files in a folder and in folders so far below, but for those verified by blocks."""
    entries = list(os.scandir(folder))
    blocked = _BLOCKED if any(entry.name == _BLOCK_HASHES for entry in entries) else ()
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            if entry.name not in blocked:
                yield entry.stat().st_size, entry.path
        elif depth and entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path, depth - 1)
