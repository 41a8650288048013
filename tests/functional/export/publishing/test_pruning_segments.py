"""Clearing away segments: those of removed bundles go, unless another bundle has them or they may still be wanted."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from export.errors import StoreError
from export.publishing.pruning import LEFT_ALONE_S, Pruned, prune
from export.publishing.versions import roll_back
from export.storage.folder_objects import FolderObjects
from export.storage.object_store import ListedObject, Upload
from handler.bundle.manifest import SEGMENT_FILES
from handler.store.pointer import POINTER_KEY
from tests.functional.export.galleries import write_photos
from tests.functional.export.publishing.conftest import TIMES, Growth
from tests.functional.export.stores import (
    FIRST_PHOTOS,
    FaultyStore,
    KilledError,
    index_colours,
    publish_quietly,
    segments_of,
    served,
    whole,
)


@pytest.fixture
def old(growth: Growth) -> Growth:
    """All of it was written two days ago, and the pointer was moved a moment later."""
    write_days_ago(growth.store, 2.0)
    return growth


def write_days_ago(store: FolderObjects, days: float, paths: Iterable[Path] | None = None) -> None:
    """Let files, all by default, have been written so many days ago; the pointer is always a minute younger."""
    then = time.time() - days * 86_400
    for path in paths or [store.folder / found.key for found in store.objects("")]:
        os.utime(path, (then, then))
    os.utime(store.folder / POINTER_KEY, (then + 60, then + 60))


def folders(store: FolderObjects) -> set[str]:
    """The segments of which a file is there."""
    return {found.key.rpartition("/")[0] for found in store.objects("segments/")}


def folders_of(store: FolderObjects, bundles: Iterable[str]) -> set[str]:
    return {segment.folder for bundle in bundles for segment in segments_of(store, bundle)}


@pytest.mark.parametrize("keep", range(1, TIMES + 1))
def test_segments_that_only_removed_bundles_have_go(old: Growth, keep: int) -> None:
    stay = folders_of(old.store, old.ids[TIMES - keep :])
    assert len(folders(old.store)) == TIMES
    before = {found.key: found.size_bytes for found in old.store.objects("")}
    pruned = prune(old.store, keep=keep)
    assert set(pruned.bundles) == set(old.ids[: TIMES - keep])
    assert folders(old.store) == stay
    assert len(stay) == (1 + keep if keep < TIMES else TIMES)
    after = {found.key for found in old.store.objects("")}
    assert pruned.size_bytes == sum(size for key, size in before.items() if key not in after)
    assert whole(old.store) == set(old.ids[TIMES - keep :])
    assert served(old.store) == old.ids[-1]
    assert publish_quietly(old.out, old.store).sent_bytes == 0


def test_a_dry_run_says_the_same_bytes(old: Growth) -> None:
    before = old.store.objects("")
    said = prune(old.store, keep=1, dry_run=True)
    assert old.store.objects("") == before
    assert said.size_bytes > sum(found.size_bytes for found in before if found.key.startswith(f"bundles/{old.ids[0]}/"))
    assert prune(old.store, keep=1) == said
    assert prune(old.store, keep=1) == Pruned(bundles=(), pictures=0, size_bytes=0)


def test_after_a_rollback_the_segment_that_all_share_is_all_that_stays(old: Growth) -> None:
    roll_back(old.store, old.ids[0])
    pruned = prune(old.store, keep=1)
    assert set(pruned.bundles) == set(old.ids[1:])
    assert folders(old.store) == folders_of(old.store, old.ids[:1])
    assert pruned.pictures == TIMES - 1  # those of the photos that came later
    assert len(old.store.objects("thumbnails/")) == FIRST_PHOTOS
    assert served(old.store) == old.ids[0]


def test_the_picture_of_a_photo_that_is_gone_goes_though_its_segment_stays(old: Growth, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", Path(shutil.copytree(old.out, tmp_path / "out", symlinks=True))
    first, *_ = write_photos(photos, FIRST_PHOTOS + TIMES - 1)
    content = hashlib.sha256((photos / first).read_bytes()).hexdigest()
    (photos / first).unlink()
    index_colours(photos, out)
    bundle = publish_quietly(out, old.store).bundle
    assert folders_of(old.store, [bundle]) == folders_of(old.store, old.ids[-1:])
    write_days_ago(old.store, 2.0)
    picture = old.store.folder / f"thumbnails/{content[:2]}/{content}.jpg"
    prune(old.store, keep=2)  # the bundle before shows it
    assert picture.is_file()
    assert prune(old.store, keep=1).pictures == 1
    assert not picture.exists()
    assert served(old.store) == bundle


def test_segments_of_the_last_day_stay_whole(old: Growth) -> None:
    """One file is enough: somebody may be sending the others, or trusts that they are there."""
    (own,) = folders_of(old.store, old.ids[1:2]) - folders_of(old.store, old.ids[:1])
    young = old.store.folder / own / "views.i8"
    os.utime(old.store.folder / POINTER_KEY)
    os.utime(young, (0, time.time() - LEFT_ALONE_S + 600))
    prune(old.store, keep=1)
    assert {found.key for found in old.store.objects(f"{own}/")} == {f"{own}/{name}" for name in SEGMENT_FILES}
    os.utime(young, (0, time.time() - LEFT_ALONE_S - 600))
    prune(old.store, keep=1)
    assert old.store.objects(f"{own}/") == []


def test_segments_that_came_after_the_pointer_was_moved_stay(old: Growth) -> None:
    """A publisher may have been at work for longer than a day."""
    (own,) = folders_of(old.store, old.ids[1:2]) - folders_of(old.store, old.ids[:1])
    os.utime(old.store.folder / POINTER_KEY, (0, time.time() - 4 * 86_400))
    for name in SEGMENT_FILES:
        os.utime(old.store.folder / own / name, (0, time.time() - 3 * 86_400))
    for path in (old.store.folder / "bundles").rglob("*"):
        os.utime(path, (0, time.time() - 5 * 86_400))
    assert set(prune(old.store, keep=1).bundles) == set(old.ids[:-1])
    assert own in folders(old.store)
    os.utime(old.store.folder / POINTER_KEY, (0, time.time() - 2 * 86_400))
    prune(old.store, keep=1)
    assert own not in folders(old.store)


def test_files_of_no_bundle_at_all_go_once_they_are_old(old: Growth) -> None:
    stray = old.store.folder / "segments" / ("ab" * 8) / "codes.bin"
    stray.parent.mkdir()
    stray.write_bytes(b"from a publisher that was killed")
    assert prune(old.store, keep=TIMES).size_bytes == 0
    os.utime(stray, (0, time.time() - LEFT_ALONE_S - 86_400))
    write_days_ago(old.store, 1.5, [stray])
    assert prune(old.store, keep=TIMES).size_bytes == len(b"from a publisher that was killed")
    assert not stray.parent.exists()


@pytest.mark.parametrize(
    "key",
    [
        "segments/notes.txt",
        "segments/views.i8",
        "segments/0123456789abcdef/diary.txt",
        "segments/0123456789abcdef/encoder.onnx",
        "segments/0123456789abcdef/views.i8/mine",
        "segments/0123456789abcdef/sub/views.i8",
        "segments/0123456789ABCDEF/views.i8",
        "segments/0123456789abcde/views.i8",
        "segments/fence/views.i8",
        "segments.old/0123456789abcdef/views.i8",
    ],
)
def test_what_is_somebody_elses_stays(old: Growth, key: str) -> None:
    path = old.store.folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"the only copy")
    write_days_ago(old.store, 1.5, [path])
    prune(old.store, keep=1)
    assert path.read_bytes() == b"the only copy"


def test_the_segments_of_a_bundle_about_to_come_into_service_stay(old: Growth) -> None:
    """Its manifest is there, its pointer isn't: its segments are old, and no other bundle that stays has them."""
    roll_back(old.store, old.ids[0])
    write_days_ago(old.store, 2.0)
    counted = FaultyStore(old.store, at=0)
    publish_quietly(old.out, counted)
    roll_back(old.store, old.ids[0])
    write_days_ago(old.store, 2.0)
    with pytest.raises(KilledError):  # at the last write, that of the pointer
        publish_quietly(old.out, FaultyStore(old.store, at=counted.writes))
    pruned = prune(old.store, keep=1)
    assert set(pruned.bundles) == set(old.ids[1:-1])
    assert folders(old.store) == folders_of(old.store, [old.ids[0], old.ids[-1]])
    manifest = old.store.folder / "bundles" / old.ids[-1] / "manifest.json"
    assert publish_quietly(old.out, old.store).sent_bytes == manifest.stat().st_size
    assert served(old.store) == old.ids[-1]


