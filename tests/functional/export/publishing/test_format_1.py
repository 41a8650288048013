"""Bundles of format 1 in a store beside newer ones: listed, served, gone back to, kept and cleared away as ever."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from export.bundles.bundling import BUNDLES, CURRENT
from export.errors import PublishingError
from export.publishing.pruning import prune
from export.publishing.publication import Publication
from export.publishing.versions import list_versions, roll_back
from export.storage.folder_objects import FolderObjects
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.manifest import MANIFEST_FILE, bundle_id
from handler.bundle.photos.addresses import thumbnail
from handler.store.pointer import POINTER_KEY
from tests.functional.export.stores import STRICT, publish_quietly, receive, served, whole, write_out
from tests.functional.handler import format_1
from tests.functional.handler.artefacts import PHOTOS, TinyPhoto, content_of
from tests.functional.handler.format_1 import FILES_1, write_bundle_1
from tests.functional.handler.published import publish as put_in_service

OLD_PHOTO = TinyPhoto(id="old.jpg", caption="a horse in the snow", seen="horse snow")


def picture_of(photo_id: str) -> str:
    return thumbnail(content_of(photo_id))


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle as an earlier version published it: a photo's address leads to its thumbnail in the store."""
    monkeypatch.setattr(format_1, "url_of", picture_of)
    monkeypatch.setattr(format_1, "thumbnail_of", picture_of)
    return write_bundle_1(tmp_path / "old", [*PHOTOS, OLD_PHOTO], STRICT)


@pytest.fixture
def store(old: Path, tmp_path: Path) -> FolderObjects:
    """A store with that bundle in service, and its thumbnails; all a few days old."""
    folder = tmp_path / "store"
    put_in_service(folder, old)
    for photo in (*PHOTOS, OLD_PHOTO):
        path = folder / picture_of(photo.id)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"small")
    make_old(folder, days=5)
    return FolderObjects(folder)


@pytest.fixture
def first(old: Path) -> str:
    return bundle_id((old / MANIFEST_FILE).read_bytes())


@pytest.fixture
def second(store: FolderObjects, tmp_path: Path) -> Publication:
    """A bundle of this version, published after it, without the one photo."""
    write_out(tmp_path / "out")
    return publish_quietly(tmp_path / "out", store)


def make_old(folder: Path, *, days: float) -> None:
    then = time.time() - days * 86_400
    for path in folder.rglob("*"):
        os.utime(path, (then, then))
    os.utime(folder / POINTER_KEY, (then + 60, then + 60))


def test_both_are_listed_and_can_be_put_in_service(store: FolderObjects, first: str, second: Publication) -> None:
    assert second.replaced == first
    versions = {version.id: version for version in list_versions(store)}
    assert [(versions[bundle].problem, versions[bundle].whole) for bundle in (first, second.bundle)] == [
        (None, True),
        (None, True),
    ]
    manifest = versions[first].manifest
    assert manifest is not None
    assert (manifest.format_version, manifest.counts.photos) == (1, len(PHOTOS) + 1)
    folder = store.folder / "bundles" / first
    assert versions[first].size_bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert {path.name for path in folder.iterdir()} == {MANIFEST_FILE, *FILES_1}
    assert served(store) == second.bundle
    assert roll_back(store, None).bundle == first
    assert served(store) == first
    assert len(receive({"THINLENS_BUNDLE": str(store.folder)}).photos) == len(PHOTOS) + 1


def test_what_it_has_in_common_with_a_newer_one_is_copied(
    store: FolderObjects, first: str, second: Publication
) -> None:
    """The encoder; pictures are there already."""
    sent = [
        found.size_bytes
        for prefix in (f"bundles/{second.bundle}/", "segments/", "assets/")
        for found in store.objects(prefix)
        if found.key.rpartition("/")[2] not in ENCODER_FILES
    ]
    assert second.sent_bytes == sum(sent)
    for name in ENCODER_FILES:
        assert (store.folder / "bundles" / second.bundle / name).samefile(store.folder / "bundles" / first / name)


def test_it_stays_with_its_pictures_as_long_as_it_is_kept(
    store: FolderObjects, first: str, second: Publication
) -> None:
    make_old(store.folder, days=2)
    before = store.objects("")
    assert prune(store, keep=2).size_bytes == 0
    assert store.objects("") == before
    roll_back(store, first)
    make_old(store.folder, days=2)
    assert prune(store, keep=1).bundles == (second.bundle,)
    assert store.objects("segments/") == []
    assert len(store.objects("thumbnails/")) == len(PHOTOS) + 1
    assert served(store) == first


def test_it_goes_with_the_pictures_that_it_alone_shows(store: FolderObjects, first: str, second: Publication) -> None:
    make_old(store.folder, days=2)
    said = prune(store, keep=1, dry_run=True)
    pruned = prune(store, keep=1)
    assert (pruned.bundles, pruned.pictures) == ((first,), 1)
    assert pruned == said
    assert not (store.folder / "bundles" / first).exists()
    assert not (store.folder / picture_of(OLD_PHOTO.id)).exists()
    assert whole(store) == {second.bundle}
    assert served(store) == second.bundle


def test_one_that_was_damaged_is_not_whole(store: FolderObjects, first: str, second: Publication) -> None:
    (store.folder / "bundles" / first / "views.i8").write_bytes(b"cut")
    problems = {version.id: version.problem for version in list_versions(store)}
    assert problems == {first: "views.i8 is missing or of another size", second.bundle: None}
    with pytest.raises(PublishingError, match=f"bundle {first} can't be put in service: views.i8 is missing"):
        roll_back(store, first)


def test_one_that_was_indexed_is_to_be_indexed_again(old: Path, first: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / BUNDLES).mkdir(parents=True)
    old.rename(out / BUNDLES / first)
    (out / CURRENT).symlink_to(f"{BUNDLES}/{first}")
    target = FolderObjects(tmp_path / "new store")
    told = f"bundle {first} is of format 1 \\(expected 2\\): run 'thinlens index' again"
    with pytest.raises(PublishingError, match=told):
        publish_quietly(out, target)
    assert target.objects("") == []
