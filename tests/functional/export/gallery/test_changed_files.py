"""What a file's size and dates tell: whether it has changed, whatever they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from export.gallery.indexing import IndexReport, index_photos
from export.models.model_set import Models
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, write_photo


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue", "white")):
        write_photo(tmp_path / "photos" / f"{colour}.png", colour, seed=number)
    return tmp_path


def models(base: Path) -> Models:
    return fake_models(base / "models")


def index(base: Path) -> IndexReport:
    return index_photos(base / "photos", base / "out", workers=1, models=models(base))


def test_an_edit_that_keeps_size_and_date_is_seen(base: Path) -> None:
    index(base)
    path = base / "photos/red.png"
    write_photo(base / "other.png", "green", seed=7)
    size = max(path.stat().st_size, (base / "other.png").stat().st_size)
    for each in (path, base / "other.png"):  # PNG readers ignore what follows the end
        each.write_bytes(each.read_bytes().ljust(size, b"\0"))
    index(base)
    status = path.stat()
    path.write_bytes((base / "other.png").read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert index(base).read == 1
    first = Searcher(open_bundle(base / "out/bundle")).search("a photo of a green wall", k=2)["results"]
    assert {result["id"] for result in first} == {"green.png", "red.png"}


@pytest.mark.parametrize("date_s", [-(2**31), 2**33, 10_413_792_000])  # the last one is in the year 2300
def test_dates_far_away_are_dates(base: Path, date_s: int) -> None:
    os.utime(base / "photos/red.png", (date_s, date_s))
    assert index(base).photos == 4
    assert index(base).read == 0


def test_the_same_size_and_a_new_date_is_hashed_and_not_understood_again(base: Path) -> None:
    first = index(base)
    os.utime(base / "photos/red.png")
    report = index(base)
    assert (report.bundle, report.read) == (first.bundle, 0)
