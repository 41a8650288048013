"""What tests of publishing share: output folders without the cost of indexing, stores that fail, and readers."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from export.bundles.bundling import BUNDLES, CURRENT
from export.errors import LostRaceError
from export.gallery.indexing import index_photos
from export.library.library import Library
from export.photos.kept_pictures import Previews, Thumbnails
from export.progress import Progress
from export.publishing.publication import Publication, publish
from export.publishing.staged_bundle import Choices
from export.publishing.versions import list_versions
from export.storage.folder_objects import FolderObjects
from export.storage.object_store import ListedObject, ObjectStore, StoredObject, Upload
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import SegmentInfo
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.store.pointer import POINTER_KEY
from handler.store.store import deliver, open_store
from tests.functional.export.galleries import fake_models, write_photos
from tests.functional.handler.artefacts import PHOTOS, BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.tampering import read_everything

T = TypeVar("T")
MEETING_LIMIT_S = 300
FIRST_PHOTOS = 40
# A curve that passes the quality gate: with a vocabulary of few words, texts about anything else come close to photos.
STRICT = BundleChoices(slope=2.0, intercept=-14.0)


def write_out(out: Path, photos: Sequence[TinyPhoto] = PHOTOS, choices: BundleChoices = STRICT) -> str:
    """An output folder as `thinlens index` leaves it, with a small bundle; returns the bundle's id."""
    (out / BUNDLES).mkdir(parents=True, exist_ok=True)
    bundle = open_bundle(write_bundle(out / BUNDLES / "new", photos, choices))
    (out / BUNDLES / "new").rename(out / BUNDLES / bundle.id)
    (out / CURRENT).unlink(missing_ok=True)
    (out / CURRENT).symlink_to(f"{BUNDLES}/{bundle.id}")
    for number in bundle.photos.present().tolist():
        content = bundle.photos.record(number).content
        for kept in (Thumbnails(out), Previews(out)):
            kept.write(content, f"a picture of {content}".encode())
    Library.open(out).__exit__(None, None, None)
    return bundle.id


def write_other_out(out: Path, number: int) -> str:
    """An output folder that differs from others in one caption."""
    other = TinyPhoto(id="other.jpg", caption=f"a boat in the snow {number}", seen="boat snow")
    return write_out(out, (*PHOTOS, other))


def index_colours(photos: Path, out: Path) -> None:
    """Index photos with the fake captioner, and a curve that passes the quality gate."""
    models = fake_models(out / "models")
    assert models.calibration is not None
    curve = replace(models.calibration.sentence, slope=2.0, intercept=-14.0)
    calibration = replace(models.calibration, name=curve, phrase=curve, sentence=curve)
    index_photos(photos, out, workers=1, models=replace(models, calibration=calibration))


def publish_growing(folder: Path, store: ObjectStore, *, times: int) -> list[Publication]:
    """Index FIRST_PHOTOS photos, then one more each time, and publish each time.

    The first segment is larger than what comes later is merged with, so that all bundles share it; the photos of the
    others are written anew each time.
    """
    done = []
    for number in range(times):
        write_photos(folder / "photos", FIRST_PHOTOS + number)
        index_colours(folder / "photos", folder / "out")
        done.append(publish_quietly(folder / "out", store))
    return done


def publish_quietly(out: Path, store: ObjectStore, choices: Choices | None = None) -> Publication:
    return publish(out, store, choices or Choices(), Progress())


def receive(environment: Mapping[str, str]) -> Bundle:
    """Open what is in service as the function does and read all of it, every size and hash checked.

    Args:
        environment: THINLENS_BUNDLE names the store.
    """
    settings = Settings.from_environment(environment)
    bundle = Bundle.receive(deliver(open_store(settings, environment)))
    assert len(bundle.photos.present()) == bundle.manifest.counts.photos
    read_everything(bundle)
    return bundle


def serve(environment: Mapping[str, str]) -> str:
    """The id of what is in service, once it is opened."""
    return receive(environment).id


def served(store: FolderObjects) -> str:
    """The same for a store in a folder."""
    return serve({"THINLENS_BUNDLE": str(store.folder)})


