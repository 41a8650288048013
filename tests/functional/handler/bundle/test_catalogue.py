"""The catalogue: records come back as they were written, found by id, and damage is refused."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.photos.catalogue import HEADER, Caption, Catalogue, PhotoRecord, write_catalogue
from handler.errors import BundleError


def record(photo_id: str, **changes: object) -> PhotoRecord:
    values: dict[str, object] = {
        "id": photo_id,
        "content": "ab" * 32,
        "width": 640,
        "height": 480,
        "type": "jpeg",
        "size_bytes": 1_000,
        "taken": None,
        "placeholder": None,
        "captions": (Caption(instruction="What is it?", text="a dog", edited=False, kind="caption"),),
        "columns": {},
        **changes,
    }
    return PhotoRecord(**values)  # type: ignore[arg-type]


RECORDS = [
    record("A.jpg", taken="2020-02-30T00:00:00"),
    record("a b.jpg", width=1, height=1, size_bytes=0),
    record(
        "a\nb.jpg", captions=(Caption(instruction="?", text="<b>&amp;\u2028\x00</b>", edited=True, kind="caption"),)
    ),
    record("é.jpg"),
    record("日本/写真.jpg"),
    record("🐕.jpg"),
]


def written(path: Path, records: list[PhotoRecord]) -> Path:
    write_catalogue(path, sorted(records, key=lambda record: record.id))
    return path


def test_records_come_back_in_the_order_of_their_ids(tmp_path: Path) -> None:
    catalogue = Catalogue.open(written(tmp_path / "catalogue.bin", RECORDS))
    ids = [catalogue[number].id for number in range(len(catalogue))]

    assert ids == sorted(ids, key=str.encode)
    assert [catalogue[ids.index(record.id)] for record in RECORDS] == RECORDS
    assert [catalogue.find(photo_id) for photo_id in ids] == list(range(len(RECORDS)))


@given(ids=st.sets(st.text(min_size=1), min_size=1, max_size=30), absent=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_id_is_found_and_no_other(tmp_path: Path, ids: set[str], absent: str) -> None:
    catalogue = Catalogue.open(written(tmp_path / "catalogue.bin", [record(photo_id) for photo_id in ids]))

    assert [catalogue.find(photo_id) for photo_id in sorted(ids)] == list(range(len(ids)))
    assert (catalogue.find(absent) is None) is (absent not in ids)
    assert catalogue.rank(absent) == sum(photo_id < absent for photo_id in ids)


@pytest.mark.parametrize("number", [-1, 6, 1 << 70])
def test_there_is_nothing_beyond_the_last(tmp_path: Path, number: int) -> None:
    catalogue = Catalogue.open(written(tmp_path / "catalogue.bin", RECORDS))
    with pytest.raises(IndexError, match=r"expected 0 to 5"):
        catalogue[number]


def test_lone_surrogates_are_no_id(tmp_path: Path) -> None:
    assert Catalogue.open(written(tmp_path / "catalogue.bin", RECORDS)).find("\ud800") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"content": "ab"}, "64 lower-case hexadecimal digits"),
        ({"content": None}, "'content'"),
        ({"url": "photos/x.jpg"}, "Missing field 'thumbnail'"),
        ({"url": "photos/x.jpg", "thumbnail": "thumbnails/x.jpg"}, "Unexpected field 'content'"),
        ({"content": ...}, "Missing field 'content'"),
    ],
    ids=str,
)
def test_a_photo_is_known_by_its_content_or_by_its_addresses(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    """Addresses are what bundles of format 1 say."""
    path = written(tmp_path / "catalogue.bin", [record("a.jpg")])
    start = HEADER.size + 16
    changed = {**json.loads(path.read_bytes()[start:]), **change}
    document = json.dumps({name: value for name, value in changed.items() if value is not ...}).encode()
    offsets = np.array([start, start + len(document)], dtype="<u8")
    path.write_bytes(path.read_bytes()[: HEADER.size] + offsets.tobytes() + document)
    with pytest.raises(BundleError, match=re.escape(message)):
        Catalogue.open(path)[0]


@pytest.mark.parametrize(
    "records",
    [
        [record("b.jpg"), record("a.jpg")],
        [record("a.jpg"), record("a.jpg")],
        [record("a.jpg"), record("b.jpg", captions=())],
    ],
)
def test_refuses_to_write_what_would_not_be_found(tmp_path: Path, records: list[PhotoRecord]) -> None:
    with pytest.raises(ValueError, match=r"sorted and unique|as many captions"):
        write_catalogue(tmp_path / "catalogue.bin", records)


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (0, b"THINLENS", "at the start of catalogue.bin"),
        (8, b"\x02", "version 2 \\(expected b'thinlens' version 1\\)"),
        (16, b"\xff" * 8, "is truncated"),
        (16, b"\x05", "The offset table"),
        (HEADER.size, b"\x00", "The offset table"),
        (HEADER.size + 8, b"\xff" * 8, "The offset table"),
        (HEADER.size + 8 * 6, b"\x00" * 8, "The offset table"),
    ],
)
def test_refuses_a_damaged_head(tmp_path: Path, offset: int, data: bytes, message: str) -> None:
    path = written(tmp_path / "catalogue.bin", RECORDS)
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + len(data)] = data
    path.write_bytes(bytes(damaged))
    with pytest.raises(BundleError, match=message):
        Catalogue.open(path)


@pytest.mark.parametrize("size", [0, 1, HEADER.size - 1, HEADER.size, HEADER.size + 20, -1])
def test_refuses_a_truncated_file(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "catalogue.bin", RECORDS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(BundleError, match=r"truncated|offset table"):
        Catalogue.open(path)


@given(position=st.integers(0, 1 << 16), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_is_read_or_refused(tmp_path: Path, position: int, byte: int) -> None:
    path = written(tmp_path / "catalogue.bin", RECORDS)
    damaged = bytearray(path.read_bytes())
    damaged[position % len(damaged)] = byte
    path.write_bytes(bytes(damaged))
    with contextlib.suppress(BundleError):
        catalogue = Catalogue.open(path)
        for number in range(len(catalogue)):
            with contextlib.suppress(BundleError):
                assert catalogue[number].width > 0
