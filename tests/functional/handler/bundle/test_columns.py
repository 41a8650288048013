"""The columns file: what was written is found again, and damage is refused."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.blocks.blocked_file import BlockedFile
from handler.bundle.manifest import ColumnNames
from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.photos.columns import (
    HEADER,
    Columns,
    days_since_1970,
    orientation,
    term,
    write_columns,
)
from handler.errors import BundleError
from tests.functional.handler.bundle.test_catalogue import record

RECORDS = [
    record("a.jpg", taken="1970-01-02T00:00:00", columns={"stars": 4.0, "tags": ("Dog", "park"), "mixed": 1.0}),
    record("b.jpg", taken="1969-12-31T23:59:59+14:00", width=9, height=9, columns={"stars": -0.5, "mixed": "one"}),
    record("c.jpg", taken="no date", type="png", width=1, columns={"tags": "dog"}),
    record("d.jpg", taken=None),
]


def written(path: Path, records: list[PhotoRecord] = RECORDS) -> Path:
    write_columns(path, records)
    return path


def opened(path: Path, photos: int = len(RECORDS)) -> Columns:
    """Those of so many photos, in a file that is sound."""
    return Columns(BlockedFile(path), photos=photos)


def test_what_was_written_is_found(tmp_path: Path) -> None:
    columns = opened(written(tmp_path / "columns.bin"))

    assert len(columns) == 4
    assert (columns.names.numbers, columns.names.texts) == (("mixed", "stars"), ("mixed", "tags"))
    np.testing.assert_array_equal(columns.taken, [1.0, -1.0, np.nan, np.nan])
    np.testing.assert_array_equal(columns.numbers("stars"), [4.0, -0.5, np.nan, np.nan])
    np.testing.assert_array_equal(columns.numbers("mixed"), [1.0, np.nan, np.nan, np.nan])
    assert columns.groups is None
    for name, value, own, expected in [
        ("tags", " DOG ", True, [0, 2]),
        ("tags", "park", True, [0]),
        ("mixed", "1", True, [0]),
        ("stars", "4", True, [0]),
        ("stars", "-0.5", True, [1]),
        ("mixed", "One", True, [1]),
        ("tags", "cat", True, []),
        ("tags", "dog", False, []),
        ("type", "png", False, [2]),
        ("orientation", "square", False, [1]),
        ("orientation", "portrait", False, [2]),
        ("orientation", "landscape", False, [0, 3]),
    ]:
        assert sorted(columns.photos_with(term(name, value, own=own)).tolist()) == expected


@pytest.mark.parametrize(
    ("gone", "numbers", "texts"),
    [
        ([], ("mixed", "stars"), ("mixed", "tags")),
        ([3], ("mixed", "stars"), ("mixed", "tags")),
        ([1], ("mixed", "stars"), ("tags",)),
        ([0, 1], (), ("tags",)),
        ([0, 2], ("stars",), ("mixed",)),
        ([0, 1, 2, 3], (), ()),
    ],
)
def test_columns_of_photos_that_are_gone_are_gone(
    tmp_path: Path, gone: list[int], numbers: tuple[str, ...], texts: tuple[str, ...]
) -> None:
    columns = opened(written(tmp_path / "columns.bin"))
    assert columns.names_without(np.array(gone, dtype=np.int64)) == ColumnNames(numbers=numbers, texts=texts)


def test_a_collection_without_columns_of_its_own(tmp_path: Path) -> None:
    columns = opened(written(tmp_path / "columns.bin", [record("a.jpg")]), 1)
    assert (columns.names.numbers, columns.names.texts, len(columns)) == ((), (), 1)


def test_days_and_orientations() -> None:
    assert days_since_1970(datetime.date(2024, 2, 29)) == (datetime.date(2024, 2, 29) - datetime.date(1970, 1, 1)).days
    assert [orientation(2, 1), orientation(1, 2), orientation(2, 2)] == ["landscape", "portrait", "square"]


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (0, b"THINCOLS", "at the start of columns.bin"),
        (8, b"\x03", "version 3 \\(expected b'thincols' version 2\\)"),
        (8, b"\x01", "version 1 \\(expected b'thincols' version 2\\)"),
        (12, b"\xff\xff\xff\xff", "bytes of names"),
        (12, b"\x01", "is not valid JSON"),
        (16, b"\x05", "photos in columns.bin is 5 \\(expected 4\\)"),
        (16, b"\xff" * 8, "photos in columns.bin is \\d+ \\(expected 4\\)"),
        (24, b"\xff" * 8, "Unexpected \\d+ bytes"),
        (HEADER.size + 3 * 4 * 8, b"\xff" * 8, "The table of terms"),
    ],
)
def test_refuses_a_damaged_file(tmp_path: Path, offset: int, data: bytes, message: str) -> None:
    path = written(tmp_path / "columns.bin")
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + len(data)] = data
    path.write_bytes(bytes(damaged))
    columns = opened(path)
    for _ in range(2):
        with pytest.raises(BundleError, match=message):
            columns.photos_with(1)


@pytest.mark.parametrize("size", [1, HEADER.size - 1, HEADER.size, -1])
def test_refuses_a_truncated_file(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "columns.bin")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BundleError):
        opened(path).photos_with(1)


@given(position=st.integers(0, 1 << 16), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_is_read_or_refused(tmp_path: Path, position: int, byte: int) -> None:
    path = written(tmp_path / "columns.bin")
    damaged = bytearray(path.read_bytes())
    damaged[position % len(damaged)] = byte
    path.write_bytes(bytes(damaged))
    with contextlib.suppress(BundleError):
        columns = opened(path)
        mask = np.zeros(len(columns), dtype=bool)
        mask[columns.photos_with(term("type", "png"))] = True
        assert mask.sum() <= 4
        assert columns.taken.shape == (4,)