def whole(store: ObjectStore) -> set[str]:
    """The ids of the bundles that can be put in service."""
    return {version.id for version in list_versions(store) if version.whole}


def segments_of(store: ObjectStore, bundle: str) -> tuple[SegmentInfo, ...]:
    """The segments of a bundle that is whole."""
    (manifest,) = [version.manifest for version in list_versions(store) if version.id == bundle]
    assert manifest is not None
    return manifest.segments


def age(store: FolderObjects, seconds: float) -> None:
    """Let everything that was written just now have been written so many seconds ago."""
    now = time.time()
    for found in store.objects(""):
        if found.modified_s > now - 60:
            os.utime(store.folder / found.key, (now - seconds, now - seconds))


class KilledError(BaseException):
    """What a test raises where a real process would be gone."""


class FaultyStore:
    """A store that goes wrong at one of its writes, or at none where ``at`` is 0.

    Args:
        store: What is written to.
        at: The number of the write, from 1.
        error: What is raised.
        after: Whether it is raised once the write is done, as when its answer gets lost.
    """

    def __init__(self, store: ObjectStore, *, at: int, error: BaseException | None = None, after: bool = False) -> None:
        self.writes = 0
        self._store = store
        self._at = at
        self._error = error or KilledError()
        self._after = after
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return self._store.address

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        return self._store.read(key, max_bytes=max_bytes)

    def objects(self, prefix: str) -> list[ListedObject]:
        return self._store.objects(prefix)

    def holds(self, upload: Upload) -> bool:
        return self._store.holds(upload)

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        self._write(lambda: self._store.put(upload, advance))

    def write(self, key: str, data: bytes) -> None:
        self._write(lambda: self._store.write(key, data))

    def copy(self, key: str, upload: Upload) -> bool:
        return self._write(lambda: self._store.copy(key, upload))

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        return self._write(lambda: self._store.swap(key, data, version=version))

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._write(functools.partial(self._store.remove, [key]))

    def remove_partial(self, *, before_s: float) -> None:
        self._store.remove_partial(before_s=before_s)

    def _write(self, write: Callable[[], T]) -> T:
        with self._lock:
            self.writes += 1
            fails = self.writes == self._at
        if fails and not self._after:
            raise self._error
        done = write()
        if fails:
            raise self._error
        return done


class MeetingStore(FaultyStore):
    """A store whose publishers have all read the pointer before one of them moves it."""

    def __init__(self, store: ObjectStore, meeting: threading.Barrier) -> None:
        super().__init__(store, at=0)
        self._meeting = meeting
        self._met = False

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        found = super().read(key, max_bytes=max_bytes)
        if key == POINTER_KEY and not self._met:
            self._met = True
            self._meeting.wait(timeout=MEETING_LIMIT_S)
        return found


def race(outs: Sequence[Path], store: Callable[[], ObjectStore], served: Callable[[], str], *, rounds: int) -> None:
    """Let all publish at once, several times: each time one wins, and all are told what is true.

    Args:
        outs: Output folders with different bundles.
        store: A way to the store, for each publisher its own.
        served: What a reader finds in service.
        rounds: How many times.
    """
    before = None
    for _ in range(rounds):
        meeting = threading.Barrier(len(outs))
        with ThreadPoolExecutor(max_workers=len(outs)) as pool:
            told = list(pool.map(lambda out, meeting=meeting: _publish_or_lose(out, store(), meeting), outs))
        # Whose bundle is in service already has nothing to win.
        (won,) = [done for done in told if isinstance(done, Publication) and done.bundle != before]
        idle = [done for done in told if isinstance(done, Publication) and done.bundle == before]
        lost = [str(error) for error in told if isinstance(error, LostRaceError)]
        assert len(idle) == (0 if before is None else 1)
        assert len(lost) == len(outs) - 1 - len(idle)
        assert served() == won.bundle
        assert won.replaced == before
        for message in lost:
            assert message.startswith(f"somebody else has put {won.bundle} in service since this run began, so ")
        before = won.bundle


def _publish_or_lose(out: Path, store: ObjectStore, meeting: threading.Barrier) -> Publication | LostRaceError:
    try:
        return publish_quietly(out, MeetingStore(store, meeting))
    except LostRaceError as error:
        return error
