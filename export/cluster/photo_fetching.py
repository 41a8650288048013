"""Fetching and reading: what a reader does with photos, on whatever machine it runs.

A photo of a bucket comes into memory, is decoded and understood there, and its thumbnail goes to the store. It knows
nothing of Ray, of shards or of the library.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic

from export.disk.file_lock import FileLock
from export.errors import ExportError, ModelError, StoreError
from export.storage.object_store import ObjectStore
from export.storage.schemes import open_store
from export.understanding.engine import FailedPhoto, Found, Model, ReadingTask, Work
from export.understanding.photo_reader import ReadPhoto
from handler.bundle.photos.addresses import thumbnail

_REQUESTS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The addresses of the store that photos come from, by their keys, and of the one that thumbnails go to."""

    photos: str
    thumbnails: str


class PhotoFetcher(Generic[Model, Found]):
    """Reads photos, with a captioner, or whatever the work takes, of its own.

    Two threads may do so at once: one of them computes, while the other fetches the photos of the next batch.
    """

    def __init__(self, work: Work[Model, Found], places: Places | None) -> None:
        """Without `places` photos are files, which every machine sees, and thumbnails come back."""
        self._work = work
        self._places = places
        self._computing = threading.Lock()
        self._large_photo_turn = FileLock(Path(tempfile.gettempdir()) / f"thinlens-turn-{os.getuid()}")

    def load(self) -> ExportError | None:
        """Load what the work takes; returns what went wrong, if something did."""
        try:
            self._model = self._work.source.load()
            if self._places is not None:
                self._photos: ObjectStore = open_store(self._places.photos)
                self._thumbnails: ObjectStore = open_store(self._places.thumbnails)
                self._requests = ThreadPoolExecutor(max_workers=_REQUESTS_AT_ONCE)
        except ExportError as error:
            return error
        except Exception as error:  # noqa: BLE001  ONNX Runtime's exceptions share no other base
            return ModelError(f"the {self._work.name} can't be loaded: {type(error).__name__}: {error}")
        return None

    def read(self, tasks: Sequence[ReadingTask]) -> list[Found | FailedPhoto] | ExportError:
        """Read photos; returns an outcome for each, in no order, or why the run has to end."""
        try:
            return self._read(tasks) if self._places is None else self._read_from_store(tasks)
        except ExportError as error:
            return error
        except Exception as error:  # noqa: BLE001  ONNX Runtime's exceptions share no other base
            return ModelError(f"the {self._work.name} failed: {type(error).__name__}: {error}")

    def _read(self, tasks: Sequence[ReadingTask]) -> list[Found | FailedPhoto]:
        with self._computing:
            return self._work.read(tasks, self._model, self._large_photo_turn)

    def _read_from_store(self, tasks: Sequence[ReadingTask]) -> list[Found | FailedPhoto]:
        fetched = list(self._requests.map(self._fetch, tasks))
        failed = [found for found in fetched if isinstance(found, FailedPhoto)]
        outcomes = self._read([found for found in fetched if isinstance(found, ReadingTask)])
        return [*failed, *self._requests.map(self._put_thumbnail, outcomes)]

    def _fetch(self, task: ReadingTask) -> ReadingTask | FailedPhoto:
        """The task with what the photo holds, if that is what was listed."""

        def failed(reason: str) -> FailedPhoto:
            return FailedPhoto(id=task.id, content=task.content, reason=reason, broken=False)

        try:
            found = self._photos.read(str(task.path), max_bytes=task.size_bytes)
        except StoreError as error:
            return failed(f"can't be read: {error}")
        if found is None or (len(found.data), stamp_of_etag(found.etag)) != (task.size_bytes, task.stamp):
            return failed("it changed while it was read; run again")
        content = hashlib.sha256(found.data).hexdigest()
        return replace(task, data=found.data, content=content)

    def _put_thumbnail(self, outcome: Found | FailedPhoto) -> Found | FailedPhoto:
        if not isinstance(outcome, ReadPhoto):
            return outcome
        self._thumbnails.write(thumbnail(outcome.content), outcome.thumbnail)
        return replace(outcome, thumbnail=b"")


def stamp_of_etag(etag: str) -> int:
    """What changes whenever an object does, of 63 bits, as ``stamp_of`` gives it for a file."""
    return int.from_bytes(hashlib.blake2b(etag.encode(), digest_size=8).digest()) >> 1
