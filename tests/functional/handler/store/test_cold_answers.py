"""A cold bundle in S3: it answers as the folder does while most of it is elsewhere, and all of it comes in the end."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handler.bundle.manifest import BLOCKED_FILES, MANIFEST_FILE, Manifest
from handler.search.searcher import Searcher
from handler.store.pointer import POINTER_KEY, bundle_key
from handler.store.s3.s3_blocks import S3Blocks
from tests.functional.handler.questions import QUESTIONS, untimed
from tests.functional.handler.s3_server import Fault, settle
from tests.functional.handler.store.cold import BLOCK_BYTES, Bucket
from tests.functional.handler.tampering import read_everything

FIRST, SIMILAR, PHOTO = (QUESTIONS[number] for number in (0, 2, 3))


def blocked_bytes(cold: Bucket, manifest: Manifest) -> dict[str, int]:
    """How many bytes of each blocked file came from S3, by its name."""
    sums = dict.fromkeys(BLOCKED_FILES, 0)
    for key in manifest.blocked_files:
        sums[key.rpartition("/")[2]] += cold.server.sent_bytes(key)
    return sums


def sizes(manifest: Manifest) -> dict[str, int]:
    sums: dict[str, int] = {}
    for key, info in manifest.blocked_files.items():
        name = key.rpartition("/")[2]
        sums[name] = sums.get(name, 0) + info.size_bytes
    return sums


def test_opening_fetches_nothing_of_what_is_read_by_blocks(cold: Bucket, here: Searcher) -> None:
    bundle = cold.receive()
    assert bundle.id == here.bundle.id
    assert set(blocked_bytes(cold, bundle.manifest).values()) == {0}
    cached = cold.caches / "cache" / "objects"
    for info in bundle.manifest.blocked_files.values():
        known = (cached / info.sha256).stat()
        assert (known.st_size, known.st_blocks) == (info.size_bytes, 0)


@pytest.mark.parametrize(("question", "most"), [(FIRST, 0.2), (SIMILAR, 0.25), (PHOTO, 0.1)])
def test_a_question_fetches_little(
    cold: Bucket, here: Searcher, question: Callable[[Searcher], object], most: float
) -> None:
    searcher = Searcher(cold.receive())
    assert question(searcher) == question(here)
    manifest = here.bundle.manifest
    fetched, whole = blocked_bytes(cold, manifest), sizes(manifest)
    assert sum(fetched.values()) < most * sum(whole.values())
    assert all(fetched[name] < whole[name] for name in whole), (fetched, whole)
    assert fetched["columns.bin"] == 0
    # And it is asked for in pieces of which none is a file; the head of the words is one.
    assert all(
        sent.end - sent.start < manifest.blocked_files[sent.key].size_bytes / 2
        for sent in cold.server.sent
        if sent.key in manifest.blocked_files and not (sent.key.endswith("words.bin") and sent.start == 0)
    )
    # The next time it is here.
    before = len(cold.server.requests)
    assert question(searcher) == question(here)
    assert len(cold.server.requests) == before


def test_a_question_waits_for_few_rounds(cold: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wanted of all segments is asked for at once.

    That is the heads and the pages of the words, the rows of the index, the views of the captions and the records,
    whose places are asked for before; and the ids of photos that are as near as each other.
    """
    rounds: list[int] = []
    fetch = S3Blocks.fetch

    def counted(blocks: S3Blocks, pieces: list[object], received: object) -> None:
        rounds.append(len(pieces))
        fetch(blocks, pieces, received)  # type: ignore[arg-type]

    monkeypatch.setattr(S3Blocks, "fetch", counted)
    FIRST(Searcher(cold.receive()))
    assert len(rounds) <= 9, rounds


def test_every_answer_is_that_of_the_folder_and_all_of_it_comes(cold: Bucket, here: Searcher) -> None:
    searcher = Searcher(cold.receive())
    for question in QUESTIONS:
        assert question(searcher) == question(here)
    cold.bring_rests()
    settle()
    assert_all_is_here(cold, "cache")
    for question in QUESTIONS:
        assert question(searcher) == question(here)


def assert_all_is_here(bucket: Bucket, cache: str) -> None:
    """Whether the objects of a cache are the files of the bucket, byte for byte."""
    paths = [path for path in bucket.server.folder.rglob("*") if path.is_file()]
    originals = {path.read_bytes() for path in paths if path.name not in (POINTER_KEY, MANIFEST_FILE)}
    found = {path.read_bytes() for path in (bucket.caches / cache / "objects").iterdir()}
    assert found == originals


