"""Fuzzing: whatever a file is called and whatever its dates are, it is indexed or named, and the others are indexed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from export.gallery.forgetting import always
from export.gallery.indexing import index_photos
from export.photos.content_hash import stamp_of
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, write_photo

# What file systems of Linux allow: any bytes but these two, and none of the names of folders.
NAMES = st.binary(min_size=1, max_size=60).filter(
    lambda name: b"/" not in name and b"\0" not in name and name.strip(b".") and not name.startswith(b".")
)
DATES_NS = st.integers(-(1 << 62), 1 << 62)


@settings(max_examples=12, deadline=None)
@given(names=st.sets(NAMES, min_size=1, max_size=12), dates=st.lists(DATES_NS, min_size=12, max_size=12))
@example(
    names={b"\xed\xa0\xbd", b"a\nb", b"\xff\xfe", "e\u0301".encode(), b"\x1b[31m", b"%2e%2e", b"~"},
    dates=[1 << 62] * 12,
)
def test_odd_names_and_dates(tmp_path_factory: pytest.TempPathFactory, names: set[bytes], dates: list[int]) -> None:
    base = tmp_path_factory.mktemp("odd")
    source = write_photo(base / "source.png", "red", seed=1).read_bytes()
    photos = base / "photos"
    photos.mkdir()
    for name, date_ns in zip(sorted(names), dates, strict=False):
        path = Path(os.fsdecode(os.fsencode(photos) + b"/" + name + b".png"))
        path.write_bytes(source)
        try:
            os.utime(path, ns=(0, date_ns))
        except OverflowError:
            os.utime(path, (0, 1 << 40))
    write_photo(photos / "sane.png", "blue", seed=2)
    report = index_photos(photos, base / "out", workers=1, models=fake_models(base / "models"), may_forget=always)
    assert report.photos + len(report.failures) == len(names) + 1
    searcher = Searcher(open_bundle(base / "out/bundle"))
    answer = searcher.search("a photo of a wall", k=50, min_relevance=0.0)
    assert len(answer["results"]) == report.photos
    json.dumps([answer, [as_utf_8(failure.path) for failure in report.failures]]).encode()
    for result in answer["results"]:
        assert searcher.photo(result["id"])["id"] == result["id"]
    again = index_photos(photos, base / "out", workers=1, models=fake_models(base / "models"))
    assert (again.bundle, again.read, again.forgotten) == (report.bundle, 0, 0)


def as_utf_8(path: str) -> str:
    """A path that JSON in UTF-8 can hold as it is."""
    assert path.encode("utf-8").decode("utf-8") == path
    return path


@given(mtime_ns=st.integers(-(1 << 80), 1 << 80), ctime_ns=st.integers(-(1 << 80), 1 << 80))
def test_stamps_fit_into_a_database_whatever_the_dates_are(mtime_ns: int, ctime_ns: int) -> None:
    stamp = stamp_of(SimpleNamespace(st_mtime_ns=mtime_ns, st_ctime_ns=ctime_ns))  # type: ignore[arg-type]
    assert 0 <= stamp < 1 << 63
    other = stamp_of(SimpleNamespace(st_mtime_ns=mtime_ns, st_ctime_ns=ctime_ns + 1))  # type: ignore[arg-type]
    assert other != stamp
