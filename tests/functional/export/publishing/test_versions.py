"""What a store holds, and going back to an earlier bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.errors import PublishingError, StoreError
from export.publishing.pruning import prune
from export.publishing.versions import list_versions, roll_back
from export.storage.folder_objects import FolderObjects
from tests.functional.export.stores import publish_quietly, served, write_other_out


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


def test_bundles_that_are_not_whole(store: FolderObjects, ids: list[str]) -> None:
    first, second, third, _ = ids
    (store.folder / f"bundles/{first}/manifest.json").unlink()
    (store.folder / f"bundles/{second}/collection.bin").write_bytes(b"cut")
    manifest = store.folder / f"bundles/{third}/manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    problems = {version.id: version.problem for version in list_versions(store) if not version.whole}
    assert problems[first] == "it isn't whole: its manifest is missing"
    assert problems[second] == "collection.bin is missing or of another size"
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


def test_publishing_counts_files_of_others_and_leaves_them(tmp_path: Path, store: FolderObjects) -> None:
    write_other_out(tmp_path / "out", 0)
    assert publish_quietly(tmp_path / "out", store).others == 0
    for name in ("photos/2019/beach.jpg", "thumbnails/mine.jpg"):
        path = store.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert publish_quietly(tmp_path / "out", store).others == 2
    assert (store.folder / "photos/2019/beach.jpg").read_text() == "mine"
