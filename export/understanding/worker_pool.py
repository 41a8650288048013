"""Workers: processes that read photos, each with a captioner, or whatever the work takes, of its own.

A photo whose bytes crash a decoder, or keep it busy for ever, costs its worker and nothing else: the batch is given
out again photo by photo, and the one that does it is recorded as a failure. Workers end with the process that
started them, however that ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Generic

from export.disk.file_lock import FileLock
from export.errors import ExportError, ModelError
from export.understanding.engine import FailedPhoto, Found, Model, ReadingTask, Work

BATCH_SIZE = 16
_SMALLEST_BATCH = 4
PHOTO_TIMEOUT_S = 300.0

Batch = Sequence[ReadingTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPool:
    """Has photos read in several processes on this machine; see ``Engine``.

    Attributes:
        workers: How many processes there are at most.
    """

    workers: int

    def __call__(self, tasks: Sequence[ReadingTask], work: Work[Model, Found]) -> Iterator[list[Found | FailedPhoto]]:
        """Read photos.

        Yields:
            The outcomes of one batch after the other, in the order in which they are done.

        Raises:
            ModelError: What the workers load can't be loaded, or fails.
        """
        workers = 1 if work.alone else self.workers
        queue = deque(cut_batches(tasks, workers))
        with tempfile.NamedTemporaryFile(prefix="thinlens-turn-") as turn, contextlib.ExitStack() as crew_end:
            crew: list[_Worker[Model, Found]] = []
            for _ in range(min(workers, len(queue))):
                crew.append(_Worker(work, Path(turn.name)))
                crew_end.callback(crew[-1].stop)
            while queue or any(worker.batch for worker in crew):
                for worker in crew:
                    if queue and not worker.batch:
                        worker.give(queue.popleft())
                ready = wait([worker.connection for worker in crew if worker.batch], timeout=1.0)
                for worker in crew:
                    if worker.batch and (worker.connection in ready or worker.is_late()):
                        collected = worker.collect()
                        queue.extendleft([task] for task in collected.again)
                        if queue and not worker.batch:  # before the outcomes are kept: nobody need wait for that
                            worker.give(queue.popleft())
                        if collected.outcomes:
                            yield collected.outcomes


def cut_batches(tasks: Sequence[ReadingTask], workers: int) -> Iterator[Batch]:
    """Divide tasks into batches, smaller ones towards the end, so that all workers finish at about the same time."""
    start = 0
    while start < len(tasks):
        size = min(BATCH_SIZE, max(_SMALLEST_BATCH, (len(tasks) - start) // (2 * workers)))
        yield tasks[start : start + size]
        start += size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collected(Generic[Found]):
    """What came of a batch: outcomes, or photos to be given out again one by one, or nothing yet."""

    outcomes: list[Found | FailedPhoto]
    again: Batch


class _Worker(Generic[Model, Found]):
    """One process at a time, and the batch that it is at."""

    def __init__(self, work: Work[Model, Found], turn: Path) -> None:
        self.batch: Batch = ()
        self._work = work
        self._turn = turn
        self._given_s = 0.0
        self._start()

    def _start(self) -> None:
        # Not fork: a forked child would inherit the other workers' connections, and outlive this process with them.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self._work, self._turn), daemon=True)
        self._process.start()
        theirs.close()
        self._ready = False

    def give(self, batch: Batch) -> None:
        """Give the idle worker something to do."""
        self.batch = batch
        self._given_s = time.monotonic()
        with contextlib.suppress(OSError):  # that it has died is noticed when its answer is collected
            self.connection.send(batch)

    def is_late(self) -> bool:
        """Whether the batch takes longer than any photo should."""
        return self._ready and time.monotonic() - self._given_s > PHOTO_TIMEOUT_S * len(self.batch)

    def collect(self) -> _Collected[Found]:
        """Take what the worker sent; where it has died or is late, have another in its place."""
        if not self.connection.poll():
            self._process.kill()
            return self._replace(f"decoding it took longer than {PHOTO_TIMEOUT_S:.0f} seconds", broken=True)
        try:
            message: list[Found | FailedPhoto] | ExportError | None = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            if not self._ready:
                raise ModelError(f"a worker ended with {_ending(code)} while it loaded the {self._work.name}") from None
            # Whoever is short of memory kills: the same photo may do well in the next run.
            return self._replace(f"decoding it ended the process with {_ending(code)}", broken=code != -signal.SIGKILL)
        if isinstance(message, ExportError):
            raise message
        if message is None:
            self._ready = True
            self._given_s = time.monotonic()  # what it took to load isn't the photos' fault
            return _Collected(outcomes=[], again=())
        self.batch = ()
        return _Collected(outcomes=message, again=())

    def _replace(self, reason: str, *, broken: bool) -> _Collected[Found]:
        self.stop()
        self._start()
        batch, self.batch = self.batch, ()
        if len(batch) > 1:
            return _Collected(outcomes=[], again=batch)
        failed = [FailedPhoto(id=task.id, content=task.content, reason=reason, broken=broken) for task in batch]
        return _Collected(outcomes=[*failed], again=())

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self._process.kill()  # it owns nothing but memory
        self._process.join()


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _work(connection: Connection, work: Work[Model, Found], turn: Path) -> None:
    """Send None once the model is loaded, then the outcomes of each batch, or what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    large_photo_turn = FileLock(turn)
    with contextlib.suppress(EOFError, OSError):  # the process that started this one is gone
        try:
            model = work.source.load()
            connection.send(None)
            while True:
                connection.send(work.read(connection.recv(), model, large_photo_turn))
        except ExportError as error:
            connection.send(error)
        except (EOFError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  ONNX Runtime's exceptions share no other base
            connection.send(ModelError(f"the {work.name} failed: {type(error).__name__}: {error}"))
