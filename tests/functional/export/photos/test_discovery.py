"""Finding photos: folders, links, names and lists, all without opening a photo."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from export.errors import PhotosError
from export.photos.content_hash import stamp_of
from export.photos.discovery import Discovery, FoundPhoto, discover
from export.pictures.formats import FORMATS, SUFFIXES


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def ids(discovery: Discovery) -> list[str]:
    return [photo.id for photo in discovery.photos]


def test_what_is_found_of_a_photo(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.jpg")
    stamp = stamp_of((tmp_path / "a/b.jpg").stat())
    assert discover(tmp_path) == Discovery(
        root=tmp_path,
        photos=(FoundPhoto(id="a/b.jpg", size_bytes=7, stamp=stamp),),
        unreadable={},
    )


def test_photos_are_told_by_their_suffix_in_any_case_and_sorted_by_bytes(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(f"photo{suffix}" for suffix in SUFFIXES),
        "Z.JPG",
        "é.Png",
        "a.txt",
        "b.mov",
        "c",
        "jpg",
        "d.jpg.xmp",
    )
    assert ids(discover(tmp_path)) == ["Z.JPG", *(f"photo{suffix}" for suffix in SUFFIXES), "é.Png"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "._a.jpg", ".b.jpg", ".git/c.jpg", "d/.e/f.jpg", "d/._g.jpg", ".jpg")
    assert ids(discover(tmp_path)) == ["a.jpg"]


@pytest.mark.parametrize(
    ("globs", "left"),
    [
        ([], ["2019/private/e.jpg", "a/screenshots/b.png", "c/d.gif", "f.jpg", "screenshots.jpg"]),
        (["screenshots"], ["2019/private/e.jpg", "c/d.gif", "f.jpg", "screenshots.jpg"]),
        (["*.gif", "*.jpg"], ["a/screenshots/b.png"]),
        (["2019/private/"], ["a/screenshots/b.png", "c/d.gif", "f.jpg", "screenshots.jpg"]),
        (["20*/p*"], ["a/screenshots/b.png", "c/d.gif", "f.jpg", "screenshots.jpg"]),
        (["[fs]*"], ["2019/private/e.jpg", "c/d.gif"]),
    ],
)
def test_exclusion(tmp_path: Path, globs: list[str], left: list[str]) -> None:
    names = ["2019/private/e.jpg", "a/screenshots/b.png", "c/d.gif", "f.jpg", "screenshots.jpg"]
    touch(tmp_path, *names)
    assert ids(discover(tmp_path, exclude=globs)) == left
    (tmp_path / "list").write_text("\n".join(names))
    assert ids(discover(tmp_path / "list", exclude=globs)) == left


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/c.jpg")
    (tmp_path / "a/b/up").symlink_to("../..")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "0 first").symlink_to("a")
    found = discover(tmp_path)
    assert ids(found) == ["a/b/c.jpg"]
    assert found.unreadable == {"self.jpg": "can't be read: Too many levels of symbolic links"}


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "outside/deep/a.jpg", "outside/b.jpg", "photos/c.jpg")
    (tmp_path / "photos/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "photos/file.jpg").symlink_to(tmp_path / "outside/b.jpg")
    (tmp_path / "photos/gone.jpg").symlink_to(tmp_path / "nowhere")
    found = discover(tmp_path / "photos")
    assert ids(found) == ["c.jpg", "file.jpg", "folder/b.jpg", "folder/deep/a.jpg"]
    assert found.unreadable == {"gone.jpg": "can't be read: No such file or directory"}


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    found = discover(tmp_path)
    assert ids(found) == ["a.jpg"]
    assert found.unreadable == {"pipe.jpg": "not a file"}


def test_names_that_are_not_text(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / os.fsdecode(b"f\xf6lder")).mkdir()
    touch(tmp_path, os.fsdecode(b"f\xf6lder/b.jpg"))
    found = discover(tmp_path)
    assert ids(found) == ["a.jpg"]
    assert found.unreadable == {"f\\xf6lder/b.jpg": "its name is not valid UTF-8; rename it"}


def test_paths_that_are_too_long(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b/c.jpg")
    name = "d" * 250
    folder = os.open(tmp_path / "b", os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    found = discover(tmp_path)
    assert ids(found) == ["a.jpg", "b/c.jpg"]
    ((path, reason),) = found.unreadable.items()
    assert path.startswith(f"b/{name}/{name}")
    assert reason == "the folder can't be read: File name too long"


def test_lists_of_lines_and_of_nul_terminated_names(tmp_path: Path) -> None:
    touch(tmp_path, "a b.jpg", "new\nline.jpg", "sub/c", "sub/.hidden.jpg")
    (tmp_path / "lines").write_text("a b.jpg\r\n\nsub/../sub/c\n./a b.jpg\nsub/.hidden.jpg\n")
    (tmp_path / "nul").write_bytes(b"new\nline.jpg\0a b.jpg\0")
    assert ids(discover(tmp_path / "lines")) == ["a b.jpg", "sub/.hidden.jpg", "sub/c"]
    assert ids(discover(tmp_path / "nul")) == ["a b.jpg", "new\nline.jpg"]


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        ("nowhere", "nowhere: No such file or directory; expected a folder of photos or a list file"),
        ("empty", f"empty holds no photos; expected {', '.join(each.name for each in FORMATS)}"),
        ("a.jpg", "a.jpg is a photo; expected the folder in which photos lie, or a file that lists them"),
        ("list", "the first of them, gone.jpg, because can't be read: No such file or directory"),
    ],
)
def test_what_cannot_be_indexed(tmp_path: Path, photos: str, message: str) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "list").write_text("gone.jpg\n")
    with pytest.raises(PhotosError) as caught:
        discover(tmp_path / photos)
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa.jpg\r\nb.jpg\r\n", b"a.jpg\0b.jpg\0", b"\xef\xbb\xbfa.jpg\nb.jpg"])
def test_lists_as_editors_on_windows_write_them(tmp_path: Path, content: bytes) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_bytes(content)
    assert ids(discover(tmp_path / "list.txt")) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",), "thumbnails of a Synology disk"),
        (("Catalog Previews.lrdata/0/a.jpg",), "previews of Lightroom or Capture One"),
        (("#recycle/a.jpg",), "a recycle bin"),
        (("$RECYCLE.BIN/S-1-5/a.jpg",), "a recycle bin"),
        (("out/library.sqlite", "out/bundles/x", "out/thumbnails/a.jpg"), "an output folder of Thinlens"),
        (("site/current.json", "site/bundles/x", "site/photos/a.jpg"), "published by Thinlens"),
    ],
)
def test_pictures_that_programs_made_are_left_out_and_it_is_said(
    tmp_path: Path, names: tuple[str, ...], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "mine.jpg", "more/bundles/mine.jpg", *names, *(f"deep/{name}" for name in names))
    with caplog.at_level(logging.WARNING):
        assert ids(discover(tmp_path)) == ["mine.jpg", "more/bundles/mine.jpg"]
    folder = names[0].partition("/")[0]
    first = min(folder, f"deep/{folder}")
    assert [record.getMessage() for record in caplog.records] == [f"Left out as {kind}: {first}, and 1 more"]


def test_of_a_library_of_apple_photos_the_originals_are_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    library = "Photos.photoslibrary"
    touch(tmp_path, f"{library}/originals/a.heic", f"{library}/resources/derivatives/b.jpg", f"{library}/scopes/c.jpg")
    with caplog.at_level(logging.WARNING):
        assert ids(discover(tmp_path)) == [f"{library}/originals/a.heic"]
    assert f"Left out as previews of Apple Photos: {library}/resources, and 1 more" in caplog.text
