"""Clearing away what nobody needs: bundles and pictures, and what stays whatever happens."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from export.errors import StoreError
from export.publishing.pointer_swap import read_in_service
from export.publishing.pruning import LEFT_ALONE_S, prune
from export.publishing.versions import roll_back
from export.storage.folder_objects import FolderObjects
from handler.bundle.photos.addresses import thumbnail
from tests.functional.export.publishing.conftest import PUBLISHED
from tests.functional.export.stores import (
    FaultyStore,
    KilledError,
    age,
    publish_quietly,
    receive,
    segments_of,
    served,
    whole,
    write_other_out,
)


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 9])
def test_pruning_keeps_what_is_in_service_then_the_one_before(store: FolderObjects, ids: list[str], keep: int) -> None:
    roll_back(store, ids[0])  # in service is the oldest, before it was the newest
    age(store, 10)
    pruned = prune(store, keep=keep)
    left = whole(store)
    assert len(left) == min(keep, PUBLISHED)
    assert ids[0] in left
    assert ids[3] in left or keep == 1
    assert set(pruned.bundles) == set(ids) - left
    assert served(store) == ids[0]
    for bundle in pruned.bundles:
        assert not (store.folder / "bundles" / bundle).exists()


def test_pruning_removes_pictures_that_nobody_shows_once_they_are_old(store: FolderObjects, ids: list[str]) -> None:
    stray = store.folder / f"photos/ab/{'ab' * 32}.jpg"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"from a publisher that was killed")
    assert prune(store, keep=1).pictures == 0  # not yet
    os.utime(stray, (0, time.time() - LEFT_ALONE_S - 60))
    pruned = prune(store, keep=1)
    assert (pruned.bundles, pruned.pictures, pruned.size_bytes) == ((), 1, len(b"from a publisher that was killed"))
    photos = receive({"THINLENS_BUNDLE": str(store.folder)}).photos
    for number in range(len(photos)):
        assert (store.folder / thumbnail(photos.record(number).content)).is_file()


def test_pruning_leaves_a_publisher_at_work_alone(tmp_path: Path, store: FolderObjects, ids: list[str]) -> None:
    """A bundle that is newer than the pointer may be about to come into service, and so may one without a manifest."""
    write_other_out(tmp_path / "next", 9)
    since = (store.folder / "current.json").read_bytes()
    upcoming = publish_quietly(tmp_path / "next", store).bundle
    (store.folder / "current.json").write_bytes(since)
    os.utime(store.folder / "current.json", (0, time.time() - 1_800))
    unfinished = store.folder / "bundles" / ("f" * 16) / "collection.bin"
    unfinished.parent.mkdir()
    unfinished.write_bytes(b"...")
    prune(store, keep=1)
    assert whole(store) == {ids[3], upcoming}
    assert unfinished.is_file()
    os.utime(unfinished, (0, time.time() - LEFT_ALONE_S - 60))
    assert prune(store, keep=1).bundles == ("f" * 16,)
    assert not unfinished.exists()


def test_a_bundle_that_is_published_once_more_is_not_pruned_before_it_is_in_service(
    tmp_path: Path, store: FolderObjects, ids: list[str]
) -> None:
    counted = FaultyStore(store, at=0)
    publish_quietly(tmp_path / "out0", counted)
    roll_back(store, ids[3])
    age(store, 10)
    with pytest.raises(KilledError):  # at the last write, that of the pointer
        publish_quietly(tmp_path / "out0", FaultyStore(store, at=counted.writes))
    assert ids[0] not in prune(store, keep=1).bundles
    assert whole(store) >= {ids[0], ids[3]}


def test_nothing_is_pruned_where_a_bundle_that_stays_is_damaged(store: FolderObjects, ids: list[str]) -> None:
    catalogue = store.folder / segments_of(store, ids[3])[0].folder / "catalogue.bin"
    content = bytearray(catalogue.read_bytes())
    content[-1] ^= 1
    catalogue.write_bytes(content)
    before = store.objects("")
    with pytest.raises(
        StoreError, match=r"a bundle in .* stays, but its segments/.*/catalogue\.bin is missing or altered"
    ):
        prune(store, keep=1)
    (store.folder / f"bundles/{ids[3]}/manifest.json").unlink()
    with pytest.raises(StoreError, match=f"bundle {ids[3]} in .* stays, but can't be read: it isn't whole"):
        prune(store, keep=1)
    assert len(store.objects("")) == len(before) - 1


def test_partial_files_of_the_killed_go_after_a_day(store: FolderObjects, ids: list[str]) -> None:
    partial, mine = store.folder / ".partial" / "0123456789abcdef", store.folder / ".partial" / "mine"
    for path in (partial, mine):
        path.write_bytes(b"half")
    prune(store, keep=4)
    assert partial.exists()
    for path in (partial, mine):
        os.utime(path, (0, time.time() - LEFT_ALONE_S - 60))
    prune(store, keep=4)
    assert not partial.exists()
    assert mine.exists()
    assert read_in_service(store).bundle == ids[3]


@pytest.mark.parametrize(
    "key",
    [
        "photos/2019/beach.jpg",
        "photos/ab/beach.jpg",
        f"photos/ab/{'cd' * 32}.jpg",
        f"photos/AB/{'AB' * 32}.jpg",
        f"thumbnails/ab/{'ab' * 32}/mine.jpg",
        "thumbnails/mine.jpg",
        "bundles/my-software/setup.exe",
        "bundles/0123456789ABCDEF/manifest.json",
        "bundles/0123456789abcdef/manifest.json",
        "bundles/0123456789abcdef/diary.txt",
        "bundles/0123456789abcdef/sub/encoder.onnx",
        "bundles/0123456789abcdef/segments/0123456789abcdef/views.i8",
        "diary.txt",
    ],
)
def test_pruning_leaves_what_is_somebody_elses(store: FolderObjects, ids: list[str], key: str) -> None:
    path = store.folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"the only copy")
    os.utime(path, (0, time.time() - LEFT_ALONE_S - 60))
    prune(store, keep=1)
    assert path.read_bytes() == b"the only copy"


def test_a_dry_run_says_what_pruning_would_remove_and_removes_nothing(store: FolderObjects, ids: list[str]) -> None:
    age(store, 10)
    before = {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()}
    said = prune(store, keep=1, dry_run=True)
    assert {path: path.read_bytes() for path in store.folder.rglob("*") if path.is_file()} == before
    assert len(said.bundles) == PUBLISHED - 1
    assert prune(store, keep=1) == said
