"""The collection file: what is known of photos only together comes back as it was written; damage is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.photos.collection_file import HEADER, CollectionFile
from handler.errors import BundleError


def collection(photos: int, gone: list[int], members: list[int], leaders: list[int]) -> CollectionFile:
    return CollectionFile(
        photos=photos,
        gone=np.array(gone, np.int64),
        members=np.array(members, np.int64),
        leaders=np.array(leaders, np.int64),
    )


WHOLE = collection(6, [1, 4], [2, 5], [0, 0])


@pytest.mark.parametrize("whole", [WHOLE, collection(1, [], [], []), collection(3, [0, 1, 2], [], [])])
def test_is_read_as_it_was_written(tmp_path: Path, whole: CollectionFile) -> None:
    whole.write(tmp_path / "collection.bin")
    found = CollectionFile.read(tmp_path / "collection.bin")

    assert found.photos == whole.photos
    for name in ("gone", "members", "leaders"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
        assert getattr(found, name).dtype == np.int64


def test_who_stands_for_whom() -> None:
    assert WHOLE.groups().tolist() == [0, 1, 0, 3, 4, 0]
    assert WHOLE.groups().dtype == np.uint32


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (0, b"THINCOLL", "at the start of collection.bin"),
        (8, b"\x02", "version 2 \\(expected b'thincoll' version 1\\)"),
        (16, b"\x05", "The numbers in collection.bin do not fit its 5 photos"),
        (24, b"\x01", "Unexpected \\d+ bytes \\(expected \\d+\\)"),
        (24, b"\xff" * 8, "Unexpected \\d+ bytes"),
        (32, b"\x01", "Unexpected \\d+ bytes"),
        (32, b"\xff" * 8, "Unexpected \\d+ bytes"),
    ],
)
def test_refuses_a_damaged_head(tmp_path: Path, offset: int, data: bytes, message: str) -> None:
    path = tmp_path / "collection.bin"
    WHOLE.write(path)
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + len(data)] = data
    path.write_bytes(damaged)
    with pytest.raises(BundleError, match=message):
        CollectionFile.read(path)


@pytest.mark.parametrize("size", [0, 1, HEADER.size - 1, HEADER.size, -1])
def test_refuses_a_truncated_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "collection.bin"
    WHOLE.write(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BundleError, match=r"truncated|Unexpected \d+ bytes"):
        CollectionFile.read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(HEADER.size, HEADER.size + 23), byte=st.integers(0, 255))
def test_whatever_its_numbers_are_they_lead_to_photos_or_are_refused(tmp_path: Path, position: int, byte: int) -> None:
    path = tmp_path / "collection.bin"
    WHOLE.write(path)
    damaged = bytearray(path.read_bytes())
    damaged[position] = byte
    path.write_bytes(damaged)
    with contextlib.suppress(BundleError):
        found = CollectionFile.read(path)
        groups = found.groups()
        assert groups[groups].tolist() == groups.tolist()
        assert all(groups[number] == number for number in found.gone)
