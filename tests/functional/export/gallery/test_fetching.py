"""Photos of a store become a folder: what is new or changed is fetched, what is gone is removed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from export.errors import LibraryError, PhotosError, StoreError, UnavailableStoreError
from export.gallery.fetching import fetch_photos
from export.gallery.forgetting import always
from export.gallery.indexing import index_photos
from export.library.library import Library
from export.progress import Progress
from export.storage.folder_objects import FolderObjects
from export.storage.object_store import ListedObject, StoredObject
from tests.functional.export.galleries import fake_models, write_photo


class CountingStore(FolderObjects):
    """A store that notes what is read, and fails at one of the reads."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read_keys: list[str] = []
        self.fails_at = 0

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        self.read_keys.append(key)
        if len(self.read_keys) == self.fails_at:
            raise UnavailableStoreError("out of reach")
        return super().read(key, max_bytes=max_bytes)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    folder = tmp_path / "store"
    for name in ("walls/red.jpg", "walls/old/green.PNG", "blue.jpg"):
        write_photo(folder / name, name.rpartition("/")[2].partition(".")[0])
    for name in ("notes.txt", "walls/.hidden.jpg", "columns.csv"):
        (folder / name).write_text("id\n")
    return CountingStore(folder)


def fetch(store: FolderObjects, out: Path, exclude: Iterable[str] = ()) -> dict[str, bytes]:
    folder = fetch_photos(store, out, exclude=list(exclude), progress=Progress(), may_forget=always)
    assert folder == out / "photos"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_photos_and_what_is_known_of_them_are_fetched(store: CountingStore, tmp_path: Path) -> None:
    names = ("walls/red.jpg", "walls/old/green.PNG", "blue.jpg", "columns.csv")
    assert fetch(store, tmp_path / "out") == {name: (store.folder / name).read_bytes() for name in names}


def test_only_what_is_new_or_changed_is_fetched_again(store: CountingStore, tmp_path: Path) -> None:
    fetch(store, tmp_path / "out")
    store.read_keys.clear()
    write_photo(store.folder / "blue.jpg", "white")
    os.utime(store.folder / "blue.jpg", (0, 1_700_000_000))
    write_photo(store.folder / "new.jpg", "black")
    (store.folder / "walls/red.jpg").unlink()
    fetched = fetch(store, tmp_path / "out")
    assert sorted(store.read_keys) == ["blue.jpg", "new.jpg"]
    assert fetched["blue.jpg"] == (store.folder / "blue.jpg").read_bytes()
    assert sorted(fetched) == ["blue.jpg", "columns.csv", "new.jpg", "walls/old/green.PNG"]


