"""Fetched files: a record of what fetching wrote, so that nothing else is ever removed or overwritten.

The record is a file of its own in the output folder, a JSON object a line, the last line of a key counts. A line is
written before its file is in place, so that a killed process leaves no file that nobody knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from export.disk.own_names import remove_partial_files
from export.disk.whole_files import write_whole
from export.errors import OutputError
from export.storage.object_store import ListedObject

RECORD_FILE = "fetched.jsonl"
_PARTIAL_FOLDER = ".fetching"
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """One file as it was written: its key, size, date in whole seconds since 1970, and SHA-256 in hexadecimal."""

    key: str
    size_bytes: int
    modified_s: int
    sha256: str


class FetchedFiles:
    """The files of a folder that were fetched, and the only way to write and to remove them."""

    def __init__(self, out: Path, folder: Path) -> None:
        """Read the record in an output folder; raises OutputError where it can't be read.

        Args:
            out: Where the record lies.
            folder: Where the files lie.
        """
        self._folder = folder
        self._record = out / RECORD_FILE
        self._partial = out / _PARTIAL_FOLDER
        self._lock = Lock()
        self._files: dict[str, FetchedFile] = {}
        if self._record.is_file():
            for number, line in enumerate(self._record.read_bytes().splitlines(keepends=True), 1):
                if not line.endswith(b"\n"):  # a killed process has left half a line
                    break
                try:
                    found = FetchedFile(**json.loads(line))
                except (TypeError, ValueError) as error:
                    raise OutputError(
                        f"line {number} of {self._record} is no record of a fetched file: {error}; it tells which "
                        "files were fetched: choose another --out"
                    ) from error
                self._files[found.key] = found

    @property
    def empty(self) -> bool:
        """Whether nothing that was fetched is there."""
        return not self._files

    def has(self, found: ListedObject) -> bool:
        """Whether an object of the store lies there as it is in the store."""
        known = self._files.get(found.key)
        return known is not None and (known.size_bytes, known.modified_s) == (found.size_bytes, int(found.modified_s))

    def examine(self, listed: Mapping[str, ListedObject], *, matters: Callable[[str], bool]) -> None:
        """Look through the folder, and forget the files that are gone.

        Args:
            listed: What is in the store, by key. A file that is the same belongs to an earlier version's fetching.
            matters: Whether a file of this key would be taken for a photo.

        Raises:
            OutputError: There are files that matter and that weren't fetched, or were changed since.
        """
        if self._folder.is_symlink():
            raise self._refusal([self._folder.name], "is a link")
        present, foreign = dict[str, FetchedFile](), list[str]()
        for key, path in _files(self._folder):
            status = path.lstat()
            found = self._identify(key, path, status, listed.get(key))
            if found is not None:
                present[key] = found
            elif stat.S_ISLNK(status.st_mode) or key in listed or matters(key):
                foreign.append(key)
        if foreign:
            raise self._refusal(sorted(foreign), "holds files that weren't fetched, or were changed since")
        self._files = present
        remove_partial_files(self._partial)

    def keys(self) -> set[str]:
        """The keys of what was fetched and is there."""
        return set(self._files)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove files that are as they were fetched. Raises OSError."""
        for key in keys:
            if self._is_as_written(key):
                (self._folder / key).unlink()
                del self._files[key]

    def write(self, found: ListedObject, data: bytes) -> None:
        """Put a fetched object in its place, which is free, or holds an older one as it was fetched.

        Raises:
            OutputError: The file there was changed since it was fetched.
            OSError: It can't be written.
        """
        path = self._folder / found.key
        if os.path.lexists(path) and not self._is_as_written(found.key):
            raise self._refusal([found.key], "holds files that were changed since they were fetched")
        written = FetchedFile(
            key=found.key,
            size_bytes=len(data),
            modified_s=int(found.modified_s),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self._partial.mkdir(exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._partial / secrets.token_hex(8)
        write_whole(partial, data)
        os.utime(partial, (found.modified_s, found.modified_s))
        with self._lock, self._record.open("a", encoding="utf-8") as record:
            record.write(_line(written))
        partial.replace(path)
        self._files[found.key] = written

    def keep(self) -> None:
        """Write the record anew, with what is there. Raises OSError."""
        write_whole(self._record, "".join(_line(found) for _, found in sorted(self._files.items())).encode())

    def _identify(
        self, key: str, path: Path, status: os.stat_result, listed: ListedObject | None
    ) -> FetchedFile | None:
        if not stat.S_ISREG(status.st_mode):
            return None
        as_it_is = (status.st_size, int(status.st_mtime))
        known = self._files.get(key)
        if known is not None and (known.size_bytes, known.modified_s) == as_it_is:
            return known
        if listed is not None and (listed.size_bytes, int(listed.modified_s)) == as_it_is:
            return FetchedFile(key=key, size_bytes=as_it_is[0], modified_s=as_it_is[1], sha256=_sha256(path))
        return None

    def _is_as_written(self, key: str) -> bool:
        known, path = self._files.get(key), self._folder / key
        return (
            known is not None
            and stat.S_ISREG(path.lstat().st_mode)
            and path.stat().st_size == known.size_bytes
            and _sha256(path) == known.sha256
        )

    def _refusal(self, keys: list[str], what: str) -> OutputError:
        others = f" and {len(keys) - _SHOWN:,} others" if len(keys) > _SHOWN else ""
        return OutputError(
            f"{self._folder} {what}: {', '.join(keys[:_SHOWN])}{others}; nothing was removed or overwritten: choose "
            "another --out for what is fetched, or move them away"
        )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files, and links to files or folders, with their paths below the folder."""
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in (*names, *links):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(found: FetchedFile) -> str:
    return json.dumps(asdict(found)) + "\n"