class _Interrupted(FaultyStore):
    """A store in which something else happens before its manifest is written."""

    def __init__(self, store: FolderObjects, interrupt: Callable[[], object]) -> None:
        super().__init__(store, at=0)
        self._interrupt = interrupt

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        if upload.key.endswith("/manifest.json"):
            self._interrupt()
        super().put(upload, advance)


def test_what_is_pruned_while_a_publisher_relies_on_it_is_sent_again(old: Growth) -> None:
    """It looked before anything was removed, and who prunes looked before its manifest was there."""
    roll_back(old.store, old.ids[0])
    write_days_ago(old.store, 2.0)
    removed: list[Pruned] = []
    done = publish_quietly(old.out, _Interrupted(old.store, lambda: removed.append(prune(old.store, keep=1))))
    assert done.bundle == old.ids[-1] in removed[0].bundles
    assert served(old.store) == done.bundle


def test_who_prunes_stops_where_somebody_has_published_meanwhile(old: Growth) -> None:
    class Slow(FaultyStore):
        def objects(self, prefix: str) -> list[ListedObject]:
            found = super().objects(prefix)
            if prefix == "photos/":  # the last that is looked at
                os.utime(manifest)
            return found

    manifest = old.store.folder / "bundles" / old.ids[1] / "manifest.json"
    before = old.store.objects("")
    with pytest.raises(StoreError, match=r"somebody is publishing to .*: prune again"):
        prune(Slow(old.store, at=0), keep=1)
    assert len(old.store.objects("")) == len(before)
