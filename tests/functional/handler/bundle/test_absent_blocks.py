"""Blocks that are absent or damaged come from where the file comes from; nothing but what was written takes a place."""

from __future__ import annotations

import errno
import gc
import os
import random
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.bundle.blocks.block_hashes import BLOCK_BYTES
from handler.bundle.blocks.blocked_file import JOINED_BLOCKS, Piece, verify
from handler.errors import BundleError, StoreError
from tests.functional.handler.bundle.blocked import Origin, State, absent_file, blocks_of, content, file_in
from tests.functional.handler.bundle.test_blocked_file import SIZES, hashed, ranges, touched, wants


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_is_here_what_is_asked_for_is_what_was_written(data: st.DataObject) -> None:
    whole = content(data.draw(SIZES))
    count = len(blocks_of(whole))
    possible = st.sampled_from(["sound", "damaged", "absent"])
    states: list[State] = data.draw(st.lists(possible, min_size=count, max_size=count))  # type: ignore[arg-type]
    origin = Origin({})
    with tempfile.TemporaryDirectory() as folder:
        file = file_in(Path(folder), whole, states, origin)
        there = {number for number, state in enumerate(states) if state == "sound"}
        for wanted in data.draw(st.lists(ranges(len(whole)), max_size=4)):
            origin.asked.clear()
            with hashed() as blocks:
                verify([wants(file, wanted)])
            assert all(file.data[start:end] == whole[start:end] for start, end in wanted)
            lacking = sorted(touched(wanted) - there)
            assert origin.asked == ([[("file", *piece) for piece in pieces_of(lacking, len(whole))]] if lacking else [])
            fetched = touched((start, end) for fetch in origin.asked for _, start, end in fetch)
            there |= fetched
            assert len(blocks) <= len(touched(wanted)) + len(fetched)
        # What nobody asked for is as it was.
        for number, block in enumerate(blocks_of(whole)):
            found = file.data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
            assert (found == block) is (number in there)


