"""Indexing again and again: only what changed costs time, and the bundle says what the folder holds."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from export.errors import LibraryError, LibraryInUseError, OutputError, PhotosError
from export.gallery.forgetting import always
from export.gallery.indexing import IndexReport, index_photos
from export.library.library import Library
from export.library.records import Failure
from export.models.model_set import Models
from handler.bundle.photos.addresses import thumbnail
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, records, times_understood, write_photo


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue", "white")):
        write_photo(tmp_path / "photos" / f"{colour}.png", colour, seed=number)
    fake_models(tmp_path / "models")
    return tmp_path


def models(base: Path) -> Models:
    return fake_models(base / "models")


def index(base: Path, *, exclude: Sequence[str] = ()) -> IndexReport:
    return index_photos(
        base / "photos", base / "out", workers=1, models=models(base), exclude=exclude, may_forget=always
    )


def ids(base: Path) -> list[str]:
    return list(records(base / "out"))


def test_a_first_run(base: Path) -> None:
    report = index(base)
    bundle = open_bundle(base / "out/bundle")
    assert report == IndexReport(bundle=bundle.id, photos=4, read=4, forgotten=0, failures=())
    assert ids(base) == ["blue.png", "green.png", "red.png", "white.png"]
    answer = Searcher(bundle).search("a photo of a blue wall", k=2)
    assert [(result["id"], result["relevance"]) for result in answer["results"][:1]] == [("blue.png", 1.0)]
    photo = base / "photos/blue.png"
    record = records(base / "out")["blue.png"]
    assert (record.width, record.height, record.taken, record.addresses) == (64, 48, None, None)
    assert record.size_bytes == photo.stat().st_size
    assert record.content == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert (base / "out" / thumbnail(record.content)).read_bytes()[:3] == b"\xff\xd8\xff"
    assert answer["results"][0]["url"] == "photos/blue.png"
    assert answer["results"][0]["thumbnail_url"] == thumbnail(record.content)
    manifest = bundle.manifest
    assert (manifest.counts.photos, manifest.counts.captions, manifest.counts.failures) == (4, 8, 0)
    assert manifest.views == ("caption", "caption", "visual")
    assert [golden.query for golden in manifest.golden] == [
        f"a photo of a {colour} wall" for colour in ("blue", "green", "red", "white")
    ]


def test_a_run_with_nothing_to_do_changes_nothing(base: Path) -> None:
    first = index(base)
    before = {path: path.stat().st_mtime_ns for path in (base / "out").rglob("*") if "library" not in path.name}
    assert index(base) == IndexReport(bundle=first.bundle, photos=4, read=0, forgotten=0, failures=())
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(times_understood(models(base))) == 4


def test_new_changed_moved_copied_and_removed_photos(base: Path) -> None:
    photos = base / "photos"
    first = index(base)
    write_photo(photos / "new.png", "black", seed=50)
    write_photo(photos / "red.png", "yellow", seed=51)
    (photos / "sub").mkdir()
    (photos / "green.png").rename(photos / "sub/moved.png")
    shutil.copy(photos / "blue.png", photos / "sub/copy.png")
    (photos / "white.png").unlink()
    second = index(base)
    assert (second.photos, second.read, second.forgotten) == (5, 2, 2)
    assert second.bundle != first.bundle
    assert ids(base) == ["blue.png", "new.png", "red.png", "sub/copy.png", "sub/moved.png"]
    captions = {record.id: record.captions[1].text for record in records(base / "out").values()}
    assert captions == {
        "blue.png": "all blue",
        "new.png": "all black",
        "red.png": "all yellow",
        "sub/copy.png": "all blue",
        "sub/moved.png": "all green",
    }
    assert len(times_understood(models(base))) == 6
    assert len(list((base / "out/thumbnails").rglob("*.jpg"))) == 4


def test_a_photo_that_returns_costs_no_understanding(base: Path) -> None:
    index(base)
    (base / "photos/red.png").rename(base / "red.png")
    assert index(base).forgotten == 1
    (base / "red.png").rename(base / "photos/red.png")
    assert index(base).photos == 4
    assert len(times_understood(models(base))) == 4
    assert all((base / "out" / thumbnail(record.content)).exists() for record in records(base / "out").values())


def test_a_lost_thumbnail_is_made_again(base: Path) -> None:
    first = index(base)
    lost = base / "out" / thumbnail(records(base / "out")["blue.png"].content)
    lost.unlink()
    report = index(base)
    assert (report.bundle, report.read, lost.exists()) == (first.bundle, 1, True)
    assert len(times_understood(models(base))) == 4


def test_the_bundle_before_is_kept_and_older_ones_go(base: Path) -> None:
    bundles = []
    for number in range(4):
        write_photo(base / f"photos/{number}.png", "red", seed=100 + number)
        bundles.append(index(base).bundle)
    assert {path.name for path in (base / "out/bundles").iterdir()} == set(bundles[-2:])
    assert (base / "out/bundle").readlink() == Path("bundles") / bundles[-1]


def test_what_fails_is_reported_each_time_and_tried_again_when_it_changes(base: Path) -> None:
    (base / "photos/broken.jpg").write_bytes(b"no photo")
    (base / "photos/empty.jpg").touch()
    expected = (
        Failure(
            path="broken.jpg",
            reason="not an image: begins with b'no photo', expected JPEG, PNG, WebP, GIF, TIFF, AVIF, HEIC, JPEG XL, "
            "JPEG 2000, BMP, raw files of cameras",
        ),
        Failure(path="empty.jpg", reason="the file is empty"),
    )
    first = index(base)
    assert (first.photos, first.failures) == (4, expected)
    assert index(base) == IndexReport(bundle=first.bundle, photos=4, read=0, forgotten=0, failures=expected)
    assert open_bundle(base / "out/bundle").manifest.counts.failures == 2
    write_photo(base / "photos/broken.jpg", "red", seed=60)
    third = index(base)
    assert (third.photos, third.read, third.failures) == (5, 1, expected[1:])


def test_photos_that_are_all_broken_leave_the_bundle_in_service(base: Path) -> None:
    bundle = index(base).bundle
    for path in (base / "photos").iterdir():
        path.write_bytes(b"gone bad")
    with pytest.raises(PhotosError, match=r"none of the 4 photos could be read; the first, blue.png: not an image"):
        index(base)
    assert open_bundle(base / "out/bundle").id == bundle


def test_an_empty_folder_leaves_the_bundle_in_service(base: Path) -> None:
    """As when a drive isn't mounted."""
    bundle = index(base).bundle
    shutil.rmtree(base / "photos")
    with pytest.raises(PhotosError, match="No such file or directory; expected a folder of photos or a list file"):
        index(base)
    (base / "photos").mkdir()
    with pytest.raises(PhotosError, match=r"holds no photos; expected JPEG, PNG, WebP"):
        index(base)
    assert open_bundle(base / "out/bundle").id == bundle


