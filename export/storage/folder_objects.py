"""A store in a folder: each object is a file, written elsewhere in the folder and renamed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from export.disk.file_lock import FileLock
from export.disk.own_names import remove_partial_files
from export.disk.whole_files import sync
from export.errors import StoreError
from export.photos.content_hash import stamp_of
from export.storage.object_store import ListedObject, StoredObject, Upload, file_parts
from handler.errors import in_words

_PART_BYTES = 1 << 20
_LOCK_FILE = ".lock"
# Not beside an object's place: a bundle's folder holds its files and nothing else.
_PARTIAL_FOLDER = ".partial"


class FolderObjects:
    """A store in a folder, which is made by the first write. Hidden files in it are no objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def address(self) -> str:
        return str(self.folder)

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        with self._translated():
            try:
                with (self.folder / key).open("rb") as file:
                    etag = _etag(os.fstat(file.fileno()))
                    data = file.read(max_bytes + 1)
            except FileNotFoundError:
                return None
        return StoredObject(data=data, version=hashlib.sha256(data).hexdigest(), etag=etag)

    def objects(self, prefix: str) -> list[ListedObject]:
        with self._translated():
            found = [_listed(path, key) for key, path in self._files() if key.startswith(prefix)]
            return [listed for listed in found if listed is not None]

    def holds(self, upload: Upload) -> bool:
        path = self.folder / upload.key
        with self._translated():
            if not path.is_file() or path.stat().st_size != upload.size_bytes:
                return False
            with path.open("rb") as file:
                return upload.sha256 in (None, hashlib.file_digest(file, "sha256").hexdigest())

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        with self._translated():
            self._write(upload.key, _told(file_parts(upload, _PART_BYTES), advance))

    def write(self, key: str, data: bytes) -> None:
        with self._translated():
            self._write(key, [data])

    def copy(self, key: str, upload: Upload) -> bool:
        with self._translated():
            if not self.holds(replace(upload, key=key)):
                return False
            path = self.folder / upload.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            try:
                os.link(self.folder / key, path)
            except OSError:  # not every file system has links
                return False
            sync(path.parent)
            return True

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        with self._translated():
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / _LOCK_FILE):
                path = self.folder / key
                found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
                if found != version:
                    return False
                self._write(key, [data])
                return True

    def remove(self, keys: Iterable[str]) -> None:
        with self._translated():
            for key in keys:
                path = self.folder / key
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # other objects lie there still
                    path.parent.rmdir()

    def remove_partial(self, *, before_s: float) -> None:
        with self._translated():
            remove_partial_files(self.folder / _PARTIAL_FOLDER, before_s=before_s)

    def _write(self, key: str, parts: Iterable[bytes]) -> None:
        path = self.folder / key
        # A name of its own: another process may write the same object at the same time.
        partial = self.folder / _PARTIAL_FOLDER / secrets.token_hex(8)
        for folder in (partial.parent, path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            sync(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def _files(self) -> Iterator[tuple[str, Path]]:
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if not name.startswith("."):
                    path = Path(folder, name)
                    yield path.relative_to(self.folder).as_posix(), path

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the store {self.folder} can't be used: {in_words(error)}; what is in service stays"
            ) from error


def _listed(path: Path, key: str) -> ListedObject | None:
    try:
        status = path.stat()
    except FileNotFoundError:  # somebody has removed it meanwhile
        return None
    return ListedObject(key=key, size_bytes=status.st_size, modified_s=status.st_mtime, etag=_etag(status))


def _etag(status: os.stat_result) -> str:
    return f"{stamp_of(status)}-{status.st_ino}"


def _told(parts: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    for part in parts:
        yield part
        advance(len(part))
