"""Readings side by side: what they all want is fetched at once, and each reads what was written or all fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from handler.bundle.blocks.block_hashes import BLOCK_BYTES
from handler.bundle.blocks.blocked_file import BlockedFile, Reading, read_together
from handler.errors import BundleError
from tests.functional.handler.bundle.blocked import Origin, absent_file, content, hashes_of, write_at


def test_what_all_want_is_fetched_once_a_round(tmp_path: Path) -> None:
    whole = content(60 * BLOCK_BYTES)
    origin, another = Origin({}), Origin({})
    files = [absent_file(tmp_path, whole, origin, name) for name in ("first", "second")]
    files.append(absent_file(tmp_path, whole, another, "third"))

    def read(file: BlockedFile, places: Sequence[int]) -> Reading[bytes]:
        found = b""
        for place in places:
            yield file.wanted(place * BLOCK_BYTES, place * BLOCK_BYTES + 10)
            found += file.data[place * BLOCK_BYTES : place * BLOCK_BYTES + 10]
        return found

    journeys = [[0, 20, 40], [0], [20, 0], [], [59, 59]]
    readings = [read(files[number % 3], journey) for number, journey in enumerate(journeys)]
    found = read_together(readings)

    assert found == [
        b"".join(whole[place * BLOCK_BYTES : place * BLOCK_BYTES + 10] for place in journey) for journey in journeys
    ]

    def piece(name: str, place: int) -> tuple[str, int, int]:
        return name, place * BLOCK_BYTES, (place + 1) * BLOCK_BYTES

    assert [sorted(asked) for asked in origin.asked] == [
        [piece("first", 0), piece("second", 0), piece("second", 59)],
        [piece("first", 20)],
        [piece("first", 40)],
    ]
    assert another.asked == [[piece("third", 20)], [piece("third", 0)]]
    assert read_together([]) == []


def test_a_reading_that_fails_ends_all(tmp_path: Path) -> None:
    whole = content(2 * BLOCK_BYTES)
    (tmp_path / "file").write_bytes(whole)
    write_at(tmp_path / "file", 0, bytes([whole[0] ^ 1]))
    file = BlockedFile(tmp_path / "file", hashes_of(whole))

    def read(start: int) -> Reading[bytes]:
        yield file.wanted(start, start + 1)
        return file.data[start : start + 1]

    with pytest.raises(BundleError, match="file is altered"):
        read_together([read(BLOCK_BYTES), read(0)])
    assert read_together([read(BLOCK_BYTES)]) == [whole[BLOCK_BYTES : BLOCK_BYTES + 1]]
