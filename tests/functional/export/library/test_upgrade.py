"""Libraries of earlier versions are brought up to date, as a whole or not at all."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from export.errors import OutputError
from export.library.library import Library
from export.library.records import ContentUnderstanding, Failure
from export.library.schema import UPGRADES
from tests.functional.export.library.libraries import BUNDLE, BY, FACTS, content_of, touched

VERSION_4 = Path(__file__).with_name("version_4.sql").read_text()
VERSION_5 = Path(__file__).with_name("version_5.sql").read_text()
IDS = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with a library as version 4 had it."""
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    connection.executescript(VERSION_4)
    connection.close()
    return tmp_path


def schema_of(library: Library) -> dict[str, object]:
    """The columns of each table, and the text of indexes and triggers."""
    with library._database.reading() as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        return {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall() if kind == "table" else sql
            for kind, name, sql in rows
        }


def test_a_version_4_library_has_placed_nothing_and_lost_nothing(out: Path) -> None:
    with Library.open(out) as library:
        assert (library.placements.base(), library.placements.count(), touched(library)) == (None, 0, IDS)
        assert library.photos.orphans() == [content_of("gone")]
        assert (library.bundle(), library.revision()) == (BUNDLE, 7)
        assert library.failures.all() == [Failure(path="d.jpg", reason="no image")]
        photos = library.understandings.photos(IDS, BY)
        assert [(photo.id, photo.edit, dict(photo.columns)) for photo in photos] == [
            ("a.jpg", None, {"place": "Paris"}),
            ("b.jpg", None, {}),
            ("c.jpg", "Rex", {}),
        ]
        library.placements.replace(bundle=BUNDLE, base="base", placed={"s": ["a.jpg"]})
        library.photos.edit("b.jpg", "Tom")
        assert touched(library) == ["a.jpg", "b.jpg"]
    with Library.open_to_read(out) as library:
        assert touched(library) == ["a.jpg", "b.jpg"]


def test_an_upgraded_library_is_like_a_new_one(out: Path, tmp_path: Path) -> None:
    with Library.open(out) as upgraded, Library.open(tmp_path / "new") as new:
        assert schema_of(upgraded) == schema_of(new)


def test_a_version_5_library_keeps_its_places_and_has_its_photos_read_anew(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    connection.executescript(VERSION_5)
    connection.close()
    with Library.open(tmp_path) as library, Library.open(tmp_path / "new") as new:
        assert schema_of(library) == schema_of(new)
        assert (library.placements.base(), library.placements.count(), touched(library)) == ("base", 3, [])
        assert library.understandings.contents_read() == set()
        [photo] = library.understandings.photos(["a.jpg"], BY)
        assert (photo.columns, photo.text, photo.facts) == ({"place": "Paris"}, (), FACTS)
        found = replace(FACTS, written='{"place": "Rome", "rating": 4.0}')
        library.understandings.put(
            [ContentUnderstanding(content=photo.content, facts=found, captions={}, view=None)], BY
        )
        assert touched(library) == ["a.jpg", "b.jpg"]
        photos = library.understandings.photos(["a.jpg", "b.jpg"], BY)
        assert [photo.columns for photo in photos] == [
            {"place": "Paris", "rating": 4.0},
            {"place": "Rome", "rating": 4.0},
        ]


def test_an_upgrade_that_fails_leaves_version_4(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = UPGRADES[4]
    monkeypatch.setitem(UPGRADES, 4, f"{upgrade}INSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(OutputError, match="no such table: nowhere"):
        Library.open(out)
    connection = sqlite3.connect(out / "library.sqlite")
    assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (0,)
    connection.close()
    monkeypatch.setitem(UPGRADES, 4, upgrade)
    with Library.open(out) as library:
        assert touched(library) == IDS
