"""Files that are whole or not there, and whoever else's lie beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.disk.whole_files import write_whole


def test_the_old_content_is_replaced(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        write_whole(tmp_path / "a.json", content)
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.json", content)]


def test_a_file_of_the_users_beside_it_stays(tmp_path: Path) -> None:
    (tmp_path / "a.json.partial").write_text("mine")
    write_whole(tmp_path / "a.json", b"ours")
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"a.json": "ours", "a.json.partial": "mine"}


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", b"ours")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
