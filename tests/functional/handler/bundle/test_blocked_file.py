"""Blocked files: whatever is asked for is what was written, or refused, and no more is hashed than is asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.bundle.blocks import blocked_file
from handler.bundle.blocks.block_hashes import BLOCK_BYTES, hash_of
from handler.bundle.blocks.blocked_file import BlockedArray, BlockedFile, Wanted, verify
from handler.errors import BundleError
from tests.functional.handler.bundle.blocked import blocks_of, content, hashes_of, write_at

BORDERS = (-1, 0, 1)
SIZES = st.builds(lambda blocks, more: max(1, blocks * BLOCK_BYTES + more), st.integers(0, 6), st.sampled_from(BORDERS))
Ranges = list[tuple[int, int]]


def places(size: int) -> st.SearchStrategy[int]:
    """Any byte of a file, and those around the borders of blocks more often."""
    borders = [
        at + more for at in range(0, size + BLOCK_BYTES, BLOCK_BYTES) for more in BORDERS if 0 <= at + more <= size
    ]
    return st.sampled_from(borders) | st.integers(0, size)


def ranges(size: int) -> st.SearchStrategy[Ranges]:
    """Bytes from each to each, of which none is empty."""
    one = st.tuples(places(size), places(size)).filter(lambda ends: ends[0] != ends[1])
    return st.lists(one.map(lambda ends: (min(ends), max(ends))), max_size=4)


def touched(wanted: Iterable[tuple[int, int]]) -> set[int]:
    """The blocks in which something of what is wanted lies."""
    return {at // BLOCK_BYTES for start, end in wanted for at in (*range(start, end, BLOCK_BYTES), end - 1)}


def wants(file: BlockedFile, wanted: Ranges) -> Wanted:
    found = np.array(wanted, dtype=np.int64).reshape(-1, 2)
    return file.wanted(found[:, 0], found[:, 1])


@contextmanager
def hashed() -> Iterator[list[bytes]]:
    """The blocks that are hashed meanwhile."""
    found: list[bytes] = []

    def counted(block: bytes | memoryview) -> bytes:
        found.append(bytes(block))
        return hash_of(block)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked_file, "hash_of", counted)
        yield found


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_only_what_is_touched_is_hashed_and_that_once(data: st.DataObject) -> None:
    whole = content(data.draw(SIZES))
    asked = data.draw(st.lists(ranges(len(whole)), max_size=4))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(whole)
        file = BlockedFile(path, hashes_of(whole))
        before: set[int] = set()
        for wanted in asked:
            with hashed() as blocks:
                verify([wants(file, wanted)])
            assert all(file.data[start:end] == whole[start:end] for start, end in wanted)
            now = touched(wanted)
            assert sorted(blocks) == sorted(blocks_of(whole)[number] for number in now - before)
            before |= now


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_blocks_are_refused_and_their_neighbours_served(data: st.DataObject) -> None:
    whole = content(data.draw(SIZES))
    count = len(blocks_of(whole))
    damaged = data.draw(st.sets(st.integers(0, count - 1)))
    asked = data.draw(st.lists(ranges(len(whole)), max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(whole)
        for number in damaged:
            at = data.draw(st.integers(number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, len(whole)) - 1))
            write_at(path, at, bytes([whole[at] ^ data.draw(st.integers(1, 255))]))
        file = BlockedFile(path, hashes_of(whole), name="segments/0123456789abcdef/views.i8")
        for wanted in asked:
            met = sorted(touched(wanted) & damaged)
            message = (
                f"^segments/0123456789abcdef/views.i8 is altered: {len(met)} of its blocks aren't what was written,"
                f" the first of them at byte {met[0] * BLOCK_BYTES}$"
                if met
                else ""
            )
            with pytest.raises(BundleError, match=message) if met else nullcontext():
                verify([wants(file, wanted)])
            if not met:
                assert all(file.data[start:end] == whole[start:end] for start, end in wanted)


def test_a_file_that_has_been_verified_is_not_hashed_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content(3 * BLOCK_BYTES))
    with hashed() as blocks:
        file = BlockedFile(tmp_path / "file")
        verify([file.everything()])
    assert (blocks, len(file), file.name) == ([], 3 * BLOCK_BYTES, "file")


def test_of_several_files_the_damaged_one_is_named(tmp_path: Path) -> None:
    whole = content(2 * BLOCK_BYTES)
    for name in ("first", "second"):
        (tmp_path / name).write_bytes(whole)
    write_at(tmp_path / "second", BLOCK_BYTES, bytes([whole[BLOCK_BYTES] ^ 1]))
    first, second = (BlockedFile(tmp_path / name, hashes_of(whole)) for name in ("first", "second"))
    with pytest.raises(BundleError, match=f"^second is altered: 1 .* at byte {BLOCK_BYTES}$"):
        verify([first.everything(), second.everything()])
    verify([first.everything(), second.wanted(0, BLOCK_BYTES)])


@pytest.mark.parametrize("dtype", ["i1", "<u8", np.dtype([("views", "i1", (2, 3)), ("scales", "<f4", (2,))])])
def test_an_array_is_read_row_by_row(tmp_path: Path, dtype: str | np.dtype) -> None:
    """Rows of any kind, some of which lie in two blocks."""
    dtype = np.dtype(dtype)
    shape = (3_000, 5) if dtype.itemsize == 1 else (3_000,)
    size = dtype.itemsize * int(np.prod(shape))
    whole = content(11 + size + 7)
    (tmp_path / "file").write_bytes(whole)
    expected = np.frombuffer(whole, dtype, count=int(np.prod(shape)), offset=11).reshape(shape)
    file = BlockedFile(tmp_path / "file", hashes_of(whole))
    array = BlockedArray(file, dtype, shape, offset=11)
    row_bytes = size // shape[0]
    assert len(array) == 3_000
    for rows in ([], [0], [2_999], [7, 7, 0], list(range(0, 3_000, 500))):
        with hashed() as blocks:
            verify([array.wanted(np.array(rows, np.int64))])
        found = array.taken(np.array(rows, np.int64))
        assert found.tobytes() == expected[rows].tobytes()
        assert len(blocks) <= len(touched((11 + row * row_bytes, 11 + (row + 1) * row_bytes) for row in rows))
    verify([array.everything()])
    assert array.taken(slice(None)).tobytes() == expected.tobytes()


def test_an_array_that_is_longer_than_its_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(99))
    with pytest.raises(BundleError, match="^file is truncated: 99 bytes$"):
        BlockedArray(BlockedFile(tmp_path / "file"), np.int8, (10, 9), offset=10)
    assert len(BlockedArray(BlockedFile(tmp_path / "file"), np.int8, (10, 9), offset=9)) == 10
