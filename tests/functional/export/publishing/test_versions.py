"""What a store holds, going back to an earlier bundle, and clearing away what nobody needs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from export.errors import PublishingError, StoreError
from export.publishing.pointer_swap import read_in_service
from export.publishing.pruning import LEFT_ALONE_S, prune
from export.publishing.versions import list_versions, roll_back
from export.storage.folder_objects import FolderObjects
from handler.store.folder_store import open_bundle
from tests.functional.export.stores import FaultyStore, KilledError, publish_quietly, serve, write_other_out

PUBLISHED = 4


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


@pytest.fixture
def ids(tmp_path: Path, store: FolderObjects) -> list[str]:
    """Bundles that were published one after the other, each from an hour ago, each with a photo of its own."""
    published = []
    for number in range(PUBLISHED):
        out = tmp_path / f"out{number}"
        write_other_out(out, number)
        published.append(publish_quietly(out, store).bundle)
        age(store, 3_600 * (PUBLISHED - number))
    return published


def age(store: FolderObjects, seconds: float) -> None:
    """Let everything that was written just now have been written so many seconds ago."""
    now = time.time()
    for found in store.objects(""):
        if found.modified_s > now - 60:
            os.utime(store.folder / found.key, (now - seconds, now - seconds))


def served(store: FolderObjects) -> str:
    return serve({"THINLENS_BUNDLE": str(store.folder)})


def whole(store: FolderObjects) -> set[str]:
    return {version.id for version in list_versions(store) if version.whole}


def test_an_empty_store(store: FolderObjects) -> None:
    assert list_versions(store) == []
    with pytest.raises(PublishingError, match="nothing is in service in .*: publish first"):
        roll_back(store, None)
    with pytest.raises(StoreError, match="nothing is in service in .*, so there is nothing to prune"):
        prune(store, keep=1)


def test_versions_say_what_they_hold(store: FolderObjects, ids: list[str]) -> None:
    versions = list_versions(store)
    assert {version.id for version in versions} == set(ids)
    assert [version.created for version in versions] == sorted((v.created for v in versions), reverse=True)
    for version in versions:
        assert (version.problem, version.signed) == (None, False)
        assert version.manifest is not None
        assert version.manifest.counts.photos == 7
        folder = store.folder / "bundles" / version.id
        assert version.size_bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_bundles_that_are_not_whole(store: FolderObjects, ids: list[str]) -> None:
    first, second, third, _ = ids
    (store.folder / f"bundles/{first}/manifest.json").unlink()
    (store.folder / f"bundles/{second}/views.i8").write_bytes(b"cut")
    manifest = store.folder / f"bundles/{third}/manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    problems = {version.id: version.problem for version in list_versions(store) if not version.whole}
    assert problems[first] == "it isn't whole: its manifest is missing"
    assert problems[second] == "views.i8 is missing or of another size"
    assert (problems[third] or "").startswith("its manifest is altered: it is that of ")
    for bundle in (first, second, third):
        with pytest.raises(PublishingError, match=f"bundle {bundle} can't be put in service: "):
            roll_back(store, bundle)


def test_back_to_the_bundle_before_and_forth_again(store: FolderObjects, ids: list[str]) -> None:
    for expected, previous in ((ids[2], ids[3]), (ids[3], ids[2])):
        pointer = roll_back(store, None)
        assert (pointer.bundle, pointer.previous) == (expected, previous)
        assert served(store) == expected


def test_back_to_a_bundle_by_its_name(store: FolderObjects, ids: list[str]) -> None:
    assert roll_back(store, ids[0]).previous == ids[3]
    assert served(store) == ids[0]
    with pytest.raises(PublishingError, match=f"bundle {ids[0]} is in service already"):
        roll_back(store, ids[0])
    with pytest.raises(PublishingError, match="holds no bundle 0000000000000000; it holds "):
        roll_back(store, "0" * 16)


def test_the_first_bundle_has_none_before_it(tmp_path: Path, store: FolderObjects) -> None:
    write_other_out(tmp_path / "out", 0)
    publish_quietly(tmp_path / "out", store)
    with pytest.raises(PublishingError, match="no other bundle was in service in .* before"):
        roll_back(store, None)


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
    shown = open_bundle(store.folder / "bundles" / ids[3]).catalogue
    for number in range(len(shown)):
        assert (store.folder / shown[number].thumbnail).is_file()


def test_pruning_leaves_a_publisher_at_work_alone(tmp_path: Path, store: FolderObjects, ids: list[str]) -> None:
    """A bundle that is newer than the pointer may be about to come into service, and so may one without a manifest."""
    write_other_out(tmp_path / "next", 9)
    since = (store.folder / "current.json").read_bytes()
    upcoming = publish_quietly(tmp_path / "next", store).bundle
    (store.folder / "current.json").write_bytes(since)
    os.utime(store.folder / "current.json", (0, time.time() - 1_800))
    unfinished = store.folder / "bundles" / ("f" * 16) / "views.i8"
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
    catalogue = store.folder / f"bundles/{ids[3]}/catalogue.bin"
    content = bytearray(catalogue.read_bytes())
    content[-1] ^= 1
    catalogue.write_bytes(content)
    before = store.objects("")
    with pytest.raises(StoreError, match=f"bundle {ids[3]} in .* stays, but its catalogue.bin is missing or altered"):
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


def test_publishing_counts_files_of_others_and_leaves_them(tmp_path: Path, store: FolderObjects) -> None:
    write_other_out(tmp_path / "out", 0)
    assert publish_quietly(tmp_path / "out", store).others == 0
    for name in ("photos/2019/beach.jpg", "thumbnails/mine.jpg"):
        path = store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert publish_quietly(tmp_path / "out", store).others == 2
    assert (store.folder / "photos/2019/beach.jpg").read_text() == "mine"