def pieces_of(numbers: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Which bytes to fetch to have blocks: those between two of them too, if that makes fewer pieces worth it."""
    pieces: list[tuple[int, int]] = []
    for number in numbers:
        start, end = number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, size)
        if pieces and start - pieces[-1][1] < 64 << 10:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    return pieces


def test_what_lies_within_64_kib_is_one_piece(tmp_path: Path) -> None:
    assert JOINED_BLOCKS * BLOCK_BYTES == 64 << 10
    whole = content(4 * JOINED_BLOCKS * BLOCK_BYTES + 5)
    last = len(blocks_of(whole)) - 1
    for numbers, pieces in (
        ([0, JOINED_BLOCKS], [(0, JOINED_BLOCKS + 1)]),
        ([0, JOINED_BLOCKS + 1], [(0, 1), (JOINED_BLOCKS + 1, JOINED_BLOCKS + 2)]),
        ([3, 4, 5, 5 + JOINED_BLOCKS, last], [(3, 6 + JOINED_BLOCKS), (last, last + 1)]),
    ):
        origin = Origin({})
        file = absent_file(tmp_path, whole, origin)
        verify([wants(file, [(number * BLOCK_BYTES + 1, number * BLOCK_BYTES + 2) for number in numbers])])
        expected = [("file", first * BLOCK_BYTES, min(end * BLOCK_BYTES, len(whole))) for first, end in pieces]
        assert origin.asked == [expected]


def test_a_hole_is_not_hashed(tmp_path: Path) -> None:
    whole = content(9 * BLOCK_BYTES + 3)
    origin = Origin({})
    file = absent_file(tmp_path, whole, origin)
    with hashed() as blocks:
        verify([file.everything()])
        verify([file.everything()])
    assert (blocks, len(origin.asked)) == (blocks_of(whole), 1)
    assert file.data[:] == whole


def test_a_file_of_zeros_is_told_from_a_hole(tmp_path: Path) -> None:
    """Whether it is fetched or not, it is what was written."""
    origin = Origin({})
    file = absent_file(tmp_path, bytes(3 * BLOCK_BYTES), origin)
    verify([file.everything()])
    assert file.data[:] == bytes(3 * BLOCK_BYTES)
    assert len(origin.asked) <= 1


def flipped(piece: Piece, data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize("state", ["absent", "damaged"])
def test_what_comes_wrong_is_refused_and_taken_for_nothing(tmp_path: Path, state: State) -> None:
    whole = content(3 * BLOCK_BYTES + 17)
    origin = Origin({}, deliver=flipped)
    file = file_in(tmp_path, whole, [state] * 4, origin)
    before = file.data[:]
    for _ in range(2):
        with pytest.raises(BundleError, match=r"^file is altered: 1 of its blocks .* at byte 0$"):
            verify([file.everything()])
        assert file.data[:BLOCK_BYTES] == before[:BLOCK_BYTES]
    # What of the piece was right is kept, and not asked for again.
    assert file.data[BLOCK_BYTES:] == whole[BLOCK_BYTES:]
    assert origin.asked == [[("file", 0, len(whole))], [("file", 0, BLOCK_BYTES)]]
    verify([file.wanted(BLOCK_BYTES, len(whole))])
    origin.deliver = lambda piece, data: data
    verify([file.everything()])
    assert file.data[:] == whole
    assert len(origin.asked) == 3


def test_a_damaged_block_is_replaced_once(tmp_path: Path) -> None:
    whole = content(5 * BLOCK_BYTES)
    origin = Origin({})
    file = file_in(tmp_path, whole, ["sound", "damaged", "sound", "sound", "damaged"], origin)
    written: list[int] = []
    pwrite = os.pwrite

    def counted(to: int, data: memoryview, at: int) -> int:
        written.append(at)
        return pwrite(to, data, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", counted)
        for _ in range(3):
            verify([file.wanted(0, 4 * BLOCK_BYTES)])
    assert origin.asked == [[("file", BLOCK_BYTES, 2 * BLOCK_BYTES)]]
    assert written == [BLOCK_BYTES]
    assert (tmp_path / "file").read_bytes()[: 4 * BLOCK_BYTES] == whole[: 4 * BLOCK_BYTES]
    assert (tmp_path / "file").read_bytes()[4 * BLOCK_BYTES :] != whole[4 * BLOCK_BYTES :]


def test_what_cannot_be_had_is_said_and_had_later(tmp_path: Path) -> None:
    def fail(piece: Piece, data: bytes) -> bytes:
        if piece.file.name == "second":
            raise StoreError("out of reach")
        return data

    whole = content(2 * BLOCK_BYTES)
    origin = Origin({}, deliver=fail)
    first, second = (absent_file(tmp_path, whole, origin, name) for name in ("first", "second"))
    with pytest.raises(StoreError, match="^out of reach$"):
        verify([first.everything(), second.everything()])
    origin.deliver = lambda piece, data: data
    verify([first.everything(), second.everything()])
    assert origin.asked == [
        [("first", 0, len(whole)), ("second", 0, len(whole))],
        [("second", 0, len(whole))],
    ]
    assert first.data[:] == second.data[:] == whole


def test_a_full_disk_is_said_and_nothing_of_it_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(to: int, data: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    whole = content(2 * BLOCK_BYTES)
    file = absent_file(tmp_path, whole, Origin({}), "views.i8")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        for _ in range(2):
            with pytest.raises(StoreError) as error:
                verify([file.everything()])
            assert str(error.value) == (
                f"views.i8 can't be written to {tmp_path / 'views.i8'}: No space left on device: give the function"
                " more storage, or set THINLENS_CACHE"
            )
    verify([file.everything()])
    assert file.data[:] == whole


@pytest.mark.parametrize("is_full", [False, True])
def test_a_disk_that_takes_a_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool) -> None:
    """As one does that is nearly full: no error is said before the next attempt."""
    left = [BLOCK_BYTES + 100]
    pwrite = os.pwrite

    def some(to: int, data: memoryview, at: int) -> int:
        if is_full and not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = pwrite(to, data[: left[0] if is_full else 1_000], at)
        left[0] -= written
        return written

    whole = content(3 * BLOCK_BYTES)
    file = absent_file(tmp_path, whole, Origin({}))
    monkeypatch.setattr(os, "pwrite", some)
    if is_full:
        with pytest.raises(StoreError, match="No space left on device"):
            verify([file.everything()])
        left[0] = len(whole)
    verify([file.everything()])
    assert file.data[:] == whole


def test_several_threads_at_once(tmp_path: Path) -> None:
    """Of what comes some is wrong, some late and some not at all; whoever is answered is answered rightly."""
    chooser = random.Random(3)
    lock = threading.Lock()

    def unreliable(piece: Piece, data: bytes) -> bytes:
        with lock:
            fate = chooser.random()
        if fate < 0.1:
            raise StoreError("out of reach")
        if fate < 0.2:
            return flipped(piece, data)
        threading.Event().wait(fate / 500)
        return data

    whole = content(40 * BLOCK_BYTES + 1)
    origin = Origin({}, deliver=unreliable)
    states: list[State] = [chooser.choice(["sound", "damaged", "absent"]) for _ in range(41)]
    file = file_in(tmp_path, whole, states, origin)

    def ask(seed: int) -> int:
        own, answered = random.Random(seed), 0
        for _ in range(60):
            start = own.randrange(len(whole))
            end = own.randrange(start, min(len(whole), start + 3 * BLOCK_BYTES)) + 1
            try:
                verify([file.wanted(start, end)])
            except (BundleError, StoreError):
                continue
            assert file.data[start:end] == whole[start:end]
            answered += 1
        return answered

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(ask, range(8)))
    assert min(answered) > 20
    origin.deliver = lambda piece, data: data
    verify([file.everything()])
    assert (tmp_path / "file").read_bytes() == whole


def test_a_file_that_nobody_uses_is_closed(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("this system doesn't tell which files are open")

    def is_open() -> bool:
        return any(os.path.realpath(path) == os.path.realpath(tmp_path / "file") for path in descriptors.iterdir())

    file = absent_file(tmp_path, content(BLOCK_BYTES), Origin({}))
    verify([file.everything()])
    array = np.frombuffer(file.data, np.uint8)
    assert is_open()
    del file
    gc.collect()
    assert array.tobytes() == content(BLOCK_BYTES)  # whoever has an array of it reads on
    del array
    assert not is_open()
