"""The cache: a folder on this machine's disk that holds a store's files by their hash.

    <root>/objects/<sha256>          each file once, whatever bundles it belongs to
    <root>/bundles/<id>/<path>       the same under its name, by a hard link

Knows files, not where they come from. What it holds outlives the process and is never trusted: it is hashed again.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

from handler.bundle.manifest import FileInfo
from handler.errors import BundleError, StoreError, in_words
from handler.store.verification import verify_file

INCOMING_SUFFIX = ".incoming"
# Beside the bundle: logs, and what a file system keeps for itself.
_SPARE_BYTES = 1 << 20


class Cache:
    """A cache of this process alone, as long as it lives."""

    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._bundles = root / "bundles"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._bundles.mkdir(exist_ok=True)

    @classmethod
    def open(cls, root: Path) -> Cache:
        """The cache in `root`, or one of its own for a process that finds it taken by another."""
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            _check_owner(root)
            # Never closed: the lock ends with the process.
            lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"The cache {root} cannot be made: {in_words(error)}: set THINLENS_CACHE") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            root = Path(tempfile.mkdtemp(prefix=f"{root.name}-", dir=root.parent))
            atexit.register(shutil.rmtree, root, ignore_errors=True)
        return cls(root)

    def object(self, sha256: str) -> Path:
        """Where the file of this hash lies, or belongs."""
        return self._objects / sha256

    def bundle(self, bundle: str) -> Path:
        """The folder of a bundle, empty at first."""
        folder = self._bundles / bundle
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def holds(self, info: FileInfo) -> bool:
        """Whether the file is here, whole; what is damaged is removed."""
        path = self.object(info.sha256)
        try:
            verify_file(path, info)
        except BundleError:
            path.unlink()
            return False
        return True

    def make_place(self, info: FileInfo) -> None:
        """A file of this size for blocks that are yet to come, unless it is here; blocks that it lacks take no room."""
        path = self.object(info.sha256)
        if path.exists() and path.stat().st_size == info.size_bytes:
            return
        path.unlink(missing_ok=True)
        with path.open("xb") as file:
            file.truncate(info.size_bytes)

    def check_room(self, size_bytes: int) -> None:
        """Raises StoreError where the disk has not that much room."""
        if not self.has_room(size_bytes):
            raise StoreError(
                f"The bundle needs {size_bytes / 1e6:.0f} MB more on the disk of {self._objects.parent}, which has"
                f" {self._free_bytes() / 1e6:.0f} MB free: give the function more storage, or set THINLENS_CACHE"
            )

    def has_room(self, size_bytes: int) -> bool:
        """Whether the disk has that much room."""
        return size_bytes + _SPARE_BYTES <= self._free_bytes()

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._objects).free

    def link(self, info: FileInfo, path: Path) -> None:
        """Give the file a name in a bundle's folder, or in that of one of its segments."""
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(self.object(info.sha256), path)

    def keep_only(self, folder: Path) -> None:
        """Remove all bundles but the one in `folder`, and the files that are of no bundle any more.

        Whoever has mapped them reads on: the system frees a file when nobody uses it any longer.
        """
        for other in self._bundles.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        for path in self._objects.iterdir():
            if path.stat().st_nlink == 1:
                path.unlink()


def _check_owner(root: Path) -> None:
    """Refuse a folder into which somebody else may write, who could change what has been verified."""
    known = root.lstat()
    if not stat.S_ISDIR(known.st_mode) or known.st_uid != os.geteuid() or known.st_mode & 0o022:
        raise StoreError(f"The cache {root} is not this user's alone: set THINLENS_CACHE to a folder that is")