def test_the_rest_comes_without_a_question(bucket: Bucket, here: Searcher) -> None:
    bundle = bucket.receive()
    settle()
    assert_all_is_here(bucket, "cache")
    before = len(bucket.server.requests)
    assert read_everything(bundle) == read_everything(here.bundle)
    assert len(bucket.server.requests) == before
    # Nothing came twice.
    for name, info in bundle.manifest.all_files.items():
        assert bucket.server.sent_bytes(bundle_key(bundle.id, name)) == info.size_bytes


def test_questions_while_the_rest_comes(bucket: Bucket, here: Searcher) -> None:
    expected = [question(here) for question in QUESTIONS]
    searcher = Searcher(bucket.receive())

    def ask(number: int) -> bool:
        return QUESTIONS[number % len(QUESTIONS)](searcher) == expected[number % len(QUESTIONS)]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(4 * len(QUESTIONS))))
    settle()
    assert_all_is_here(bucket, "cache")


def test_the_rest_waits_for_questions(cold: Bucket, here: Searcher) -> None:
    """While one is answered, nothing is fetched but for it."""
    go_on, begun = threading.Event(), []

    def wait(key: str, number: int) -> Fault:
        begun.append(key)
        assert go_on.wait(20)
        return ""

    expected = FIRST(here)
    searcher = Searcher(cold.receive())
    cold.server.faults = wait
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(FIRST, searcher)
        until_steady(begun)
        before = len(begun)
        cold.bring_rests()
        (rest,) = [thread for thread in threading.enumerate() if thread.name == "thinlens-rest"]
        time.sleep(0.2)
        assert (len(begun), rest.is_alive()) == (before, True)
        go_on.set()
        assert answer.result() == expected
    settle()
    assert_all_is_here(cold, "cache")


def until_steady(found: Sequence[object]) -> None:
    """Wait until something is found, and then for a while nothing more."""
    limit, before = time.monotonic() + 20, -1
    while not found or len(found) != before:
        assert time.monotonic() < limit
        before = len(found)
        time.sleep(0.1)


@pytest.fixture
def warm(bucket: Bucket) -> Path:
    """What another process left in its cache, all of it: the lock ends with a process."""
    bundle = bucket.receive()
    settle()
    assert_all_is_here(bucket, "cache")
    del bundle
    shutil.copytree(bucket.caches / "cache", bucket.caches / "warm")
    bucket.server.requests.clear()
    bucket.server.sent.clear()
    return bucket.caches / "warm" / "objects"


def test_a_process_that_finds_all_of_it_fetches_nothing(bucket: Bucket, here: Searcher, warm: Path) -> None:
    bundle = bucket.receive("warm")
    assert read_everything(bundle) == read_everything(here.bundle)
    settle()
    assert [key.rpartition("/")[2] for key in bucket.server.requests] == [POINTER_KEY, MANIFEST_FILE]


@pytest.mark.parametrize("name", BLOCKED_FILES)
def test_a_damaged_block_is_fetched_again_and_no_other(
    bucket: Bucket, here: Searcher, warm: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = here.bundle.manifest.segments[1]
    path = warm / segment.files[name].sha256
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[5 * BLOCK_BYTES + 7] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    bucket.hold_rests(monkeypatch)

    bundle = bucket.receive("warm")

    assert read_everything(bundle) == read_everything(here.bundle)
    key = f"{segment.folder}/{name}"
    assert bucket.server.requests[2:] == [key]
    assert [(sent.start, sent.end) for sent in bucket.server.sent if sent.key == key] == [
        (5 * BLOCK_BYTES, 6 * BLOCK_BYTES)
    ]
    assert path.read_bytes() == whole


def test_what_was_left_half_done_is_gone_on_with(cold: Bucket, here: Searcher) -> None:
    """A process that ended early left what its questions had asked for."""
    FIRST(Searcher(cold.receive()))
    shutil.copytree(cold.caches / "cache", cold.caches / "left")
    keep_holes(cold.caches / "cache" / "objects", cold.caches / "left" / "objects")
    before = len(cold.server.requests)
    searcher = Searcher(cold.receive("left"))
    assert untimed(searcher.search("a dog runs in the park", k=3)) == FIRST(here)
    assert len(cold.server.requests) == before + 2
    assert read_everything(searcher.bundle) == read_everything(here.bundle)


def keep_holes(source: Path, target: Path) -> None:
    """Where a copy has written zeros, it has them as well: nothing is taken for sound because it is there."""
    for path in source.iterdir():
        assert (target / path.name).read_bytes() == path.read_bytes()
