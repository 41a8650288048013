"""Collecting: outcomes become shards as they come: whatever ends the run, all but the last few photos are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from export.cluster.bucket_library import BucketLibrary
from export.cluster.ray_engine import RayEngine
from export.cluster.run_lease import Lease
from export.cluster.shard_file import Shard
from export.errors import ExportError
from export.library.records import KnownPhoto
from export.models.model_set import Models
from export.progress import Progress
from export.understanding.backlog import Reading
from export.understanding.engine import FailedPhoto, ReadingTask
from export.understanding.photo_reader import Outcome, ReadPhoto, understanding

SHARD_PHOTOS = 256
"""A shard is put before so many photos are done or under way that are in none: a driver that is killed loses no more.
Where readers are at more than half as many at once, it is twice what they are at."""

Twins = Mapping[str, Sequence[KnownPhoto]]
"""Photos that hold the same as one that is read, by its id."""


class ShardCollector:
    """Has photos read, and puts what comes of it into shards.

    Attributes:
        read: How many photos could be read.
        unreadable: The reason for each that couldn't for now, by id.
    """

    def __init__(self, shards: BucketLibrary, models: Models, lease: Lease) -> None:
        self.read = 0
        self.unreadable: dict[str, str] = {}
        self._shards = shards
        self._models = models
        self._lease = lease
        self._photos: list[KnownPhoto] = []
        self._outcomes: list[Outcome] = []

    def collect(self, engine: RayEngine, tasks: Sequence[ReadingTask], twins: Twins, progress: Progress) -> None:
        """Read photos; raises as the engine and ``BucketLibrary.put`` do, or LibraryError once the lease is lost."""
        by_id = {task.id: task for task in tasks}
        progress.begin("understanding photos", len(tasks))
        try:
            for outcomes in engine(tasks, understanding(self._models.captioner, self._models.image_encoder)):
                for outcome in outcomes:
                    self._take(outcome, by_id[outcome.id], twins.get(outcome.id, ()))
                if len(self._photos) >= max(SHARD_PHOTOS - engine.most_under_way, engine.most_under_way):
                    self._put()
                progress.advance(len(outcomes))
        except BaseException:
            with suppress(ExportError):  # the first reason is the one to be known
                self._put()
            raise
        self._put()
        progress.end()

    def _take(self, outcome: Outcome, task: ReadingTask, twins: Sequence[KnownPhoto]) -> None:
        ids = [task.id, *(twin.id for twin in twins)]
        if isinstance(outcome, FailedPhoto) and not outcome.broken:
            self.unreadable |= dict.fromkeys(ids, outcome.reason)
            return
        self.read += isinstance(outcome, ReadPhoto)
        self._photos += [
            KnownPhoto(id=photo_id, size_bytes=task.size_bytes, stamp=task.stamp, content=outcome.content)
            for photo_id in ids
        ]
        self._outcomes += [outcome] * len(ids)

    def _put(self) -> None:
        if not self._photos:
            return
        self._lease.check()
        shard = Shard(reading=Reading(by=self._models.understander), photos=self._photos, outcomes=self._outcomes)
        self._photos, self._outcomes = [], []
        self._shards.put(shard)
