"""The service: it follows the pointer, and keeps the bundle that it has when anything is wrong with another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from handler import service as service_module
from handler.bundle.bundle import Bundle
from handler.bundle.delivery import BundleFiles
from handler.bundle.manifest import MANIFEST_FILE, bundle_id
from handler.empty_collection import NO_BUNDLE
from handler.errors import BundleError, StoreError
from handler.search.searcher import Searcher
from handler.service import CHECK_EVERY_S, LONGEST_PAUSE_S, Service, first_bundle
from handler.store.folder_store import FolderStore, open_bundle, read_folder
from handler.store.store import deliver
from tests.functional.handler.artefacts import PHOTOS, write_bundle
from tests.functional.handler.published import publish
from tests.functional.handler.tampering import file_of

WAIT_S = 20.0


@dataclass(slots=True)
class Shelf:
    """A store of folders by their ids, one of which is in service; it counts, and may be slow or fail."""

    folders: dict[str, Path]
    in_service: str
    looks: int = 0
    fetches: list[str] = field(default_factory=list)
    look: Callable[[], None] = lambda: None
    fetching: Callable[[], None] = lambda: None

    def newest(self) -> str:
        self.looks += 1
        self.look()
        return self.in_service

    def fetch(self, bundle: str) -> BundleFiles:
        self.fetches.append(bundle)
        self.fetching()
        return read_folder(self.folders[bundle], None)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_before_anything_is_published_the_collection_is_empty_and_then_it_is_taken_over(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", None)
    (tmp_path / "store").mkdir()
    assert first_bundle(lambda: Bundle.receive(deliver(store))) is None
    clock = Clock()
    service = Service(store, None, clock=clock, wait_s=WAIT_S)
    assert (service().bundle_id, service().photo_count) == (NO_BUNDLE, 0)
    clock.now += CHECK_EVERY_S
    assert service().photo_count == 0
    bundle = write_bundle(tmp_path / "bundle")
    published = publish(tmp_path / "store", bundle)
    clock.now += CHECK_EVERY_S
    service()
    until(lambda: service().bundle_id == published)
    assert service().photo_count == len(PHOTOS)


def put(shelf: Shelf, folder: Path) -> str:
    identity = bundle_id((folder / MANIFEST_FILE).read_bytes())
    shelf.folders[identity] = folder
    return identity


@pytest.fixture
def shelf(bundle_folder: Path) -> Shelf:
    shelf = Shelf(folders={}, in_service="")
    shelf.in_service = put(shelf, bundle_folder)
    return shelf


@pytest.fixture
def other(shelf: Shelf, tmp_path: Path) -> str:
    """A second bundle on the shelf."""
    return put(shelf, write_bundle(tmp_path / "other", PHOTOS[:3]))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(shelf: Shelf, clock: Clock) -> Service:
    bundle = open_bundle(shelf.folders[shelf.in_service])
    return Service(shelf, bundle, media_url="https://cdn.example.org/", clock=clock)


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def settle() -> None:
    """Wait until no check goes on."""
    until(lambda: not any(thread.name == "thinlens-check" for thread in threading.enumerate()))


def ask(service: Service, clock: Clock, *, after_s: float = CHECK_EVERY_S) -> Searcher:
    """A request some time later, and the searcher of the next one, when whatever it started is over."""
    clock.now += after_s
    service()
    settle()
    return searcher_of(service)


def searcher_of(service: Service) -> Searcher:
    """The searcher of a request; there is one, for something is published."""
    searcher = service()
    assert isinstance(searcher, Searcher)
    return searcher


def test_the_pointer_is_looked_at_once_a_minute_at_most(service: Service, shelf: Shelf, clock: Clock) -> None:
    for _ in range(10):
        service()
    assert shelf.looks == 0
    for minute in range(1, 4):
        ask(service, clock)
        for _ in range(10):
            ask(service, clock, after_s=5.0)
        assert shelf.looks == minute
    assert shelf.fetches == []


def test_a_new_bundle_is_taken_over_and_a_rollback_too(
    service: Service, shelf: Shelf, clock: Clock, other: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handler")
    first = shelf.in_service
    shelf.in_service = other
    searcher = ask(service, clock)
    assert searcher.bundle.id == other
    # It is made as the first was: addresses are relative to the same place.
    assert searcher.photo("animals/dog.jpg")["url"].startswith("https://cdn.example.org/photos/")
    shelf.in_service = first
    assert ask(service, clock).bundle.id == first
    assert shelf.fetches == [other, first]
    assert caplog.messages == [f"Bundle {other} is in service", f"Bundle {first} is in service"]


def test_a_request_keeps_the_bundle_that_it_began_with(
    service: Service, shelf: Shelf, clock: Clock, other: str
) -> None:
    first = shelf.in_service
    searcher = searcher_of(service)
    before = searcher.search("snow on a mountain")
    shelf.in_service = other
    assert ask(service, clock).bundle.id == other
    after = searcher.search("snow on a mountain")
    assert (after["bundle"], after["results"]) == (first, before["results"])


def test_no_request_waits_for_a_slow_store(service: Service, shelf: Shelf, clock: Clock, other: str) -> None:
    first, go_on = shelf.in_service, threading.Event()
    shelf.in_service = other
    shelf.look = shelf.fetching = lambda: assert_set(go_on)
    clock.now += CHECK_EVERY_S
    started = time.monotonic()
    assert [service().bundle_id for _ in range(100)] == [first] * 100
    assert time.monotonic() - started < WAIT_S / 4
    # However long it takes, there is one check at a time.
    clock.now += 10 * CHECK_EVERY_S
    service()
    assert shelf.looks == 1
    go_on.set()
    settle()
    assert service().bundle_id == other


def assert_set(event: threading.Event) -> None:
    assert event.wait(WAIT_S)


def test_where_threads_are_frozen_a_request_waits_for_the_look_alone(shelf: Shelf, clock: Clock, other: str) -> None:
    first, go_on = shelf.in_service, threading.Event()
    bundle = open_bundle(shelf.folders[first])
    service = Service(shelf, bundle, wait_s=WAIT_S, clock=clock)
    shelf.look = lambda: time.sleep(0.05)
    shelf.fetching = lambda: assert_set(go_on)
    shelf.in_service = other
    clock.now += CHECK_EVERY_S
    assert service().bundle_id == first
    assert (shelf.looks, shelf.fetches) in ((1, []), (1, [other]))
    go_on.set()
    settle()
    assert service().bundle_id == other


def test_a_request_waits_no_longer_than_it_is_told(shelf: Shelf, clock: Clock) -> None:
    go_on = threading.Event()
    service = Service(shelf, open_bundle(shelf.folders[shelf.in_service]), wait_s=0.05, clock=clock)
    shelf.look = lambda: assert_set(go_on)
    clock.now += CHECK_EVERY_S
    started = time.monotonic()
    service()
    assert 0.05 <= time.monotonic() - started < WAIT_S / 4
    go_on.set()
    settle()


@pytest.mark.parametrize(
    "error", [StoreError("out of reach"), BundleError("altered"), OSError("gone"), RuntimeError("a bug")]
)
@pytest.mark.parametrize("where", ["look", "fetching"])
def test_whatever_goes_wrong_the_old_bundle_stays(
    service: Service,
    shelf: Shelf,
    clock: Clock,
    other: str,
    where: str,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise error

    first = shelf.in_service
    shelf.in_service = other
    setattr(shelf, where, fail)
    assert ask(service, clock).bundle.id == first
    assert len(caplog.records) == 1
    assert "The bundle from before stays in service" in caplog.text
    assert str(error) in caplog.text
    # And it is taken over when it can be.
    setattr(shelf, where, lambda: None)
    assert ask(service, clock).bundle.id == other


def test_a_damaged_bundle_is_not_taken_over(
    service: Service, shelf: Shelf, clock: Clock, other: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = shelf.in_service
    path = file_of(shelf.folders[other], "0/codes.bin")
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    shelf.in_service = other
    assert ask(service, clock).bundle.id == first
    assert "codes.bin is altered" in caplog.text


def test_a_bundle_that_fails_is_tried_less_and_less_often(
    service: Service, shelf: Shelf, clock: Clock, other: str, tmp_path: Path
) -> None:
    file_of(shelf.folders[other], "0/views.i8").write_bytes(b"")
    shelf.in_service = other
    minutes_of_attempts = []
    for minute in range(1, 200):
        before = len(shelf.fetches)
        ask(service, clock)
        if len(shelf.fetches) > before:
            minutes_of_attempts.append(minute)
    pauses = [later - earlier for earlier, later in pairwise(minutes_of_attempts)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses[-1] == LONGEST_PAUSE_S / CHECK_EVERY_S
    # Another one is tried at once.
    good = put(shelf, write_bundle(tmp_path / "good", PHOTOS[:4]))
    shelf.in_service = good
    assert ask(service, clock).bundle.id == good


def test_a_request_is_answered_where_no_thread_can_be_started(
    service: Service, shelf: Shelf, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as context:
        context.setattr(threading.Thread, "start", refuse)
        assert ask(service, clock).bundle.id == shelf.in_service
    assert "The pointer was not looked at: can't start new thread" in caplog.text
    ask(service, clock)
    assert shelf.looks == 1


def test_the_defaults_are_what_is_promised() -> None:
    assert service_module.CHECK_EVERY_S == 60.0
