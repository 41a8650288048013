"""`thinlens index`: what is printed, for people and for programs, and what is asked."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from export.cli.main import main
from export.understanding.text.rapid_text_reader import RapidTextReaderSource
from tests.functional.export.galleries import FakeTextSource, write_photo


def test_index_says_what_it_did_and_what_failed(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (base / "photos/bro\nken\x1b[31m.jpg").write_bytes(b"no photo")
    assert main(["index", str(base / "photos"), "--out", str(base / "out"), "--workers", "1"]) == 0
    printed = capsys.readouterr()
    bundle = (base / "out/bundle").resolve().name
    assert printed.out == f"2 photos in bundle {bundle}: 2 read, 0 forgotten\n"
    assert printed.err == (
        "1 photo can't be used:\n  bro\ufffdken\ufffd[31m.jpg: not an image: begins with b'no photo', expected JPEG,"
        " PNG, WebP, GIF, TIFF, AVIF, HEIC, JPEG XL, JPEG 2000, BMP, raw files of cameras\n"
    )


def test_index_tells_programs_what_it_did(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (base / "photos/broken.jpg").write_bytes(b"no photo")
    (base / "photos/a.mp4").touch()
    assert main(["index", str(base / "photos"), "--out", str(base / "out"), "--workers", "1", "--json"]) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    (failure,) = answer.pop("failures")
    assert (failure["id"], failure["reason"][:12]) == ("broken.jpg", "not an image")
    assert "can't be used" not in printed.err
    assert answer == {
        "bundle": (base / "out/bundle").resolve().name,
        "photos": 2,
        "read": 2,
        "forgotten": 0,
        "passed_over": {"video": 1},
        "text": None,
        "missing": [],
        "strangers": [],
        "damaged": [],
        "unread": [],
    }


def test_an_encoder_of_ones_own_comes_with_a_word_about_the_visual_view(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (base / "mine").mkdir()
    index = ["index", str(base / "photos"), "--out", str(base / "out"), "--workers", "1"]
    assert main([*index, "--encoder", str(base / "mine")]) == 1
    assert capsys.readouterr().err.startswith(f"thinlens: {base / 'mine'} holds no sentence encoder; expected")
    (base / "mine/config.json").write_text('{"model_type": "bert"}')
    assert main([*index, "--encoder", str(base / "mine")]) == 0
    assert capsys.readouterr().err.startswith(f"{base / 'mine'} has no image tower, and the shipped visual view")
    (base / "mine/config.json").write_text('{"model_type": "clip"}')
    assert main([*index, "--encoder", str(base / "mine")]) == 0
    assert "says nothing of its licence; see that you may use it" in capsys.readouterr().err
    (base / "mine/README.md").write_text("---\nlicense: mit\n---\n")
    assert main([*index, "--encoder", str(base / "mine")]) == 0
    assert capsys.readouterr().err == ""
    assert main(index) == 0
    assert capsys.readouterr().err == ""


def test_index_counts_what_it_passes_over(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.mp4", "b.mov", "c.psd"):
        (base / "photos" / name).touch()
    assert main(["index", str(base / "photos"), "--out", str(base / "out"), "--workers", "1"]) == 0
    assert capsys.readouterr().out.endswith(": 2 read, 0 forgotten; 1 PSD, 2 videos passed over\n")


def test_index_reads_text_when_it_is_asked_for_and_says_what_came_of_it(
    base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = FakeTextSource(log=base / "text.log")
    monkeypatch.setattr(RapidTextReaderSource, "open", lambda: reader)
    index = ["index", str(base / "photos"), "--out", str(base / "out"), "--workers", "1"]
    assert main([*index, "--read-text"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1:] == ["Text was looked for in 1 photo, and found in 1."]
    assert printed.err == (
        "1 photo whose text can't be read:\n"
        "  blue.png: the reader of text failed: RuntimeError: no kernel for this node\n"
    )
    assert main(index) == 0
    assert capsys.readouterr().out.splitlines()[1:] == []


def test_index_names_what_is_to_be_installed_to_read_text(
    base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.understanding.text.rapid_text_reader.find_spec", lambda _name: None)
    assert main(["index", str(base / "photos"), "--out", str(base / "out"), "--read-text"]) == 1
    expected = "reading text needs rapidocr; install it with: make setup EXTRAS=ocr"
    assert expected in capsys.readouterr().err
    assert not (base / "out").exists()


def test_text_is_not_read_into_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "s3://b/p", "--out", "s3://b/o", "--engine", "ray", "--read-text"]) == 1
    assert "--read-text doesn't go with --out s3://b/o yet" in capsys.readouterr().err


def index_and_lose_a_disk(base: Path, out: Path) -> list[str]:
    """Index two more photos, which are gone then; returns the arguments to index again."""
    for seed in (7, 8):
        write_photo(base / f"photos/disk/{seed}.png", "green", seed=seed)
    index = ["index", str(base / "photos"), "--out", str(out)]
    assert main(index) == 0
    shutil.rmtree(base / "photos/disk")
    return index


def test_photos_that_are_gone_stay_until_somebody_lets_them_go(
    base: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = index_and_lose_a_disk(base, out)
    capsys.readouterr()
    assert main(index) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("4 photos in bundle ")
    assert printed.err == (
        "2 photos of 4 can't be found, such as disk/7.png, and stay in the bundle: is a disk missing? --forget lets go"
        " of what is gone\n"
    )
    assert main([*index, "--forget"]) == 0
    assert capsys.readouterr().out.startswith("2 photos in bundle ")


@pytest.mark.parametrize(("answer", "left"), [("y\n", 2), ("YES\n", 2), ("n\n", 4), ("\n", 4), ("", 4)])
def test_at_a_terminal_it_is_asked(
    base: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    index = index_and_lose_a_disk(base, out)
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    capsys.readouterr()
    assert main(index) == 0
    printed = capsys.readouterr()
    assert "2 of 4 photos can't be found, such as disk/7.png. Forget them? [y/N] " in printed.err
    assert printed.out.startswith(f"{left} photos in bundle ")


def test_many_failures_are_cut(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(23):
        (base / f"photos/{number:02d}.jpg").touch()
    assert main(["index", str(base / "photos"), "--out", str(base / "out")]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (22, "23 photos can't be used:", "  and 3 more")
