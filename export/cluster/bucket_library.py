"""The library in a bucket: a Parquet file for each shard of photos that were read, and one of the last run's photos.

What is in a shard is done: it is written whole, and never changed. A driver brings all shards into a library of its
own, an SQLite file, by which it works as on one machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from export.cluster.shard_file import (
    Census,
    Shard,
    census_from_bytes,
    census_to_bytes,
    shard_from_bytes,
    shard_to_bytes,
)
from export.errors import LibraryError, OutputError, StoreError, unwritable
from export.library.library import Library
from export.library.records import KnownPhoto
from export.progress import Progress
from export.storage.object_store import ListedObject, ObjectStore
from export.storage.retrying import persist
from export.understanding.backlog import keep_outcomes

PREFIX = "library/"
CENSUS_KEY = f"{PREFIX}photos.parquet"
_SHARD = re.compile(rf"{PREFIX}[0-9a-f]{{16}}\.parquet")
_NOTES_FILE = "shards.txt"
_MOST_CENSUS_BYTES = 1 << 32


class BucketLibrary:
    """The shards of a store, and the library on this machine that they are brought into."""

    def __init__(self, store: ObjectStore, library: Library, folder: Path) -> None:
        """`folder` is the library's; which shards it has is noted there. Raises OutputError where it is another's."""
        self._store = store
        self._library = library
        self._notes = folder / _NOTES_FILE
        lines = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.is_file() else []
        if lines[:1] != [store.address] and (lines or library.photos.ids()):
            raise OutputError(
                f"{folder} is the library of {lines[0] if lines else 'other photos'}; choose another --work"
            )
        self._brought_in = set(lines[1:])
        if not lines:
            self._note(store.address)
        self._census: Census | None = None
        self._census_version: str | None = None

    def bring_in(self, found: Mapping[str, KnownPhoto], progress: Progress) -> None:
        """Bring in the shards that the library doesn't have yet.

        Args:
            found: The photos that there are now, by id; of others a shard doesn't say that they are there.
            progress: Where it is shown.

        Raises:
            LibraryError: A shard is damaged.
            StoreError: The store can't be used.
            OutputError: The folder can't be written.
        """
        new = [shard for shard in self._shards() if shard.key not in self._brought_in]
        progress.begin("reading the library", len(new))
        for listed in new:
            name = f"{self._store.address}/{listed.key}"
            stored = self._store.read(listed.key, max_bytes=listed.size_bytes)
            if stored is None:
                raise StoreError(f"{name} has gone meanwhile; run again")
            shard = shard_from_bytes(stored.data, name)
            self._keep(shard, found)
            self._note(listed.key)
            progress.advance(1)
        progress.end()

    def put(self, shard: Shard) -> None:
        """Keep a shard: in the store, then in the library. Raises as ``bring_in`` does."""
        data = shard_to_bytes(shard)
        key = f"{PREFIX}{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        self._store.write(key, data)
        self._keep(shard, {photo.id: photo for photo in shard.photos})
        self._note(key)

    def census(self) -> Census | None:
        """The photos of the last run; None where there was none."""
        stored = self._store.read(CENSUS_KEY, max_bytes=_MOST_CENSUS_BYTES)
        if stored is None:
            return None
        self._census_version = stored.version
        self._census = census_from_bytes(stored.data, f"{self._store.address}/{CENSUS_KEY}")
        return self._census

    def put_census(self, census: Census) -> None:
        """Keep which photos there are, in place of the census that was read; raises LibraryError if that is gone."""
        if census == self._census:
            return
        data = census_to_bytes(census)

        def swap() -> bool:
            return self._store.swap(CENSUS_KEY, data, version=self._census_version)

        if not persist(swap):
            now = self._store.read(CENSUS_KEY, max_bytes=len(data))
            if now is None or now.data != data:  # not that of an attempt whose answer was lost
                raise LibraryError(f"another thinlens run has written {self._store.address}/{CENSUS_KEY}; run again")

    def _shards(self) -> list[ListedObject]:
        """The oldest first, so that what was found later counts; whatever has another name is somebody else's."""
        found = [each for each in self._store.objects(PREFIX) if _SHARD.fullmatch(each.key)]
        return sorted(found, key=lambda shard: (shard.modified_s, shard.key))

    def _keep(self, shard: Shard, found: Mapping[str, KnownPhoto]) -> None:
        keep_outcomes(self._library, shard.outcomes, shard.reading)
        self._library.photos.put(_still_there(shard.photos, found))

    def _note(self, line: str) -> None:
        try:
            with self._notes.open("a", encoding="utf-8") as notes:
                notes.write(f"{line}\n")
        except OSError as error:
            raise OutputError(
                f"{self._notes} can't be written: {unwritable(error, 'choose another --work')}, then run again"
            ) from error


def _still_there(photos: Iterable[KnownPhoto], found: Mapping[str, KnownPhoto]) -> list[KnownPhoto]:
    """Those of the photos that are as they were."""
    return [photo for photo in photos if photo.id in found and is_as(photo, found[photo.id])]


def is_as(photo: KnownPhoto, other: KnownPhoto) -> bool:
    """Whether two photos of one id are the same file, whose content may not be known yet."""
    return (photo.size_bytes, photo.stamp) == (other.size_bytes, other.stamp)
