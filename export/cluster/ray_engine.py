"""The engine: photos are given out to readers on the machines of a Ray cluster, and their outcomes collected.

A photo that crashes a decoder, or keeps it busy for ever, costs its reader and nothing else: what the reader was at is
given out again photo by photo, and the one that does it is recorded as a failure. So is nothing lost but time where a
machine goes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Generic

from export.cluster.photo_fetching import PhotoFetcher, Places
from export.cluster.ray_session import ray_session
from export.errors import ClusterError, ExportError, ModelError
from export.understanding.engine import FailedPhoto, Found, Model, ReadingTask, Work
from export.understanding.worker_pool import BATCH_SIZE, PHOTO_TIMEOUT_S, cut_batches

BATCH_BYTES = 64 << 20
"""A batch holds no more, unless it is one photo: a reader has two of them in memory."""
BATCHES_EACH = 2
"""What a reader is given at once: one to compute, and one to fetch meanwhile."""
_MOST_LOST_WHILE_LOADING = 3
_ENDED = "decoding it ended the process, or its machine has gone"

_Reference = Any
"""What Ray returns at once for what will be there later."""


@dataclass(slots=True, kw_only=True)
class RayEngine:
    """Reads photos on a cluster; see ``Engine``.

    Attributes:
        address: Of the cluster, see ``ray_session``.
        readers: How many readers there are at most; None for as many as the cluster has cores, or, for a captioner
            that wants a GPU or all the cores for itself, GPUs or else machines.
        places: Where photos come from and thumbnails go; None for files.
        most_under_way: How many photos the readers are at, at most; known once they have begun.
    """

    address: str | None
    readers: int | None = None
    places: Places | None = None
    most_under_way: int = 0

    def __call__(self, tasks: Sequence[ReadingTask], work: Work[Model, Found]) -> Iterator[list[Found | FailedPhoto]]:
        """Read photos.

        Yields:
            The outcomes of one batch after the other, in the order in which they are done.

        Raises:
            ModelError: What the readers load can't be loaded, or fails.
            ClusterError: Ray can't be used.
            StoreError: A thumbnail can't be written.
        """
        if not tasks:
            return
        with ray_session(self.address, readers=self.readers) as ray:
            needs = _needs(ray, self.readers, alone=work.alone)
            self.most_under_way = needs.readers * BATCHES_EACH * BATCH_SIZE
            try:
                yield from _Distributor(ray, work, self.places, needs).distribute(tasks)
            except ray.exceptions.RayError as error:
                raise ClusterError(f"the Ray cluster failed: {error}; run again: what is done is kept") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """How many readers there are, and how many cores and GPUs each has."""

    readers: int
    cores: int = 1
    gpus: int = 0


def _needs(ray: ModuleType, readers: int | None, *, alone: bool) -> _Needs:
    resources = ray.cluster_resources()
    cores, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
    if not alone:
        return _Needs(readers=readers or cores)
    if gpus:
        return _Needs(readers=min(readers or gpus, gpus), gpus=1)
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    machines = [cores for cores in machines if cores]
    return _Needs(readers=min(readers or len(machines), len(machines)), cores=min(machines))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Photos to be read together; one that is suspected has cost a reader before, and is given out alone."""

    tasks: Sequence[ReadingTask]
    suspected: bool = False


@dataclass(slots=True)
class _Reader:
    """A reader on some machine, and the batches that it is at, by what Ray has returned for them."""

    actor: Any
    loading: _Reference | None
    given: dict[_Reference, _Batch] = field(default_factory=dict)
    since_s: float = 0.0

    @property
    def awaited(self) -> list[_Reference]:
        return [self.loading] if self.loading is not None else list(self.given)

    def takes(self, batch: _Batch) -> bool:
        """Whether it may be given a batch now."""
        if self.loading is not None or len(self.given) >= BATCHES_EACH:
            return False
        return not self.given or not (batch.suspected or any(other.suspected for other in self.given.values()))

    def is_late(self) -> bool:
        """Whether what it is at takes longer than any photo should."""
        photos = sum(len(batch.tasks) for batch in self.given.values())
        return bool(photos) and time.monotonic() - self.since_s > PHOTO_TIMEOUT_S * photos


