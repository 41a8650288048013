"""Own names: what was written by Thinlens is removed, and nothing else is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from export.disk.own_names import is_bundle_file, is_bundle_id, is_picture, remove_bundle
from export.photos.thumbnails import Thumbnails

CONTENT = "ab" * 32
MANIFEST = b'{"any": "manifest"}'
ID = hashlib.sha256(MANIFEST).hexdigest()[:16]


def write_bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(MANIFEST)
    (folder / "encoder.onnx").write_bytes(b"graph")
    return folder


def test_a_bundle_is_removed(tmp_path: Path) -> None:
    remove_bundle(write_bundle(tmp_path / ID))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    write_bundle(tmp_path / "staging-ab_12cd3" / "bundle")
    remove_bundle(tmp_path / "staging-ab_12cd3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["my-software", "0" * 16, ID.upper(), f"{ID}0", "staging-of-a-play"])
def test_a_folder_of_another_name_stays(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path / name)
    remove_bundle(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["encoder.onnx", "manifest.json"]


def test_a_file_of_the_users_in_a_bundle_stays(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / ID)
    (folder / "diary.txt").write_text("mine")
    (folder / "views.i8").mkdir()
    remove_bundle(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["diary.txt", "views.i8"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = write_bundle(tmp_path / "elsewhere" / ID)
    (tmp_path / ID).symlink_to(elsewhere)
    remove_bundle(tmp_path / ID)
    assert (elsewhere / "encoder.onnx").is_file()


@pytest.mark.parametrize("name", ["mine.jpg", f"{'cd' * 32}.jpg", f"{CONTENT}.JPG", f"{CONTENT[:-1]}.jpg"])
def test_a_picture_of_the_users_beside_thumbnails_stays(tmp_path: Path, name: str) -> None:
    thumbnails = Thumbnails(tmp_path)
    thumbnails.write(CONTENT, b"ours")
    mine = tmp_path / "thumbnails" / "ab" / name
    mine.write_bytes(b"mine")
    thumbnails.keep_only([])
    assert [path.name for path in mine.parent.iterdir()] == [name]


def test_names_are_ours_to_the_letter() -> None:
    assert is_picture(f"photos/ab/{CONTENT}.jpeg")
    assert not is_picture(f"photos/ac/{CONTENT}.jpeg")
    assert not is_picture(f"photos/ab/{CONTENT}.jpeg\n")
    assert is_bundle_id("4720f516e1d95f3b")
    assert not is_bundle_id("4720f516e1d95f3B")
    assert is_bundle_file("views.i8")
    assert not is_bundle_file("sub/views.i8")
