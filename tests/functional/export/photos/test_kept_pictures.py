"""Thumbnails and previews are there whole or not at all, and go without a look at the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.photos.kept_pictures import Previews, Thumbnails

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


def test_previews_lie_apart(out: Path) -> None:
    (out / "previews/ab").mkdir(parents=True)
    for name in (f"{TWO}.jpg", "mine.webp", f"{TWO}.webp.partial"):
        (out / "previews/ab" / name).write_bytes(b"mine")
    Previews(out).write(ONE, b"large")
    assert (out / f"previews/ab/{ONE}.webp").read_bytes() == b"large"
    assert Previews(out).contents() == {ONE}
    assert Thumbnails(out).contents() == {ONE}


@pytest.mark.parametrize("name", ["", "ab", f"ab/{ONE}.jpg", f"cd/{ONE}.webp", f"ab/../ab/{ONE}.webp", "mi/mine.webp"])
def test_only_names_of_previews_are_a_contents(tmp_path: Path, name: str) -> None:
    assert Previews(tmp_path).content(f"ab/{ONE}.webp") == ONE
    assert Previews(tmp_path).content(name) is None
