"""A download: a file of a store in S3 on its way to this machine's disk, by ranges in parallel, hashed as it comes."""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from handler.bundle.manifest import FileInfo
from handler.store.cache import INCOMING_SUFFIX
from handler.store.s3.s3_client import S3Client
from handler.store.verification import check_digest

PART_BYTES = 8 << 20


class Download:
    """A file on its way to `target`: its parts come in parallel, and are hashed in their order."""

    def __init__(self, client: S3Client, key: str, info: FileInfo, target: Path, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._key = key
        self._info = info
        self._target = target
        self._given_up = False
        # A name of its own even among files of one content: a file that is mapped must not be begun anew.
        self._incoming = target.with_name(f"{target.name}.{key.replace('/', '-')}{INCOMING_SUFFIX}")
        # Received right into the file's pages: no copy, and no memory but what the kernel may take back.
        self._data = memoryview(_map_new_file(self._incoming, info.size_bytes))
        self._parts: list[Future[None]] = []
        for start in range(0, info.size_bytes, PART_BYTES):
            self._parts.append(pool.submit(self._receive, start))

    def _receive(self, start: int) -> None:
        """Fill a part, unless another one has failed: of a file that isn't as long as it should be, most would."""
        if self._given_up:
            return
        try:
            part = self._data[start : start + PART_BYTES]
            self._client.get_range(self._key, start, part, size_bytes=self._info.size_bytes)
        except BaseException:
            self._given_up = True
            raise

    def give_up(self) -> None:
        """Ask for no more parts, and leave nothing on the disk."""
        self._given_up = True
        self._incoming.unlink(missing_ok=True)

    def finish(self) -> None:
        """Wait for the parts, and move the file to its place if it is what it should be."""
        digest = hashlib.sha256()
        for number, part in enumerate(self._parts):
            part.result()
            digest.update(self._data[number * PART_BYTES : (number + 1) * PART_BYTES])
        check_digest(self._key, digest.hexdigest(), self._info)
        self._incoming.rename(self._target)


def _map_new_file(path: Path, size_bytes: int) -> mmap.mmap:
    """A new file of this size, mapped to be written; its room is set aside first, for a full disk would be fatal."""
    path.unlink(missing_ok=True)
    with path.open("x+b") as file:
        if sys.platform == "linux":
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        else:
            file.truncate(size_bytes)
        return mmap.mmap(file.fileno(), size_bytes)
