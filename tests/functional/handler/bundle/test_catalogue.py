"""The catalogue: records come back as they were written, found by id, and damage is refused."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from handler.bundle.blocks.block_hashes import BLOCK_BYTES, HASH_BYTES, hash_of
from handler.bundle.blocks.blocked_file import BlockedFile, Reading, Wanted, read_together
from handler.bundle.photos import catalogue as catalogue_module
from handler.bundle.photos.catalogue import (
    HEADER,
    MAGIC,
    VERSION,
    Caption,
    Catalogue,
    PhotoRecord,
    beginning,
    write_catalogue,
)
from handler.errors import BundleError

_T = TypeVar("_T")


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


def opened(path: Path, photos: int = len(RECORDS), *, version: int = VERSION) -> Catalogue:
    """A catalogue of so many photos with a caption each, in a file that is sound."""
    return Catalogue(BlockedFile(path), photos=photos, captions=1, version=version)


def read(reading: Reading[_T]) -> _T:
    (found,) = read_together([reading])
    return found


def test_records_come_back_in_the_order_of_their_ids(tmp_path: Path) -> None:
    catalogue = opened(written(tmp_path / "catalogue.bin", RECORDS))
    records = read(catalogue.records(range(len(catalogue))))
    ids = [record.id for record in records]

    assert ids == sorted(ids, key=str.encode)
    assert [records[ids.index(record.id)] for record in RECORDS] == RECORDS
    assert [read(catalogue.find(photo_id)) for photo_id in ids] == list(range(len(RECORDS)))
    assert read(catalogue.records([4, 0, 4])) == [records[4], records[0], records[4]]
    assert read(catalogue.records([])) == []


@given(ids=st.sets(st.text(min_size=1), min_size=1, max_size=30), absent=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@pytest.mark.parametrize("indexed", [1, 2, 7, 128])
def test_any_id_is_found_and_no_other(tmp_path: Path, indexed: int, ids: set[str], absent: str) -> None:
    """However few records stand between two of the sparse index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue_module, "INDEXED", indexed)
        path = written(tmp_path / "catalogue.bin", [record(photo_id) for photo_id in ids])
        catalogue = opened(path, len(ids))

        assert [read(catalogue.find(photo_id)) for photo_id in sorted(ids)] == list(range(len(ids)))
        assert (read(catalogue.find(absent)) is None) is (absent not in ids)
        assert read(catalogue.rank(absent)) == sum(photo_id < absent for photo_id in ids)


