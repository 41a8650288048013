"""Engines: what has photos read, in whatever processes, and the work that they are given.

It knows neither captioners nor readers of text: a work says what is loaded, and what that makes of a batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

Model = TypeVar("Model")
Model_co = TypeVar("Model_co", covariant=True)
Found = TypeVar("Found")

Turn = AbstractContextManager[object]
"""Held while a large photo is decoded whole, by one process at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingTask:
    """A photo to be read.

    Attributes:
        id: Of the photo.
        path: Its file.
        content: Hash of what the file held when it was hashed.
        size_bytes: Of the file when it was hashed.
        stamp: Of the file when it was hashed, as ``stamp_of`` gives it.
        caption: Whether the captioner is asked.
        see: Whether the image encoder is.
        data: What it holds, where it doesn't lie on this machine; of the path only the ending counts then.
    """

    id: str
    path: Path
    content: str
    size_bytes: int
    stamp: int
    caption: bool = False
    see: bool = False
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPhoto:
    """A photo that couldn't be read; where ``broken``, it is no use to try again before it changes."""

    id: str
    content: str
    reason: str
    broken: bool


class Loadable(Protocol[Model_co]):
    """What is known of a model before it is loaded."""

    def load(self) -> Model_co:
        """Load it for one thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Generic[Model, Found]):
    """What is done with photos; picklable, so that every worker can do it.

    Attributes:
        source: What a worker loads at its start.
        read: Makes of a batch an outcome for each photo, in no order; it is told whose turn it is with a large photo.
        name: What is loaded, as messages call it.
        alone: Whether one process is to do it, with all the cores or the GPU, rather than one for each core.
    """

    source: Loadable[Model]
    read: Callable[[Sequence[ReadingTask], Model, Turn], list[Found | FailedPhoto]]
    name: str
    alone: bool = False


class Engine(Protocol):
    """What has photos read: it gives the outcomes of some after the other, in any order."""

    def __call__(
        self, tasks: Sequence[ReadingTask], work: Work[Model, Found]
    ) -> Iterator[list[Found | FailedPhoto]]: ...


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
