"""The demo, with the shipped models and the sample photographs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from export.cli.demo import SAMPLE_QUERIES, run_demo
from export.errors import LibraryError
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle


def test_the_samples_are_found_by_what_they_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    run_demo(photos=None, out=out)
    printed = capsys.readouterr().out
    assert re.match(r"11 photos captioned and indexed in \d+\.\d s\.\n", printed)
    answers = dict(re.findall(r"“(.+)”\n  (.+)", printed))
    assert list(answers) == list(SAMPLE_QUERIES)
    assert "chelsea.png" in answers["cat"]
    assert "flower.jpg" in answers["an orange flower"]
    assert "coffee.png" in answers["coffee"]
    # None of the samples shows it, and that is what is said.
    assert answers["children playing football"] == "–     nothing relevant"
    sheet = (out / "contact-sheet.html").read_text(encoding="utf-8")
    assert sheet.count("<figure>") == 11
    assert f"file://{out}/contact-sheet.html" in printed
    for command in ("search", "serve"):
        assert f"thinlens {command} " in printed
    assert f"--out {out}" in printed
    (suggested,) = re.findall(r"thinlens search '(.+)'", printed)
    assert Searcher(open_bundle(out / "bundle")).search(suggested)["results"]
    own = tmp_path / "pictures"
    own.mkdir()
    for name in ("chelsea.png", "flower.jpg", "coffee.png"):
        shutil.copy(out / "samples" / name, own / name)
    run_demo(photos=own, out=out)  # the samples make room
    assert capsys.readouterr().out.startswith("3 photos captioned and indexed")
    for name in ("chelsea.png", "flower.jpg"):
        (own / name).unlink()
    run_demo(photos=own, out=out)  # one's own photos don't
    assert capsys.readouterr().out.startswith("3 photos captioned and indexed")


def test_it_does_not_replace_the_library_of_other_photos(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").write_bytes(b"")
    with pytest.raises(LibraryError, match=r"holds the library of other photos.*--out"):
        run_demo(photos=None, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["library.sqlite"]
