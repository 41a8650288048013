"""Names in one Unicode form, and files whose name has another."""

from __future__ import annotations

from pathlib import Path

from export.photos.unicode_names import locate, one_form

NFC, NFD = "M\u00fcnchen", "Mu\u0308nchen"


def test_ids_have_one_form() -> None:
    assert one_form(f"{NFD}/a.jpg") == one_form(f"{NFC}/a.jpg") == f"{NFC}/a.jpg"


def test_files_are_found_whatever_form_their_name_has(tmp_path: Path) -> None:
    for folder, file in ((NFD, "a.jpg"), ("plain", f"{NFD}.jpg"), (f"{NFC}2", f"{NFC}.jpg")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(file)
        assert locate(tmp_path, one_form(f"{folder}/{file}")).read_text() == file


def test_a_name_that_is_there_as_it_is_comes_first(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        (tmp_path / name).write_text(name)
    assert locate(tmp_path, NFC).read_text() == NFC


def test_what_is_gone_is_where_it_should_be(tmp_path: Path) -> None:
    assert locate(tmp_path, f"{NFC}/a.jpg") == tmp_path / NFC / "a.jpg"


def test_a_folder_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    assert not locate(tmp_path, NFC).exists()
    (tmp_path / NFD).write_text("later")
    assert locate(tmp_path, NFC).read_text() == "later"


def test_absolute_ids_stay_absolute(tmp_path: Path) -> None:
    (tmp_path / NFD).write_text("far")
    assert locate(Path("/elsewhere"), f"{tmp_path}/{NFC}").read_text() == "far"
