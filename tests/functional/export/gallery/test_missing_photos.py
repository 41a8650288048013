"""Photos that are gone many at once, as those of a disk that isn't there, don't leave the bundle unasked."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image

from export.errors import LibraryError, PhotosError
from export.gallery.correction import correct_caption
from export.gallery.forgetting import always, never
from export.gallery.indexing import IndexReport, index_photos
from export.library.library import Library
from export.library.schema import SCHEMA_VERSION
from handler.bundle.photos.addresses import thumbnail
from handler.search.filters import Filters
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, records, times_understood, write_photo

MayForget = Callable[[Sequence[str], int], bool]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for number in range(12):
        write_photo(tmp_path / f"photos/{'disk' if number < 6 else 'here'}/{number:02}.png", "red", seed=number)
    fake_models(tmp_path / "models")
    index(tmp_path)
    return tmp_path


def index(base: Path, may_forget: MayForget = never, photos: str = "photos") -> IndexReport:
    return index_photos(
        base / photos, base / "out", workers=1, models=fake_models(base / "models"), may_forget=may_forget
    )


def test_a_disk_that_is_not_there_leaves_its_photos_in_the_bundle(base: Path) -> None:
    (base / "photos/disk").rename(base / "away")
    report = index(base)
    assert (report.photos, report.forgotten) == (12, 0)
    assert report.missing == tuple(f"disk/{number:02}.png" for number in range(6))
    assert all((base / "out" / thumbnail(record.content)).is_file() for record in records(base / "out").values())
    (base / "away").rename(base / "photos/disk")
    assert (index(base).missing, len(times_understood(fake_models(base / "models")))) == ((), 12)


def test_they_go_where_somebody_says_so(base: Path) -> None:
    (base / "photos/disk").rename(base / "away")
    asked: list[tuple[Sequence[str], int]] = []

    def yes(gone: Sequence[str], known: int) -> bool:
        asked.append((gone, known))
        return True

    report = index(base, yes)
    assert (report.photos, report.forgotten, report.missing) == (6, 6, ())
    assert asked == [([f"disk/{number:02}.png" for number in range(6)], 12)]


def test_a_few_go_unasked(base: Path) -> None:
    (base / "photos/disk/00.png").unlink()
    assert (index(base).forgotten, len(records(base / "out"))) == (1, 11)


def test_what_moved_is_not_gone(base: Path) -> None:
    (base / "photos/disk").rename(base / "photos/other")
    report = index(base)
    assert (report.photos, report.forgotten, report.missing) == (12, 6, ())


def test_what_somebody_leaves_out_is_not_gone(base: Path) -> None:
    report = index_photos(
        base / "photos", base / "out", workers=1, models=fake_models(base / "models"), exclude=["disk"]
    )
    assert (report.photos, report.forgotten, report.missing) == (6, 6, ())


def test_what_a_list_no_longer_names_is_not_gone(base: Path) -> None:
    (base / "photos/list.txt").write_text("".join(f"here/{number:02}.png\n" for number in range(6, 12)))
    assert index(base, photos="photos/list.txt").missing == ()
    assert len(records(base / "out")) == 6


def test_another_folder_is_not_taken_for_a_disk_that_is_not_there(base: Path) -> None:
    write_photo(base / "elsewhere/a.png", "blue", seed=40)
    with pytest.raises(PhotosError, match="12 of them aren't in .*elsewhere; choose another --out, or"):
        index(base, photos="elsewhere")
    assert len(records(base / "out")) == 12
    assert index(base).forgotten == 0
    assert index(base, always, photos="elsewhere").forgotten == 12


def test_a_folder_that_was_moved_as_a_whole_is_the_same(base: Path) -> None:
    (base / "photos").rename(base / "pictures")
    report = index(base, photos="pictures")
    assert (report.photos, report.read, report.forgotten, report.missing) == (12, 0, 0, ())


def test_a_folder_that_cannot_be_listed_keeps_its_photos(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("disk"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("export.photos.discovery.os.scandir", refusing)
    report = index(base, always)
    assert (report.photos, report.forgotten) == (12, 0)
    assert [failure.reason for failure in report.failures] == ["the folder can't be read: Permission denied"]


NFC, NFD = "M\u00fcnchen", "Mu\u0308nchen"


def test_one_unicode_form_everywhere(tmp_path: Path) -> None:
    write_photo(tmp_path / f"photos/{NFD}/Tu\u0308r.png", "red", seed=1)
    (tmp_path / "photos/columns.csv").write_text(f"photo,place\n{NFC}/T\u00fcr.png,Bayern\n", encoding="utf-8")
    report = index(tmp_path)
    assert (report.photos, report.failures, report.strangers) == (1, (), ())
    assert records(tmp_path / "out")[f"{NFC}/T\u00fcr.png"].columns == {"place": "Bayern"}
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for form in forms:
        photo_id = unicodedata.normalize(form, f"{NFC}/T\u00fcr.png")
        correct_caption(photo_id, f"written in {form}", tmp_path / "out", models=fake_models(tmp_path / "models"))
        searcher = Searcher(open_bundle(tmp_path / "out/bundle"))
        assert searcher.photo(photo_id)["captions"][0]["text"] == f"written in {form}"
        folder = unicodedata.normalize(form, NFC)
        found = searcher.search("a wall", selection=Selection(filters=Filters(folders=(folder,)), min_relevance=0.0))
        assert len(found["results"]) == 1
    assert index(tmp_path).read == 0


def test_two_names_that_differ_by_their_form_alone(tmp_path: Path) -> None:
    for seed, name in enumerate((NFC, NFD)):
        write_photo(tmp_path / f"photos/{name}.png", "red", seed=seed)
    report = index(tmp_path)
    assert report.photos == 1
    assert "another photo has the same name in another Unicode form" in report.failures[0].reason


def test_ids_of_before_become_those_of_now(tmp_path: Path) -> None:
    write_photo(tmp_path / f"photos/{NFD}.png", "red", seed=1)
    index(tmp_path)
    with sqlite3.connect(tmp_path / "out/library.sqlite") as connection:
        connection.execute("UPDATE photos SET id = ?", (f"{NFD}.png",))
    report = index(tmp_path)
    assert (report.photos, report.read, report.forgotten, report.missing) == (1, 0, 1, ())
    assert list(records(tmp_path / "out")) == [f"{NFC}.png"]


def test_what_is_passed_over_is_counted_by_kind(base: Path) -> None:
    for name in ("a.mp4", "b.MOV", "c.psd", "d.svg", "e.xyz", ".hidden.mp4"):
        (base / "photos" / name).write_bytes(b"x")
    assert dict(index(base).passed_over) == {"PSD": 1, "SVG": 1, "other file": 1, "video": 2}


def test_a_damaged_photo_is_read_and_named(base: Path) -> None:
    write_photo(base / "photos/cut.png", "blue", seed=30)
    Image.open(base / "photos/cut.png").convert("RGB").save(base / "photos/cut.jpg")
    (base / "photos/cut.png").unlink()
    (base / "photos/cut.jpg").write_bytes((base / "photos/cut.jpg").read_bytes()[:-2])
    for _ in range(2):
        report = index(base)
        assert [(photo.path, photo.reason) for photo in report.damaged] == [
            ("cut.jpg", "it ends early; the whole picture is there")
        ]
    assert report.photos == 13


def test_the_date_in_a_name_is_the_last_that_counts(base: Path) -> None:
    exif = Image.Exif()
    exif[306] = "2015:08:22 10:08:19"
    Image.new("RGB", (64, 48), "red").save(base / "photos/IMG_20240315_102233.jpg")
    Image.new("RGB", (64, 48), "blue").save(base / "photos/IMG_20240316_102233.jpg", exif=exif)
    index(base)
    told = {photo_id: (record.taken, record.taken_source) for photo_id, record in records(base / "out").items()}
    assert told["IMG_20240315_102233.jpg"] == ("2024-03-15T10:22:33", "name")
    assert told["IMG_20240316_102233.jpg"] == ("2015-08-22T10:08:19", "exif")
    assert told["here/06.png"] == (None, None)


def test_a_library_of_before_is_brought_up_to_date(base: Path) -> None:
    """Facts are read anew, the captioner isn't asked again, and what people wrote stays."""
    correct_caption("here/06.png", "a door", base / "out", models=fake_models(base / "models"))
    with sqlite3.connect(base / "out/library.sqlite") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for table in ("placements", "touched", "orphans", "likenesses", "bands", "texts", "hidden", "keywords"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX damaged_contents")
        connection.execute("ALTER TABLE views RENAME TO understandings")
        connection.execute("ALTER TABLE understandings RENAME COLUMN image_encoder TO captioner")
        connection.execute("ALTER TABLE bundles DROP COLUMN base")
        for column in ("noted", "latitude", "longitude", "damage", "reader", "written"):
            connection.execute(f"ALTER TABLE contents DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 3")
    with pytest.raises(LibraryError, match=f"is of version 3; 'thinlens index' brings it to {SCHEMA_VERSION}"):
        Library.open_to_read(base / "out")
    understood = len(times_understood(fake_models(base / "models")))
    report = index(base)
    assert (report.photos, report.read) == (12, 12)
    assert len(times_understood(fake_models(base / "models"))) == understood
    assert records(base / "out")["here/06.png"].captions[0].text == "a door"
    assert index(base).read == 0