@pytest.mark.parametrize("count", [127, 128, 129, 1_000])
def test_an_id_is_found_among_128_records(tmp_path: Path, count: int) -> None:
    """No more is verified than the sparse index and those to which it leads."""
    ids = [f"{number:05}.jpg" for number in range(count)]
    path = written(tmp_path / "catalogue.bin", [record(photo_id) for photo_id in ids])
    file = CountedFile(path)
    catalogue = Catalogue(file, photos=count, captions=1)
    for number in (0, 1, 127, 128, 129, count // 2, count - 1):
        assert read(catalogue.find(f"{number:05}.jpg")) == (number if number < count else None)
    assert [read(catalogue.rank(photo_id)) for photo_id in ("", "00000", "00001", "9")] == [0, 0, 1, count]
    most = 128 * (len(path.read_bytes()) // count + 8) + 16 * (count // 128 + 2)
    assert max(file.wanted_bytes) <= most


class CountedFile(BlockedFile):
    """A file that keeps how many bytes each reading wanted of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.wanted_bytes: list[int] = []

    def wanted(self, starts: int | NDArray[np.int64], ends: int | NDArray[np.int64]) -> Wanted:
        self.wanted_bytes.append(int(np.sum(np.asarray(ends) - np.asarray(starts))))
        return super().wanted(starts, ends)


def test_the_text_in_a_photo_comes_back(tmp_path: Path) -> None:
    records = [record("a.jpg", text=("HAND SOAP", "£2.50", "左側通行")), record("b.jpg")]
    path = written(tmp_path / "catalogue.bin", records)
    assert read(opened(path, 2).records([0, 1])) == records
    assert path.read_bytes().count(b'"text":[') == 1  # functions of before know no such field


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["a"] * 72_000, 65_536),
        (["é"] * 40_000, 32_768),
        (["x" * 65_536, "b"], 1),
        (["x" * 65_537, "b"], 0),
        (["word"] * 20_000, 16_384),
        ([], 0),
    ],
)
def test_of_much_text_the_beginning_is_kept(lines: list[str], kept: int) -> None:
    assert beginning(lines) == tuple(lines[:kept])


@pytest.mark.parametrize(
    "text", [["x" * 65_537], ["x"] * 65_537, ["x" * 40_000, "y" * 40_000], [1], "EXIT", ["\ud800"], None]
)
def test_more_text_or_none_is_refused(tmp_path: Path, text: object) -> None:
    path = written(tmp_path / "catalogue.bin", [record("a.jpg", text=("EXIT",))])
    data = path.read_bytes()
    wrong = data.replace(b'"text":["EXIT"]', f'"text":{json.dumps(text)}'.encode())
    offsets = np.frombuffer(wrong, "<i8", 2, HEADER.size) + np.array([0, len(wrong) - len(data)])
    path.write_bytes(wrong[: HEADER.size] + offsets.tobytes() + wrong[HEADER.size + 16 :])
    with pytest.raises(BundleError, match=r"text"):
        read(opened(path, 1).records([0]))


def test_lone_surrogates_are_no_id(tmp_path: Path) -> None:
    assert read(opened(written(tmp_path / "catalogue.bin", RECORDS)).find("\ud800")) is None


def test_a_catalogue_of_version_1_has_no_sparse_index(tmp_path: Path) -> None:
    path = written(tmp_path / "catalogue.bin", RECORDS)
    data = bytearray(path.read_bytes())
    indexed_bytes = HEADER.unpack_from(data)[2]
    HEADER.pack_into(data, 0, MAGIC, 1, 0, len(RECORDS))
    path.write_bytes(data[:-indexed_bytes])
    catalogue = opened(path, version=1)
    ids = sorted(record.id for record in RECORDS)
    assert [read(catalogue.find(photo_id)) for photo_id in ids] == list(range(len(ids)))
    assert [read(catalogue.rank(photo_id)) for photo_id in ("", "b", "\U0010ffff")] == [0, 3, len(ids)]
    assert [found.id for found in read(catalogue.records(range(len(ids))))] == ids


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
    changed = {**json.loads(path.read_bytes()[start : -len(b'["a.jpg"]')]), **change}
    document = json.dumps({name: value for name, value in changed.items() if value is not ...}).encode()
    offsets = np.array([start, start + len(document)], dtype="<u8")
    indexed = b'["a.jpg"]'
    path.write_bytes(HEADER.pack(MAGIC, VERSION, len(indexed), 1) + offsets.tobytes() + document + indexed)
    with pytest.raises(BundleError, match=re.escape(message)):
        read(opened(path, 1).records([0]))


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
        (8, b"\x01", "version 1 \\(expected b'thinlens' version 2\\)"),
        (12, b"\xff" * 4, "Unexpected 6 records"),
        (12, b"\xff", "The offset table"),
        (16, b"\xff" * 8, "Unexpected 18446744073709551615 records \\(expected 6\\)"),
        (16, b"\x05", "Unexpected 5 records \\(expected 6\\)"),
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
        read(opened(path).records(range(len(RECORDS))))


@pytest.mark.parametrize(
    "indexed", [b"", b"[]", b'["A.jpg","a b.jpg"]', b"{}", b"[1]", b'["A.jpg"', b'["A.jpg"],"more":1']
)
def test_refuses_another_sparse_index(tmp_path: Path, indexed: bytes) -> None:
    """Whatever it says, even where the file ends with a block."""
    others = [record(f"b{number}.jpg", columns={"text": "y" * 1_000}) for number in range(1 + BLOCK_BYTES // 1_250)]
    path = written(tmp_path / "catalogue.bin", [record("a.jpg", columns={"text": ""}), *others])
    size = len(records_of(path)) + len(indexed)
    written(path, [record("a.jpg", columns={"text": "y" * (-size % BLOCK_BYTES)}), *others])
    header = HEADER.pack(MAGIC, VERSION, len(indexed), 1 + len(others))
    path.write_bytes(header + records_of(path)[HEADER.size :] + indexed)
    assert path.stat().st_size == 2 * BLOCK_BYTES
    hashes = np.frombuffer(b"".join(map(hash_of, blocks_of(path))), np.uint8).reshape(-1, HASH_BYTES)
    catalogue = Catalogue(BlockedFile(path, hashes), photos=1 + len(others), captions=1)
    with pytest.raises(BundleError):
        read(catalogue.find("b3.jpg"))


def records_of(path: Path) -> bytes:
    """A catalogue but for its sparse index."""
    data = path.read_bytes()
    return data[: -HEADER.unpack_from(data)[2]]


def blocks_of(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES)]


@pytest.mark.parametrize("size", [0, 1, HEADER.size - 1, HEADER.size, HEADER.size + 20, -1])
def test_refuses_a_truncated_file(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "catalogue.bin", RECORDS)
    path.write_bytes(path.read_bytes()[:size])
    if not size:
        with pytest.raises(ValueError, match="cannot mmap an empty file"):  # no manifest says that a file is empty
            opened(path)
        return
    with pytest.raises(BundleError, match=r"truncated|offset table|valid JSON"):
        read(opened(path).find(RECORDS[-1].id))


@given(position=st.integers(0, 1 << 16), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_is_read_or_refused(tmp_path: Path, position: int, byte: int) -> None:
    path = written(tmp_path / "catalogue.bin", RECORDS)
    damaged = bytearray(path.read_bytes())
    damaged[position % len(damaged)] = byte
    path.write_bytes(bytes(damaged))
    with contextlib.suppress(BundleError):
        catalogue = opened(path)
        for number, photo in enumerate(RECORDS):
            with contextlib.suppress(BundleError):
                assert read(catalogue.records([number]))[0].width > 0
            with contextlib.suppress(BundleError):
                assert read(catalogue.find(photo.id)) in (*range(len(RECORDS)), None)