def test_what_is_gone_many_at_once_stays(
    store: CountingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = fetch(store, tmp_path / "out")
    for name in ("walls/red.jpg", "blue.jpg"):
        (store.folder / name).unlink()
    fetch_photos(store, tmp_path / "out", exclude=[], progress=Progress())
    assert (tmp_path / "out/photos/walls/red.jpg").read_bytes() == before["walls/red.jpg"]
    assert "2 of 4 photos are gone from" in caplog.text
    assert "such as blue.jpg, and stay here: --forget lets go of what is gone" in caplog.text
    assert "walls/red.jpg" not in fetch(store, tmp_path / "out")


def test_what_is_left_out_is_not_fetched(store: CountingStore, tmp_path: Path) -> None:
    assert sorted(fetch(store, tmp_path / "out", ["old", "blue.*"])) == ["columns.csv", "walls/red.jpg"]
    assert sorted(store.read_keys) == ["columns.csv", "walls/red.jpg"]


def test_a_store_out_of_reach_is_gone_on_with(store: CountingStore, tmp_path: Path) -> None:
    store.fails_at = 3
    with pytest.raises(UnavailableStoreError, match="out of reach"):
        fetch(store, tmp_path / "out")
    store.fails_at = 0
    store.read_keys.clear()
    assert len(fetch(store, tmp_path / "out")) == 4
    assert 1 <= len(store.read_keys) < 4


def test_a_store_without_photos(tmp_path: Path) -> None:
    with pytest.raises(PhotosError, match=r"store holds no photos; expected JPEG, PNG"):
        fetch(FolderObjects(tmp_path / "store"), tmp_path / "out")


def test_two_runs_do_not_get_in_each_others_way(store: CountingStore, tmp_path: Path) -> None:
    with Library.open(tmp_path / "out"), pytest.raises(LibraryError, match="in use by another thinlens run"):
        fetch(store, tmp_path / "out")


class HostileStore(FolderObjects):
    """Names objects as no file can be named."""

    def objects(self, prefix: str) -> list[ListedObject]:
        keys = ("../out.jpg", "a/../../b.jpg", "/etc/c.jpg", "a//d.jpg", "e\0.jpg", "fine.jpg")
        return [ListedObject(key=key, size_bytes=1, modified_s=1.0) for key in keys]

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        return StoredObject(data=b"x", version="")


def test_no_key_leads_out_of_the_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert fetch(HostileStore(tmp_path / "store"), tmp_path / "out") == {"fine.jpg": b"x"}
    assert caplog.messages == [
        f"{key!r} can't be the path of a file, so it is left out"
        for key in ("../out.jpg", "a/../../b.jpg", "/etc/c.jpg", "a//d.jpg", "e\0.jpg")
    ]
    assert {path.name for path in tmp_path.rglob("*.jpg")} == {"fine.jpg"}


def test_fetched_photos_are_indexed_by_their_keys(store: CountingStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (store.folder / "columns.csv").unlink()
    folder = fetch_photos(store, out, exclude=[], progress=Progress(), may_forget=always)
    models = fake_models(tmp_path / "models")
    report = index_photos(folder, out, workers=1, models=models)
    assert (report.photos, report.failures) == (3, ())
    (store.folder / "blue.jpg").unlink()
    fetch_photos(store, out, exclude=[], progress=Progress(), may_forget=always)
    again = index_photos(folder, out, workers=1, models=models, may_forget=always)
    assert (again.photos, again.read, again.forgotten) == (2, 0, 1)
    with Library.open_to_read(out) as library:
        assert sorted(library.photos.all()) == ["walls/old/green.PNG", "walls/red.jpg"]


class ArchivedStore(FolderObjects):
    """A store that doesn't give out some of its objects."""

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        if key.startswith("archived"):
            raise StoreError(f"reading {key}: it is archived; restore it first")
        return super().read(key, max_bytes=max_bytes)

    def objects(self, prefix: str) -> list[ListedObject]:
        found = super().objects(prefix)
        impossible = (f"{'long' * 100}.jpg", "blue.jpg/red.jpg")  # a bucket has no folders, so both are keys
        return [*found, *(ListedObject(key=key, size_bytes=1, modified_s=1.0) for key in impossible)]


def test_an_object_that_cannot_be_had_is_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("archived.jpg", "blue.jpg"):
        write_photo(tmp_path / "store" / name, "blue")

    class Store(ArchivedStore):
        def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
            found = super().read(key, max_bytes=max_bytes) if key in ("archived.jpg", "blue.jpg") else None
            return found or StoredObject(data=b"x", version="1")

    with caplog.at_level(logging.WARNING):
        assert fetch(Store(tmp_path / "store"), tmp_path / "out").keys() == {"blue.jpg"}
    assert "archived.jpg can't be fetched, so it is left out: reading archived.jpg: it is archived" in caplog.text
    assert "blue.jpg/red.jpg can't be fetched, so it is left out: " in caplog.text
    assert ".jpg can't be fetched, so it is left out: File name too long" in caplog.text


def test_where_nothing_can_be_had_the_reason_is_the_error(tmp_path: Path) -> None:
    write_photo(tmp_path / "store/archived.jpg", "blue")
    with pytest.raises(StoreError, match="it is archived"):
        fetch(ArchivedStore(tmp_path / "store"), tmp_path / "out")
