"""Thumbnails are there whole or not at all, and go without a look at the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.photos.thumbnails import Thumbnails

ONE, TWO = "ab" * 32, "ab" + "cd" * 31


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    Thumbnails(tmp_path).write(ONE, b"one")
    (tmp_path / f"thumbnails/ab/{TWO}.jpg.partial").write_bytes(b"half of")
    (tmp_path / "thumbnails/ab/mine.jpg.partial").write_bytes(b"mine")
    return tmp_path


def test_what_a_killed_process_left_is_written_over(out: Path) -> None:
    Thumbnails(out).write(TWO, b"two")
    assert files(out) == {f"{ONE}.jpg": b"one", f"{TWO}.jpg": b"two", "mine.jpg.partial": b"mine"}
    assert Thumbnails(out).contents() == {ONE, TWO}


def test_thumbnails_are_removed_whole_or_half(out: Path) -> None:
    Thumbnails(out).remove([ONE, TWO, "ef" * 32])
    assert files(out) == {"mine.jpg.partial": b"mine"}
