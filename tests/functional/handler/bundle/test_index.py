"""The index: it finds what numpy finds in whatever segments the photos are, and other files are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.blocks.blocked_file import BlockedFile
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.index import codes_file, usearch_file
from handler.bundle.index.codes_file import Codes, write_codes
from handler.bundle.index.index_kinds import open_index, read_index, write_index
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import INDEX_KINDS
from handler.errors import BundleError
from tests.functional.handler.bundle.vectors import DIM, Vectors, exact_scores, index_of, photos, things, unit

COUNT = 2_000
NOTHING = np.empty(0, np.int64)
ORDER = np.array([3, 0, 4, 1, 2], dtype=np.uint32)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return photos(COUNT)


def best_of(scores: Vectors, numbers: Sequence[int], count: int) -> list[int]:
    """By score, then number."""
    return sorted(numbers, key=lambda number: (-scores[number], number))[:count]


@pytest.mark.parametrize("starts", [(0,), (0, 1, 700, 1_999)])
def test_finds_what_numpy_finds(tmp_path: Path, vectors: Vectors, starts: Sequence[int]) -> None:
    index = index_of(tmp_path, vectors, starts)
    for query in np.random.default_rng(1).normal(size=(10, DIM)).astype(np.float32):
        scores = exact_scores(vectors, query)

        hits = index.search(query, 25)

        assert hits.numbers.dtype == np.int64
        assert hits.scores.dtype == np.float32
        assert hits.numbers.tolist() == best_of(scores, range(COUNT), 25)
        np.testing.assert_array_equal(hits.scores, scores[hits.numbers])
        np.testing.assert_array_equal(index.scores(query[np.newaxis], hits.numbers), [hits.scores])
        np.testing.assert_allclose(hits.scores, vectors[hits.numbers] @ query, atol=0.5)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    starts=st.sets(st.integers(1, 59), max_size=4),
    gone=st.sets(st.integers(0, 59), max_size=20),
    allowed=st.none() | st.lists(st.booleans(), min_size=60, max_size=60),
    count=st.integers(1, 80),
    thing=st.integers(0, 39),
)
def test_segments_make_no_difference(
    tmp_path_factory: pytest.TempPathFactory,
    vectors: Vectors,
    starts: set[int],
    gone: set[int],
    allowed: list[bool] | None,
    count: int,
    thing: int,
) -> None:
    """Scores are the same in any company, ties are broken by numbers, and what is gone is never found."""
    some = np.concatenate([vectors[:50], vectors[:10]])
    index = index_of(tmp_path_factory.mktemp("index"), some, [0, *sorted(starts)], sorted(gone))
    query = things()[thing]
    scores = exact_scores(some, query)
    present = [number for number in range(60) if number not in gone]

    hits = index.search(query, count, None if allowed is None else np.array(allowed))

    permitted = [number for number in present if allowed is None or allowed[number]]
    assert hits.numbers.tolist() == best_of(scores, permitted, count)
    other = -2.0 * things()[thing - 1]
    for numbers in (np.arange(60), np.array([59, 0, 17]), np.empty(0, np.int64)):
        expected = [scores[numbers], exact_scores(some, other)[numbers]]
        np.testing.assert_array_equal(index.scores(np.stack([query, other]), numbers), expected)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_query_without_direction_finds_nothing(tmp_path: Path, vectors: Vectors, value: float) -> None:
    index = index_of(tmp_path, vectors[:5])
    query = np.full(DIM, value, np.float32)
    assert not list(index.best_first(query))
    hits = index.search(query, 3)
    assert (hits.numbers.shape, hits.scores.shape) == ((0,), (0,))


@pytest.mark.parametrize("same", [1, 2_500])
def test_photos_that_are_all_alike(tmp_path: Path, vectors: Vectors, same: int) -> None:
    index = index_of(tmp_path, np.repeat(vectors[:1], same, axis=0))
    assert index.search(vectors[0], 10).numbers.tolist() == list(range(min(same, 10)))


@pytest.mark.parametrize("dim", [1, 7, 8, 9, 63])
def test_any_number_of_components(tmp_path: Path, dim: int) -> None:
    vectors = np.random.default_rng(3).normal(size=(2_500, dim)).astype(np.float32)
    index = index_of(tmp_path, vectors)
    hits = index.search(vectors[7], 2_500)
    assert sorted(hits.numbers.tolist()) == list(range(2_500))


@pytest.mark.parametrize("count", [3_000, 9_000], ids=["scanned", "nearest by their bits"])
def test_two_bytes_tell_photos_apart_that_one_confuses(tmp_path: Path, count: int) -> None:
    """Photos of a dual encoder have much in common, and so have texts, which lie elsewhere."""
    random = np.random.default_rng(4)
    common, asked = random.normal(size=(2, DIM))
    vectors = unit(common + 0.1 * random.normal(size=(count, DIM)))
    query = unit(asked + 0.3 * random.normal(size=DIM))
    expected = np.argsort(-(vectors.astype(np.float64) @ query))[:5].tolist()
    found = {}
    for kind in INDEX_KINDS:
        (tmp_path / kind).mkdir()
        index = index_of(tmp_path / kind, vectors, (0, 1_000), kind=kind)
        hits = index.search(query, 5)
        found[kind] = hits.numbers.tolist()
        off = np.abs(hits.scores - vectors[hits.numbers] @ query).max()
        assert off < (1e-5 if kind == "coded-16" else 1e-2)
        np.testing.assert_array_equal(index.scores(query[np.newaxis], hits.numbers)[0], hits.scores)
    assert found["coded-16"] == expected
    assert found["coded"] != expected


def test_rows_in_two_bytes_are_read_as_they_were_written(tmp_path: Path, vectors: Vectors) -> None:
    stored = QuantisedVectors.in_16_bits(vectors[:5])
    write_index(tmp_path, stored)
    rows = BlockedFile(tmp_path / usearch_file.FILE)
    segment = SegmentFiles(folder=tmp_path, photos=5, blocked={usearch_file.FILE: rows})
    found = read_index("coded-16", segment, dim=DIM)
    np.testing.assert_array_equal(found.rows, stored.rows)
    np.testing.assert_array_equal(found.scales, stored.scales)
    with pytest.raises(BundleError, match=rf"Unexpected shape \[5, {2 * DIM}\] \(expected \[5, {DIM}\]\)"):
        read_index("coded", segment, dim=DIM)


def opened(folder: Path, *, photos: int = 5, dim: int = DIM) -> None:
    rows = BlockedFile(folder / usearch_file.FILE)
    segment = SegmentFiles(folder=folder, photos=photos, blocked={usearch_file.FILE: rows})
    open_index("coded", [segment], dim=dim, gone=NOTHING)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"dim": DIM + 1}, f"Unexpected 5 codes of {DIM} bits (expected 5 of {DIM + 1}) in codes.bin"),
        ({"photos": 6}, f"Unexpected 5 codes of {DIM} bits (expected 6 of {DIM}) in codes.bin"),
    ],
)
def test_refuses_the_index_of_another_manifest(
    tmp_path: Path, vectors: Vectors, expected: dict[str, int], message: str
) -> None:
    write_index(tmp_path, QuantisedVectors.of(vectors[:5]))
    with pytest.raises(BundleError) as error:
        opened(tmp_path, **expected)
    assert str(error.value) == message


def test_refuses_fewer_rows(tmp_path: Path, vectors: Vectors) -> None:
    write_index(tmp_path, QuantisedVectors.of(vectors[:5]))
    path = tmp_path / usearch_file.FILE
    path.write_bytes(path.read_bytes()[: usearch_file.SHAPE_BYTES + 5 * DIM - 1])
    with pytest.raises(BundleError, match=r"^index\.usearch is truncated: \d+ bytes$"):
        opened(tmp_path)


def test_merging_refuses_rows_of_another_shape(tmp_path: Path, vectors: Vectors) -> None:
    write_index(tmp_path, QuantisedVectors.of(vectors[:5]))
    path = tmp_path / usearch_file.FILE
    segment = SegmentFiles(folder=tmp_path, photos=5, blocked={usearch_file.FILE: BlockedFile(path)})
    np.testing.assert_array_equal(read_index("coded", segment, dim=DIM).rows, QuantisedVectors.of(vectors[:5]).rows)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 0, 4)
    path.write_bytes(data)
    segment = SegmentFiles(folder=tmp_path, photos=5, blocked={usearch_file.FILE: BlockedFile(path)})
    with pytest.raises(BundleError, match=rf"Unexpected shape \[4, {DIM}\] \(expected \[5, {DIM}\]\) in index.usearch"):
        read_index("coded", segment, dim=DIM)


def change(offset: int, layout: str, value: float) -> Callable[[bytearray], None]:
    return lambda data: struct.pack_into(layout, data, offset, value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change(0, "<B", 0), "at the start of codes.bin"),
        (change(8, "<I", 2), "version 2 \\(expected b'thincode' version 1\\)"),
        (lambda data: data.append(0), "Unexpected \\d+ bytes \\(expected \\d+\\) in codes.bin"),
        (lambda data: data.pop(), "Unexpected \\d+ bytes \\(expected \\d+\\) in codes.bin"),
        (lambda data: data.clear(), "codes.bin is truncated: 0 bytes"),
        (change(24, "<d", -1.0), "Numbers in codes.bin are out of range"),
        (change(24, "<d", 1e9), "Numbers in codes.bin are out of range"),
        (change(24, "<d", float("nan")), "Numbers in codes.bin are out of range"),
        (change(24, "<d", float("inf")), "Numbers in codes.bin are out of range"),
        (change(72, "<f", float("nan")), "Numbers in codes.bin are out of range"),
        (change(72, "<f", -1e30), "Numbers in codes.bin are out of range"),
        (change(72 + 4 * 9, "<f", -1.0), "Numbers in codes.bin are out of range"),
        (change(72 + 4 * 9, "<f", float("inf")), "Numbers in codes.bin are out of range"),
        (change(33, "<B", 0x01), "Codes in codes.bin have more than 9 bits"),
        (change(39, "<B", 0x80), "Codes in codes.bin have more than 9 bits"),
        (change(128, "<I", 0), "The order in codes.bin does not have every photo once"),
        (change(144, "<I", 5), "The order in codes.bin does not have every photo once"),
        (change(144, "<I", 0xFFFFFFFF), "The order in codes.bin does not have every photo once"),
    ],
)
def test_refuses_damaged_codes(
    tmp_path: Path, vectors: Vectors, damage: Callable[[bytearray], None], message: str
) -> None:
    path = tmp_path / codes_file.FILE
    write_codes(path, QuantisedVectors.of(vectors[:5, :9]), ORDER)
    data = bytearray(path.read_bytes())
    damage(data)
    path.write_bytes(data)
    with pytest.raises(BundleError, match=message):
        Codes.open(path, photos=5, dim=9)


def test_codes_say_on_which_side_of_the_middle_a_vector_lies(tmp_path: Path) -> None:
    vectors = np.array([[1.0, 5.0, -2.0], [3.0, 1.0, -2.0]], np.float32)
    write_codes(tmp_path / codes_file.FILE, QuantisedVectors.of(vectors), np.array([1, 0], dtype=np.uint32))
    codes = Codes.open(tmp_path / codes_file.FILE, photos=2, dim=3)

    np.testing.assert_allclose(codes.middle, [2.0, 3.0, -2.0], atol=0.02)
    first, second = np.unpackbits(np.ascontiguousarray(codes.codes.T).view(np.uint8), axis=1)
    assert (first[:2].tolist(), second[:2].tolist()) == ([0, 1], [1, 0])
    assert first[2] + second[2] in (1, 2)  # on the middle, but for rounding
    assert not first[3:].any()
    assert not second[3:].any()
    assert codes.norm == pytest.approx(5**0.5, abs=0.02)
    assert codes.order.tolist() == [1, 0]
