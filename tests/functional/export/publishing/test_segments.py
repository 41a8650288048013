"""Segments in a store: bundles share them, each is sent once, and a run that was stopped sends what is missing."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

import pytest

from export.errors import PublishingError
from export.publishing.pointer_swap import read_in_service
from export.publishing.versions import list_versions, roll_back
from export.storage.folder_objects import FolderObjects
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import MANIFEST_FILE, SEGMENT_FILES
from handler.errors import BundleError
from handler.service import CHECK_EVERY_S, Service
from handler.store.folder_store import FolderStore, open_bundle
from handler.store.store import deliver
from tests.functional.export.galleries import write_photo, write_photos
from tests.functional.export.publishing.conftest import Growth
from tests.functional.export.stores import (
    FIRST_PHOTOS,
    index_colours,
    publish_growing,
    publish_quietly,
    race,
    segments_of,
    served,
)


def sizes(store: FolderObjects) -> dict[str, int]:
    return {found.key: found.size_bytes for found in store.objects("") if found.key != "current.json"}


def test_one_more_photo_sends_its_own_segment_and_none_of_the_old_ones(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "store")
    before = publish_growing(tmp_path, store, times=1)[0]
    there = sizes(store)
    after = publish_growing(tmp_path, store, times=2)[-1]
    (shared,) = segments_of(store, before.bundle)
    kept, new = segments_of(store, after.bundle)
    assert (kept, new.photos) == (shared, 1)
    sent = {key: size for key, size in sizes(store).items() if key not in there}
    bundle = open_bundle(tmp_path / "out/bundle")
    picture = bundle.photos.record(len(bundle.photos) - 1).content
    copied = {f"bundles/{after.bundle}/{name}" for name in bundle.manifest.files if name != "collection.bin"}
    assert sent.keys() == {
        *copied,
        f"bundles/{after.bundle}/manifest.json",
        f"bundles/{after.bundle}/collection.bin",
        *(f"segments/{new.id}/{name}" for name in SEGMENT_FILES),
        f"thumbnails/{picture[:2]}/{picture}.jpg",
    }
    assert after.sent_bytes == sum(size for key, size in sent.items() if key not in copied)
    # Whoever has the first bundle has nothing of the old segment sent again.
    old = sum(info.size_bytes for info in shared.files.values())
    assert before.sent_bytes - after.sent_bytes > old


def test_a_bundle_that_is_there_is_not_sent_again(growth: Growth) -> None:
    before = {found.key: found.modified_s for found in growth.store.objects("")}
    again = publish_quietly(growth.out, growth.store)
    assert (again.bundle, again.replaced, again.sent_bytes) == (growth.ids[-1], growth.ids[-1], 0)
    assert {found.key: found.modified_s for found in growth.store.objects("")} == before


def test_in_an_empty_store_all_segments_are_sent(growth: Growth, tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "empty")
    done = publish_quietly(growth.out, store)
    assert done.sent_bytes == sum(sizes(store).values())
    assert {found.key.split("/")[1] for found in store.objects("segments/")} == {
        segment.id for segment in segments_of(store, done.bundle)
    }
    assert served(store) == done.bundle


def test_the_segments_of_a_bundle_that_is_gone_are_used_again(growth: Growth) -> None:
    """Where the pointer and all manifests are lost, the segments are known by their names and sizes."""
    shutil.rmtree(growth.store.folder / "bundles")
    (growth.store.folder / "current.json").unlink()
    before = {found.key: found.modified_s for found in growth.store.objects("segments/")}
    done = publish_quietly(growth.out, growth.store)
    assert {found.key: found.modified_s for found in growth.store.objects("segments/")} == before
    assert done.sent_bytes == sum(found.size_bytes for found in growth.store.objects(f"bundles/{done.bundle}/"))
    assert served(growth.store) == done.bundle


def test_a_segment_that_was_damaged_in_the_store(growth: Growth, caplog: pytest.LogCaptureFixture) -> None:
    """Name and size are trusted: nobody reads gigabytes back. The function hashes, refuses, and stays as it was.

    So it is with what is verified whole; what is read by blocks is refused by the questions that read it.
    """
    older = growth.ids[-2]
    roll_back(growth.store, older)
    store, now_s = FolderStore(growth.store.folder, None), [0.0]
    service = Service(store, Bundle.receive(deliver(store)), clock=lambda: now_s[0])
    new = segments_of(growth.store, growth.ids[-1])[-1]
    damaged = growth.store.folder / new.folder / "codes.bin"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    sent = publish_quietly(growth.out, growth.store)
    assert (sent.bundle, read_in_service(growth.store).bundle) == (growth.ids[-1], growth.ids[-1])
    with pytest.raises(BundleError, match=r"codes\.bin is altered"):
        served(growth.store)
    now_s[0] += CHECK_EVERY_S
    with caplog.at_level("WARNING"):
        assert service().bundle_id == older
        for thread in threading.enumerate():
            if thread.name == "thinlens-check":
                thread.join()
    assert re.search(r"The bundle from before stays in service: .*codes\.bin is altered", caplog.text)
    assert service().bundle_id == older
    # What is altered is found by its name in the message, removed, and sent anew by the next run.
    damaged.unlink()
    assert publish_quietly(growth.out, growth.store).sent_bytes == len(content)
    assert served(growth.store) == growth.ids[-1]


@pytest.mark.parametrize("name", SEGMENT_FILES)
def test_a_segment_that_was_damaged_here_is_not_sent(growth: Growth, tmp_path: Path, name: str) -> None:
    """Whether the bundle reads the damage when it is opened and measured, or nobody does before it is sent."""
    segment = segments_of(growth.store, growth.ids[-1])[-1]
    damaged = growth.out / "bundle" / segment.folder / name
    whole = damaged.read_bytes()
    damaged.unlink()  # a link to a file of the bundle before
    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    store = FolderObjects(tmp_path / "empty")
    with pytest.raises((BundleError, PublishingError), match=rf"{re.escape(name)}.* (is altered|isn't what it was)"):
        publish_quietly(growth.out, store)
    damaged.write_bytes(whole)
    # Files are sent several at once, so some of the bundle's may be there; what makes them a bundle isn't.
    assert not [found for found in store.objects("bundles/") if found.key.endswith(MANIFEST_FILE)]
    assert read_in_service(store).bundle is None


def test_a_segment_of_which_half_has_arrived_is_completed(growth: Growth) -> None:
    """A file that is missing or cut is sent, and no other."""
    new = segments_of(growth.store, growth.ids[-1])[-1]
    roll_back(growth.store, growth.ids[-2])
    cut, missing = (growth.store.folder / new.folder / name for name in ("views.i8", "codes.bin"))
    cut.write_bytes(cut.read_bytes()[:-1])
    missing.unlink()
    before = {found.key: found.modified_s for found in growth.store.objects("segments/")}
    publish_quietly(growth.out, growth.store)
    after = {found.key: found.modified_s for found in growth.store.objects("segments/")}
    assert {key for key in after if after[key] != before.get(key)} == {
        f"{new.folder}/views.i8",
        f"{new.folder}/codes.bin",
    }
    assert served(growth.store) == growth.ids[-1]


def test_a_version_without_a_file_of_its_segments_is_not_whole(growth: Growth) -> None:
    own = segments_of(growth.store, growth.ids[1])[-1]
    (growth.store.folder / own.folder / "codes.bin").unlink()
    problems = {version.id: version.problem for version in list_versions(growth.store)}
    told = f"{own.folder}/codes.bin is missing or of another size"
    assert problems == {bundle: told if bundle == growth.ids[1] else None for bundle in growth.ids}
    with pytest.raises(PublishingError, match=f"^bundle {growth.ids[1]} can't be put in service: {told}$"):
        roll_back(growth.store, growth.ids[1])
    shared = segments_of(growth.store, growth.ids[0])[0]
    (growth.store.folder / shared.folder / "views.i8").write_bytes(b"cut")
    assert not any(version.whole for version in list_versions(growth.store))


def test_the_size_of_a_version_is_that_of_its_files_and_its_segments(growth: Growth) -> None:
    for version in list_versions(growth.store):
        assert version.manifest is not None
        folders = [f"bundles/{version.id}", *(segment.folder for segment in version.manifest.segments)]
        files = [path for folder in folders for path in (growth.store.folder / folder).iterdir()]
        assert version.size_bytes == sum(path.stat().st_size for path in files)


def test_back_to_a_bundle_that_shares_segments_and_forth_again(growth: Growth) -> None:
    for bundle in (growth.ids[0], growth.ids[-1], growth.ids[1]):
        assert roll_back(growth.store, bundle).bundle == bundle
        assert served(growth.store) == bundle


def test_of_publishers_who_share_a_segment_one_wins_each_round(growth: Growth, tmp_path: Path) -> None:
    """Each has a photo of its own, and the first segment is one and the same for all."""
    outs = [Path(shutil.copytree(growth.out, tmp_path / f"out{number}", symlinks=True)) for number in range(3)]
    for number, out in enumerate(outs):
        photos = tmp_path / f"photos{number}"
        write_photos(photos, FIRST_PHOTOS)
        write_photo(photos / "own.jpg", "yellow", seed=1_000 + number)
        index_colours(photos, out)
    store = FolderObjects(tmp_path / "store")
    race(outs, lambda: store, lambda: served(store), rounds=2)
    versions = list_versions(store)
    assert [version.whole for version in versions] == [True] * len(outs)
    segments = [{segment.id for segment in segments_of(store, version.id)} for version in versions]
    assert [len(ids) for ids in segments] == [2] * len(outs)
    assert len(set.union(*segments)) == 1 + len(outs)
