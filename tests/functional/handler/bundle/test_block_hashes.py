"""The hashes of blocks: they come back as they were written, and those of other files are refused."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.bundle.blocks.block_hashes import BLOCK_BYTES, block_count, hash_of, read_block_hashes, write_block_hashes
from handler.bundle.manifest import BLOCKED_FILES
from handler.errors import BundleError
from tests.functional.handler.bundle.blocked import content

SIZES = dict(zip(BLOCKED_FILES, (2, 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES - 1), strict=True))
COUNT = 1 + 1 + 1 + 2 + 3


def write(folder: Path, sizes: dict[str, int]) -> Path:
    """The files of a segment that are read by blocks, and their blocks.bin, which is given."""
    for seed, (name, size) in enumerate(sizes.items()):
        (folder / name).write_bytes(content(size, seed=seed))
    write_block_hashes(folder)
    return folder / "blocks.bin"


def test_a_hash_is_the_beginning_of_the_sha256() -> None:
    # printf abc | sha256sum
    assert hash_of(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223"
    assert hash_of(memoryview(b"abc")) == hash_of(b"abc")


def test_the_file_is_as_the_readme_says(tmp_path: Path) -> None:
    data = write(tmp_path, SIZES).read_bytes()
    expected = struct.pack("<8sII", b"thinblok", 1, BLOCK_BYTES)
    for name in ("words.bin", "index.usearch", "views.i8", "catalogue.bin", "columns.bin"):
        whole = (tmp_path / name).read_bytes()
        for start in range(0, len(whole), BLOCK_BYTES):
            expected += hashlib.sha256(whole[start : start + BLOCK_BYTES]).digest()[:16]
    assert data == expected
    assert len(data) == 16 + 16 * COUNT


@given(sizes=st.tuples(*[st.integers(1, 3 * BLOCK_BYTES)] * len(BLOCKED_FILES)))
@settings(max_examples=50, deadline=None)
def test_each_file_has_its_own(tmp_path_factory: pytest.TempPathFactory, sizes: tuple[int, ...]) -> None:
    folder = tmp_path_factory.mktemp("segment")
    of_files = dict(zip(BLOCKED_FILES, sizes, strict=True))
    hashes = read_block_hashes(write(folder, of_files), of_files)
    for name, size in of_files.items():
        whole = (folder / name).read_bytes()
        expected = [hash_of(whole[start : start + BLOCK_BYTES]) for start in range(0, size, BLOCK_BYTES)]
        assert [bytes(found) for found in hashes[name]] == expected
        assert len(expected) == block_count(size)


@pytest.mark.parametrize("name", BLOCKED_FILES)
@pytest.mark.parametrize("blocks", [-1, 1, 1 << 20])
def test_those_of_files_of_other_sizes_are_refused(tmp_path: Path, name: str, blocks: int) -> None:
    path = write(tmp_path, {**SIZES, name: 2 * BLOCK_BYTES})
    found = path.stat().st_size
    with pytest.raises(BundleError) as error:
        read_block_hashes(path, {**SIZES, name: (2 + blocks) * BLOCK_BYTES})
    assert str(error.value) == (
        f"Unexpected {found} bytes for blocks of {BLOCK_BYTES} (expected {found + 16 * blocks} for blocks of"
        f" {BLOCK_BYTES}) in blocks.bin"
    )


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, -16, -1])
def test_truncated_ones_are_refused(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, SIZES)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BundleError, match=r"^(blocks\.bin is truncated: \d+ bytes|Unexpected \d+ bytes for blocks of)"):
        read_block_hashes(path, SIZES)


def test_longer_ones_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, SIZES)
    path.write_bytes(path.read_bytes() + bytes(16))
    with pytest.raises(BundleError, match=rf"Unexpected {32 + 16 * COUNT} bytes .*expected {16 + 16 * COUNT} for"):
        read_block_hashes(path, SIZES)


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (0, b"THINBLOK", r"Unexpected b'THINBLOK' version 1 \(expected b'thinblok' version 1\) at the start of blocks"),
        (8, b"\x02", r"version 2 \(expected b'thinblok' version 1\)"),
        (12, struct.pack("<I", 2 * BLOCK_BYTES), rf"of {2 * BLOCK_BYTES} \(expected .* blocks of {BLOCK_BYTES}\)"),
        (12, bytes(4), rf"blocks of 0 \(expected .* blocks of {BLOCK_BYTES}\)"),
    ],
)  # fmt: skip
def test_those_of_other_versions_and_blocks_are_refused(tmp_path: Path, offset: int, data: bytes, message: str) -> None:
    path = write(tmp_path, SIZES)
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + len(data)] = data
    path.write_bytes(damaged)
    with pytest.raises(BundleError, match=message):
        read_block_hashes(path, SIZES)
