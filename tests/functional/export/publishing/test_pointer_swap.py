"""Moving the pointer: nobody is told a lie, whatever happens to the store's answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.errors import LostRaceError, PublishingError, StoreError, UnavailableStoreError
from export.publishing.pointer_swap import InService, check_conditions, put_in_service, read_in_service
from export.storage import retrying
from export.storage.folder_objects import FolderObjects
from export.storage.object_store import StoredObject, Upload
from handler.store.pointer import POINTER_KEY, Pointer
from tests.functional.export.stores import FaultyStore

NOTHING = InService(pointer=None, version=None)
A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.001)


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def test_the_pointer_moves_and_names_what_was_before(store: FolderObjects) -> None:
    first = put_in_service(store, A, since=NOTHING)
    assert (first.bundle, first.previous) == (A, None)
    assert read_in_service(store).pointer == first
    second = put_in_service(store, B, since=read_in_service(store))
    assert (second.bundle, second.previous) == (B, A)
    assert read_in_service(store).pointer == second


@pytest.mark.parametrize("since_a", [False, True])
def test_a_lost_race(store: FolderObjects, since_a: bool) -> None:
    since = NOTHING
    if since_a:
        put_in_service(store, A, since=NOTHING)
        since = read_in_service(store)
    won = put_in_service(store, B, since=since)
    with pytest.raises(LostRaceError) as told:
        put_in_service(store, C, since=since)
    assert str(told.value) == (
        f"somebody else has put {B} in service since this run began, so {C} isn't; it is whole in {store.address}: "
        f"to put it in service, run again, or: thinlens rollback {store.address} {C}"
    )
    assert read_in_service(store).pointer == won


@pytest.mark.parametrize("after", [False, True])
def test_an_answer_that_is_lost(store: FolderObjects, after: bool) -> None:
    """Whether the write was done or not, the next attempt finds out, and it is done once."""
    faulty = FaultyStore(store, at=1, error=UnavailableStoreError("no answer"), after=after)
    pointer = put_in_service(faulty, A, since=NOTHING)
    assert read_in_service(store).pointer == pointer
    assert faulty.writes == 2


class OvertakenStore(FaultyStore):
    """Loses the answer to the first write, after which somebody else is quicker."""

    def __init__(self, store: FolderObjects, *, after: bool) -> None:
        super().__init__(store, at=1, error=UnavailableStoreError("no answer"), after=after)
        self._folder_store = store

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        try:
            return super().swap(key, data, version=version)
        except UnavailableStoreError:
            put_in_service(self._folder_store, C, since=read_in_service(self._folder_store))
            raise


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (True, f"{B} came into service, and somebody else has put {C} in its place already"),
        (False, f"somebody else has put {C} in service since this run began, so {B} isn't"),
    ],
)
def test_an_answer_that_is_lost_and_a_race_after_it(store: FolderObjects, after: bool, told: str) -> None:
    put_in_service(store, A, since=NOTHING)
    since = read_in_service(store)
    with pytest.raises(LostRaceError, match=told):
        put_in_service(OvertakenStore(store, after=after), B, since=since)
    assert read_in_service(store).bundle == C


class SilentStore(FaultyStore):
    """Takes every write of the pointer, and never answers."""

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        super().swap(key, data, version=version)
        raise UnavailableStoreError("no answer")

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        raise UnavailableStoreError("no answer")


def test_a_store_that_falls_silent(store: FolderObjects) -> None:
    with pytest.raises(PublishingError) as told:
        put_in_service(SilentStore(store, at=0), A, since=NOTHING, patience_s=0.1)
    assert str(told.value) == (
        f"no answer; given up after 0 seconds of trying; whether {A} came into service isn't known: "
        f"'thinlens versions {store.address}' tells"
    )


def test_a_store_that_refuses_leaves_what_is_in_service(store: FolderObjects) -> None:
    faulty = FaultyStore(store, at=1, error=StoreError("refused"))
    with pytest.raises(StoreError, match="^refused$"):
        put_in_service(faulty, A, since=NOTHING)
    assert read_in_service(store) == NOTHING


class CarelessStore(FaultyStore):
    """Writes whatever the condition is, as some who speak S3 do."""

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        return True


def test_a_store_that_ignores_conditions_is_refused(store: FolderObjects, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    upload = Upload(key="bundles/a/file", path=tmp_path / "file", size_bytes=4, sha256=None, media_type="text/plain")
    store.put(upload, lambda _: None)
    check_conditions(store, upload)
    with pytest.raises(StoreError, match=r"ignores the conditions of writes \(If-None-Match, If-Match\)"):
        check_conditions(CarelessStore(store, at=0), upload)


def test_the_pointer_of_a_newer_version(store: FolderObjects) -> None:
    assert store.swap(POINTER_KEY, b'{"format_version": 7}', version=None)
    with pytest.raises(StoreError, match=r"Unknown format_version 7 .* if no newer thinlens wrote it, remove it"):
        read_in_service(store)


def test_times_of_moves_are_distinct_enough(store: FolderObjects) -> None:
    """Going back and forth never gives the same object, by whose version a race would go unnoticed."""
    versions = set()
    since = NOTHING
    for bundle in (A, B, A, B):
        put_in_service(store, bundle, since=since)
        since = read_in_service(store)
        versions.add(since.version)
    assert len(versions) == 4
    assert isinstance(since.pointer, Pointer)
