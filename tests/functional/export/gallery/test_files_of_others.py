"""An output folder that holds files of others at the names that Thinlens wants: they stay, and are named."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from export.cli.main import main
from export.disk.model_files import copy_encoder, refuse_foreign_encoder, refuse_foreign_models
from export.errors import OutputError
from export.gallery.indexing import index_photos
from export.progress import Progress
from tests.functional.export.galleries import fake_models, times_understood, write_photo


@pytest.mark.parametrize("name", ["bundle", "bundle.partial", "models.json"])
def test_a_file_of_somebody_else_stays(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_photo(tmp_path / "photos/red.png", "red")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text('{"name": "mine"}')
    assert main(["index", str(tmp_path / "photos"), "--out", str(tmp_path / "out"), "--workers", "1"]) == 1
    assert f"{name} " in capsys.readouterr().err
    assert (tmp_path / "out" / name).read_text() == '{"name": "mine"}'


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos/red.png", "red")
    (tmp_path / "out/bundle").mkdir(parents=True)
    (tmp_path / "out/bundle/diary.txt").write_text("mine")
    with pytest.raises(OutputError, match="bundle is no link of Thinlens and stays"):
        index_photos(
            tmp_path / "photos", tmp_path / "out", models=fake_models(tmp_path / "models"), progress=Progress()
        )
    assert (tmp_path / "out/bundle/diary.txt").read_text() == "mine"


def test_a_link_of_somebody_else_stays(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos/red.png", "red")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/bundle").symlink_to("../software")
    models = fake_models(tmp_path / "models")
    with pytest.raises(OutputError, match="bundle is no link of Thinlens and stays"):
        index_photos(tmp_path / "photos", tmp_path / "out", models=models, progress=Progress())
    assert (tmp_path / "out/bundle").readlink() == Path("../software")
    assert times_understood(models) == []


def test_a_page_of_somebody_else_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    write_photo(tmp_path / "photos/red.png", "red")
    assert main(["demo", str(tmp_path / "photos"), "--out", str(out)]) == 0
    sheet = out / "contact-sheet.html"
    assert "Thinlens contact sheet" in sheet.read_text()
    assert main(["demo", str(tmp_path / "photos"), "--out", str(out)]) == 0  # its own is written again
    sheet.write_text("<title>mine</title>")
    assert main(["demo", str(tmp_path / "photos"), "--out", str(out)]) == 1
    assert "contact-sheet.html is no contact sheet of Thinlens and stays" in capsys.readouterr().err
    assert sheet.read_text() == "<title>mine</title>"


def test_an_encoder_is_not_written_over_files_of_somebody_else(tmp_path: Path) -> None:
    refuse_foreign_encoder(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("mine")
    refuse_foreign_encoder(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"}')
    with pytest.raises(OutputError, match=r"holds tokenizer\.json, which Thinlens didn't write"):
        refuse_foreign_encoder(tmp_path)
    fake_models(tmp_path / "models")
    refuse_foreign_encoder(tmp_path / "models/encoder")  # its own is written anew


@pytest.mark.parametrize(
    "name", ["encoder/encoder.bin", "encoder/quantisation.json", "captioner/vision.onnx", "calibration.json"]
)
def test_models_are_not_written_over_files_of_somebody_else(tmp_path: Path, name: str) -> None:
    fake_models(tmp_path / "models")
    to = tmp_path / "mine"
    copy_encoder(tmp_path / "models/encoder", to / "encoder")
    refuse_foreign_models(to)
    copy_encoder(tmp_path / "models/encoder", to / "encoder")  # its own is written anew
    other = tmp_path / "other" / name
    other.parent.mkdir(parents=True)
    other.write_text("[1, 2]")
    with pytest.raises(OutputError, match=f"holds {other.name}, which Thinlens didn't write; nothing was overwritten"):
        refuse_foreign_models(tmp_path / "other")
    if name.startswith("encoder/"):
        with pytest.raises(OutputError, match="nothing was overwritten"):
            copy_encoder(tmp_path / "models/encoder", tmp_path / "other/encoder")
    assert [path.read_text() for path in (tmp_path / "other").rglob("*") if path.is_file()] == ["[1, 2]"]


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", no_links)


def refuse_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)


def test_a_folder_whose_name_is_no_text_is_refused_before_the_work(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos/red.png", "red")
    models = fake_models(tmp_path / "models")
    for name in (b"out-\xff", b"out-\xed\xa0\xbd"):
        out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        with pytest.raises(OutputError, match="isn't UTF-8, .*; choose another --out"):
            index_photos(tmp_path / "photos", out, models=models, progress=Progress())
    assert times_understood(models) == []
    index_photos(tmp_path / "photos", tmp_path / "öut\n\u200b", models=models, progress=Progress())


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        (refuse_links, r"has no symbolic links \(exFAT .*; choose another --out"),
        (refuse_locks, "can't be locked against other runs: No locks available; choose an --out on another disk"),
    ],
)
def test_a_disk_without_links_or_locks_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Callable[[pytest.MonkeyPatch], None], message: str
) -> None:
    write_photo(tmp_path / "photos/red.png", "red")
    models = fake_models(tmp_path / "models")
    refuse(monkeypatch)
    with pytest.raises(OutputError, match=message):
        index_photos(tmp_path / "photos", tmp_path / "out", models=models, progress=Progress())
    assert times_understood(models) == []