def test_names_of_every_kind(base: Path) -> None:
    names = ["with space.png", "new\nline.png", "emoji 🐕.png", "日本語.png", "100% #1?.png", "quote'\".png", "-k.png"]
    for number, name in enumerate(names):
        write_photo(base / "photos" / name, "red", seed=200 + number)
    shutil.copy(base / "photos/red.png", base / "photos" / os.fsdecode(b"bad \xff\xfe.png"))
    report = index(base)
    assert report.failures == (Failure(path="bad \\xff\\xfe.png", reason="its name is not valid UTF-8; rename it"),)
    assert set(ids(base)) == {*names, "blue.png", "green.png", "red.png", "white.png"}
    searcher = Searcher(open_bundle(base / "out/bundle"))
    assert searcher.photo("100% #1?.png")["url"] == "photos/100%25%20%231%3F.png"
    assert searcher.photo("new\nline.png")["url"] == "photos/new%0Aline.png"


def test_an_output_folder_among_the_photos_is_left_out(base: Path) -> None:
    for _ in range(2):
        report = index_photos(base / "photos", base / "photos/out", workers=1, models=models(base))
    assert (report.photos, report.failures) == (4, ())


def test_list_files(base: Path) -> None:
    write_photo(base / "elsewhere/far.png", "black", seed=70)
    listed = base / "photos/list.txt"
    listed.write_text(f"red.png\r\n\n./blue.png\nred.png\n{base}/elsewhere/far.png\nnowhere.png\n../photos\n")
    report = index_photos(listed, base / "out", workers=1, models=models(base))
    assert ids(base) == sorted([f"{base}/elsewhere/far.png", "blue.png", "red.png"])
    assert report.failures == (
        Failure(path=f"{base}/photos", reason="not a file"),
        Failure(path="nowhere.png", reason="can't be read: No such file or directory"),
    )


def test_excluded_photos_leave_the_bundle(base: Path) -> None:
    index(base)
    assert index(base, exclude=["r*.png", "white.png"]).forgotten == 2
    assert ids(base) == ["blue.png", "green.png"]


def test_two_runs_at_once(base: Path) -> None:
    with Library.open(base / "out"), pytest.raises(LibraryError) as caught:
        index(base)
    assert str(caught.value) == (
        f"{base}/out is in use by another thinlens run; wait for its end, or choose another --out"
    )
    assert index(base).photos == 4


def test_of_many_runs_at_once_each_ends_well_or_is_told(base: Path) -> None:
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(index(base).photos)
        except LibraryError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 4 in outcomes
    assert set(outcomes) <= {4, LibraryInUseError}
    assert len(times_understood(models(base))) == 4


@pytest.mark.parametrize("out", ["photos/red.png", "photos/red.png/below", "/proc/nowhere"])
def test_an_output_folder_that_cannot_be_written(base: Path, out: str) -> None:
    with pytest.raises(OutputError, match=r"can't be written: .*; choose another folder with --out"):
        index_photos(base / "photos", base / out, workers=1, models=models(base))


def test_a_library_of_another_version_or_none_at_all_is_refused(base: Path) -> None:
    index(base)
    with Library.open(base / "out") as library, library._database.reading() as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LibraryError, match=r"is of version 99 \(expected 8\): use the thinlens that wrote it"):
        index(base)
    for path in (base / "out").glob("library.sqlite*"):
        path.unlink()
    (base / "out/library.sqlite").write_bytes(b"this is no database, but it is long enough to be looked at" * 100)
    with pytest.raises(LibraryError, match="is damaged: file is not a database; move it away and index again"):
        index(base)