class _Distributor(Generic[Model, Found]):
    """Gives batches out to readers, and has another in the place of each that is gone."""

    def __init__(self, ray: ModuleType, work: Work[Model, Found], places: Places | None, needs: _Needs) -> None:
        self._ray = ray
        self._needs = needs
        self._fetcher = ray.remote(PhotoFetcher).options(
            num_cpus=needs.cores, num_gpus=needs.gpus, max_concurrency=BATCHES_EACH, max_restarts=0
        )
        self._name = work.name
        self._arguments = (work, places)
        self._queue: deque[_Batch] = deque()
        self._lost_while_loading = 0

    def distribute(self, tasks: Sequence[ReadingTask]) -> Iterator[list[Found | FailedPhoto]]:
        self._queue.extend(
            _Batch(tasks=part) for batch in cut_batches(tasks, self._needs.readers) for part in _in_memory(batch)
        )
        readers = [self._start() for _ in range(min(self._needs.readers, len(self._queue)))]
        try:
            while self._queue or any(reader.given for reader in readers):
                for reader in readers:
                    while self._queue and reader.takes(self._queue[0]):
                        self._give(reader, self._queue.popleft())
                awaited = [reference for reader in readers for reference in reader.awaited]
                ready, _ = self._ray.wait(awaited, num_returns=1, timeout=1.0)
                for place, reader in enumerate(readers):
                    done = [reference for reference in reader.awaited if reference in ready]
                    outcomes = self._collect(reader, done[0]) if done else None
                    if outcomes is None and (done or reader.is_late()):
                        self._ray.kill(reader.actor)
                        outcomes = self._give_up(reader, _ENDED if done else _late())
                        readers[place] = self._start()
                    if outcomes:
                        yield outcomes
        finally:
            for reader in readers:
                self._ray.kill(reader.actor)

    def _start(self) -> _Reader:
        actor = self._fetcher.remote(*self._arguments)
        return _Reader(actor, actor.load.remote())

    def _give(self, reader: _Reader, batch: _Batch) -> None:
        if not reader.given:
            reader.since_s = time.monotonic()
        reader.given[reader.actor.read.remote(batch.tasks)] = batch

    def _collect(self, reader: _Reader, done: _Reference) -> list[Found | FailedPhoto] | None:
        """The outcomes of what a reader has done, or nothing yet; None where the reader is gone."""
        try:
            message: list[Found | FailedPhoto] | ExportError | None = self._ray.get(done)
        except self._ray.exceptions.RayActorError as error:
            if done == reader.loading:
                self._lost_while_loading += 1
                if self._lost_while_loading > _MOST_LOST_WHILE_LOADING:
                    raise ModelError(f"a reader ended while it loaded the {self._name}: {error}") from error
            return None
        if isinstance(message, ExportError):
            raise message
        reader.since_s = time.monotonic()
        if done == reader.loading:
            reader.loading = None
            return []
        self._lost_while_loading = 0
        del reader.given[done]
        return message

    def _give_up(self, reader: _Reader, reason: str) -> list[Found | FailedPhoto]:
        """What becomes of the photos that a reader was at: each is given out again alone, unless that was so before."""
        failed: list[Found | FailedPhoto] = []
        for batch in reader.given.values():
            for task in batch.tasks:
                if batch.suspected:
                    failed.append(FailedPhoto(id=task.id, content=task.content, reason=reason, broken=False))
                else:
                    self._queue.appendleft(_Batch(tasks=[task], suspected=True))
        return failed


def _late() -> str:
    return f"decoding it took longer than {PHOTO_TIMEOUT_S:.0f} seconds"


def _in_memory(batch: Sequence[ReadingTask]) -> Iterator[Sequence[ReadingTask]]:
    """Parts of a batch that aren't too much for a reader's memory."""
    part: list[ReadingTask] = []
    for task in batch:
        if part and sum(other.size_bytes for other in part) + task.size_bytes > BATCH_BYTES:
            yield part
            part = []
        part.append(task)
    yield part
