"""What tests of many machines share: photos and a store in folders, indexed by readers that Ray runs here."""

from __future__ import annotations

import io
import os
import re
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.cluster.bucket_library import PREFIX
from export.cluster.cluster_indexing import ClusterChoices, ClusterReport, index_on_cluster
from export.cluster.shard_file import Shard, shard_from_bytes
from export.gallery.indexing import index_photos
from export.models.model_set import Models
from export.progress import Progress
from export.publishing.publication import publish
from export.publishing.staged_bundle import Choices
from export.storage.folder_objects import FolderObjects
from export.understanding.captioner import Understanding
from handler.bundle.photos.catalogue import PhotoRecord
from tests.functional.export.galleries import FakeCaptioner, FakeSource, colour_of, fake_models
from tests.functional.export.stores import receive

PHOTOS = 24
READERS = 2


def strict_models(base: Path, *, delay_s: float = 0.0) -> Models:
    """The fake models, with a curve that passes the quality gate."""
    models = fake_models(base / "models", delay_s=delay_s)
    assert models.calibration is not None
    curve = replace(models.calibration.sentence, slope=2.0, intercept=-14.0)
    return replace(models, calibration=replace(models.calibration, name=curve, phrase=curve, sentence=curve))


def index_here(
    base: Path,
    choices: ClusterChoices | None = None,
    *,
    models: Models | None = None,
    photos: str = "photos",
    store: str = "store",
) -> ClusterReport:
    """Index the photos of a folder into a store in another, with two readers."""
    return index_on_cluster(
        str(base / photos),
        str(base / store),
        choices or ClusterChoices(readers=READERS),
        models=models or strict_models(base),
        progress=Progress(io.StringIO()),
    )


def index_alone(base: Path, name: str = "alone") -> Mapping[str, PhotoRecord]:
    """Index the same photos with this machine's processes, publish them, and read what is served."""
    out = base / name
    index_photos(base / "photos", out, workers=1, models=strict_models(base), progress=Progress(io.StringIO()))
    publish(out, FolderObjects(base / f"{name}-store"), Choices(), Progress(io.StringIO()))
    return served_records(base / f"{name}-store")


def served_records(store: Path) -> dict[str, PhotoRecord]:
    """What the function says of each photo."""
    photos = receive({"THINLENS_BUNDLE": str(store)}).photos
    found = [photos.record(number) for number in photos.present().tolist()]
    return {record.id: record for record in sorted(found, key=lambda record: record.id)}


def segment_ids(store: Path) -> list[str]:
    """The segments of what is in service."""
    return [segment.id for segment in receive({"THINLENS_BUNDLE": str(store)}).manifest.segments]


def shards(base: Path) -> list[Shard]:
    """The shards in the store."""
    store = FolderObjects(base / "store")
    keys = [found.key for found in store.objects(PREFIX) if re.fullmatch(r"library/[0-9a-f]{16}\.parquet", found.key)]
    return [shard_from_bytes((base / "store" / key).read_bytes(), key) for key in keys]


def understood(base: Path) -> int:
    """How many times a photo was understood, by all readers and in all runs."""
    log = base / "models/understood.log"
    return len(log.read_text().split()) if log.exists() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlySource(FakeSource):
    """Its captioners crash at photos of a colour."""

    deadly: str = "black"

    def load(self) -> FakeCaptioner:
        return _DeadlyCaptioner(self)


class _DeadlyCaptioner(FakeCaptioner):
    def __init__(self, source: DeadlySource) -> None:
        super().__init__(source)
        self._deadly = source.deadly

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        if any(colour_of(photo) == self._deadly for photo in pixels):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().understand(pixels, beams=beams)


def kill_a_reader(base: Path, *, after: int, limit_s: float = 30.0) -> int:
    """Kill -9 of one of the readers of this process, once so many photos are understood; returns its number."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if understood(base) >= after and (readers := readers_of(os.getpid())):
            os.kill(readers[0], signal.SIGKILL)
            return readers[0]
        time.sleep(0.01)
    raise AssertionError(f"no reader has understood {after} photos in {limit_s} s")


def readers_of(driver: int) -> list[int]:
    """The processes that read photos for a driver on this machine."""
    parents, names = dict[int, int](), dict[int, str]()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            rest = (folder / "stat").read_text().rpartition(")")[2]
            parents[int(folder.name)] = int(rest.split()[1])
            names[int(folder.name)] = (folder / "cmdline").read_text()

    def descends(process: int) -> bool:
        while process > 1:
            if process == driver:
                return True
            process = parents.get(process, 0)
        return False

    return [process for process, name in names.items() if name.startswith("ray::PhotoFetcher") and descends(process)]
