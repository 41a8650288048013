"""One bundle after another from S3: questions go on, and nothing of the one before stays behind but what is shared."""

from __future__ import annotations

import gc
import os
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from handler.bundle.bundle import Bundle
from handler.errors import StoreError
from handler.search.searcher import Searcher
from handler.service import CHECK_EVERY_S, Service
from handler.store.folder_store import open_bundle
from handler.store.store import deliver
from tests.functional.handler.artefacts import BundleChoices, write_bundle
from tests.functional.handler.crowd import crowd
from tests.functional.handler.published import point_to, publish, put_bundle
from tests.functional.handler.questions import QUESTIONS
from tests.functional.handler.s3_server import Fault, settle
from tests.functional.handler.store.cold import Bucket
from tests.functional.handler.tampering import drop_last_segment, read_everything

WAIT_S = 30.0


@pytest.fixture
def other_folder(small: None, tmp_path: Path) -> Path:
    """Another bundle, with other captions for the photos of the same ids."""
    return write_bundle(tmp_path / "other", crowd(600, seed=1), BundleChoices(segments=2))


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def threads(*names: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


def open_files(bucket: Bucket) -> list[str]:
    """The files of bundles that this process holds open or mapped, those that are removed from the cache too."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system doesn't tell which files are open")
    found = [os.path.realpath(path) for path in descriptors.iterdir()]
    found += [line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    return sorted({path for path in found if path.startswith(str(bucket.caches / "cache" / "bundles"))})


def test_questions_go_on_while_bundles_change(bucket: Bucket, other_folder: Path, here: Searcher) -> None:
    other = Searcher(open_bundle(other_folder))
    put_bundle(bucket.server.folder, other_folder)
    expected = {searcher.bundle.id: [question(searcher) for question in QUESTIONS] for searcher in (here, other)}
    assert all(first != second for first, second in zip(*expected.values(), strict=True))
    store, now_s, done = bucket.store, [0.0], threading.Event()
    service = Service(store, Bundle.receive(deliver(store)), clock=lambda: now_s[0])
    wrong: list[object] = []
    answered = dict.fromkeys(expected, 0)

    def ask(number: int) -> None:
        while not done.is_set():
            number = (number + 1) % len(QUESTIONS)
            searcher = service()
            assert isinstance(searcher, Searcher)
            try:
                if QUESTIONS[number](searcher) != expected[searcher.bundle.id][number]:
                    wrong.append(number)
            except Exception as error:  # noqa: BLE001 - the thread that waits fails the test
                wrong.append(error)
            answered[searcher.bundle.id] += 1

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in asking:
        thread.start()
    try:
        for wanted in (other, here) * 3:
            point_to(bucket.server.folder, wanted.bundle.id)
            now_s[0] += CHECK_EVERY_S
            enough = answered[wanted.bundle.id] + 3
            until(partial(lambda bundle, count: answered[bundle] >= count or bool(wrong), wanted.bundle.id, enough))
            until(lambda: not threads("thinlens-check"))
    finally:
        done.set()
        for thread in asking:
            thread.join()
    assert wrong == []


def test_of_a_bundle_that_is_replaced_nothing_is_brought_and_no_file_is_open(
    bucket: Bucket, other_folder: Path
) -> None:
    """The thread that brings the rest is in the middle of it."""
    go_on, begun = threading.Event(), threading.Event()

    def wait(key: str, number: int) -> Fault:
        if key.endswith("index.usearch") and number == 2:
            begun.set()
            assert go_on.wait(WAIT_S)
        return ""

    bucket.server.faults = wait
    bundle = bucket.receive()
    assert begun.wait(WAIT_S)
    (rest,) = threads("thinlens-rest")
    assert any(path.endswith("index.usearch") for path in open_files(bucket))
    before = len(bucket.server.requests)

    del bundle
    gc.collect()
    assert rest.is_alive()  # in the middle of a request
    go_on.set()
    rest.join(WAIT_S)

    assert not rest.is_alive()
    assert len(bucket.server.requests) == before + 1
    until(lambda: not threads("thinlens-blocks", "thinlens-download"))
    assert open_files(bucket) == []


def test_a_bundle_that_nobody_asked_is_freed(cold: Bucket) -> None:
    searcher = Searcher(cold.receive())
    QUESTIONS[0](searcher)
    assert open_files(cold)
    assert threads("thinlens-blocks")
    del searcher
    cold.rests.clear()
    gc.collect()
    assert open_files(cold) == []
    until(lambda: not threads("thinlens-blocks"))


def test_an_error_keeps_nothing_open(cold: Bucket) -> None:
    """Whoever catches it and forgets it holds no file of the bundle."""
    searcher = Searcher(cold.receive())
    cold.server.faults = lambda key, number: 403 if key.startswith("segments/") else ""
    with pytest.raises(StoreError):
        QUESTIONS[0](searcher)
    del searcher
    cold.rests.clear()
    gc.collect()
    until(lambda: not threads("thinlens-blocks"))
    gc.collect()
    assert open_files(cold) == []


def test_whoever_still_asks_the_bundle_before_is_answered_from_its_blocks(
    cold: Bucket, here: Searcher, other_folder: Path
) -> None:
    """Its files are removed from the cache, with what of them is here; what isn't is still in S3."""
    store = cold.store
    old = Searcher(Bundle.receive(deliver(store)))
    assert QUESTIONS[0](old) == QUESTIONS[0](here)
    new = publish(cold.server.folder, other_folder)
    bundle = Bundle.receive(deliver(store))
    assert bundle.id == new
    settle()
    assert [path.name for path in (cold.caches / "cache" / "bundles").iterdir()] == [new]
    before = len(cold.server.requests)
    for question in QUESTIONS:
        assert question(old) == question(here)
    assert len(cold.server.requests) > before
    # And nothing of that comes back into the cache.
    kept = {info.sha256 for info in bundle.manifest.all_files.values()}
    assert {path.name for path in (cold.caches / "cache" / "objects").iterdir()} == kept


def test_of_a_bundle_that_shares_segments_what_questions_fetched_is_kept(
    cold: Bucket, here: Searcher, crowd_folder: Path, tmp_path: Path
) -> None:
    """Both bundles have the same file open, and each finds what the other has brought."""
    fewer = drop_last_segment(Path(shutil.copytree(crowd_folder, tmp_path / "fewer")))
    publish(cold.server.folder, fewer)
    store = cold.store
    old = Bundle.receive(deliver(store))
    assert read_everything(old) == read_everything(open_bundle(fewer))
    publish(cold.server.folder, crowd_folder)
    new = Bundle.receive(deliver(store))
    settle()
    cold.server.requests.clear()
    assert read_everything(new) == read_everything(here.bundle)
    third = here.bundle.manifest.segments[2].folder
    assert {key.rpartition("/")[0] for key in cold.server.requests} == {third}
    assert read_everything(old) == read_everything(open_bundle(fewer))
