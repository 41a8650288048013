"""Fetching into a folder where others keep files too: what wasn't fetched is neither removed nor overwritten."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from export.errors import OutputError
from export.gallery.fetched_files import RECORD_FILE
from export.gallery.fetching import fetch_photos
from export.gallery.forgetting import always
from export.progress import Progress
from export.storage.folder_objects import FolderObjects
from tests.functional.export.galleries import write_photo


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    for name in ("family/red.jpg", "blue.jpg"):
        write_photo(tmp_path / "store" / name, Path(name).stem)
    return FolderObjects(tmp_path / "store")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def fetch(store: FolderObjects, out: Path) -> None:
    fetch_photos(store, out, exclude=(), progress=Progress(), may_forget=always)


def contents(folder: Path) -> dict[str, object]:
    """Every entry below a folder: the bytes of files, the targets of links, None of folders."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


def put_photo(out: Path) -> None:
    write_photo(out / "photos/mine.jpg", "green")


def put_photo_in_place_of_one_to_fetch(out: Path) -> None:
    write_photo(out / "photos/family/red.jpg", "green")


def put_link_to_folder(out: Path) -> None:
    write_photo(out / "elsewhere/red.jpg", "green")
    (out / "photos").mkdir()
    (out / "photos/family").symlink_to("../elsewhere")


def put_link_to_photo(out: Path) -> None:
    write_photo(out / "mine.jpg", "green")
    (out / "photos").mkdir()
    (out / "photos/blue.jpg").symlink_to("../mine.jpg")


def put_link_instead_of_folder(out: Path) -> None:
    write_photo(out / "pictures/mine.jpg", "green")
    (out / "photos").symlink_to("pictures")


@pytest.mark.parametrize(
    "put",
    [
        put_photo,
        put_photo_in_place_of_one_to_fetch,
        put_link_to_folder,
        put_link_to_photo,
        put_link_instead_of_folder,
    ],
)
def test_photos_that_were_not_fetched_stop_fetching(
    store: FolderObjects, out: Path, put: Callable[[Path], None]
) -> None:
    out.mkdir()
    put(out)
    before = contents(out)
    with pytest.raises(OutputError, match="nothing was removed or overwritten: choose another --out"):
        fetch(store, out)
    assert before.items() <= contents(out).items()


def test_files_that_are_no_photos_stay(store: FolderObjects, out: Path) -> None:
    (out / "photos/family").mkdir(parents=True)
    for name in ("diary.txt", "family/.DS_Store", "blue.jpg.partial", "Thumbs.db"):
        (out / "photos" / name).write_text("mine")
    before = contents(out)
    fetch(store, out)
    (store.folder / "blue.jpg").unlink()
    fetch(store, out)
    assert before.items() <= contents(out).items()
    assert not (out / "photos/blue.jpg").exists()


def test_a_fetched_photo_that_was_changed_stays(store: FolderObjects, out: Path) -> None:
    fetch(store, out)
    write_photo(out / "photos/blue.jpg", "green")
    before = contents(out)
    with pytest.raises(OutputError, match=r"changed since: blue\.jpg;"):
        fetch(store, out)
    assert before.items() <= contents(out).items()


@pytest.mark.parametrize("change", ["gone", "other"])
def test_a_change_that_keeps_size_and_date_is_seen_before_anything_is_lost(
    store: FolderObjects, out: Path, change: str
) -> None:
    fetch(store, out)
    path = out / "photos/blue.jpg"
    status, edited = path.stat(), b"X" * path.stat().st_size
    path.write_bytes(edited)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    if change == "gone":
        (store.folder / "blue.jpg").unlink()
        fetch(store, out)
    else:
        write_photo(store.folder / "blue.jpg", "yellow")
        os.utime(store.folder / "blue.jpg", (status.st_mtime + 10, status.st_mtime + 10))
        with pytest.raises(OutputError, match=r"were changed since they were fetched: blue\.jpg;"):
            fetch(store, out)
    assert path.read_bytes() == edited


def test_what_an_earlier_version_fetched_is_known_by_its_size_and_date(store: FolderObjects, out: Path) -> None:
    fetch(store, out)
    before = contents(out / "photos")
    (out / RECORD_FILE).unlink()
    fetch(store, out)
    assert contents(out / "photos") == before
    (store.folder / "blue.jpg").unlink()
    fetch(store, out)
    assert contents(out / "photos").keys() == {"family", "family/red.jpg"}


def test_what_a_killed_process_left_is_removed(store: FolderObjects, out: Path) -> None:
    fetch(store, out)
    (out / ".fetching/0123456789abcdef").write_bytes(b"half")
    (out / ".fetching/mine.jpg").write_bytes(b"mine")
    with (out / RECORD_FILE).open("a") as record:
        record.write('{"key": "ha')
    fetch(store, out)
    assert contents(out / ".fetching") == {"mine.jpg": b"mine"}


def test_a_damaged_record_is_refused(store: FolderObjects, out: Path) -> None:
    fetch(store, out)
    (out / RECORD_FILE).write_text('{"key": 1}\n')
    with pytest.raises(OutputError, match=r"line 1 of .*fetched\.jsonl is no record of a fetched file"):
        fetch(store, out)


NAMES = st.sampled_from(
    [
        "blue.jp",
        "blue.jpgx",
        "Blue.jpg",
        "blue.JPG",
        "BLUE.jpg",
        "red.jpg",
        "family.jpg",
        "family/rod.jpg",
        "note",
        "é.png",
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(NAMES, min_size=1, max_size=3), link=st.booleans(), first=st.booleans())
def test_files_of_others_stay_byte_for_byte(
    store: FolderObjects, tmp_path_factory: pytest.TempPathFactory, names: set[str], link: bool, first: bool
) -> None:
    out = tmp_path_factory.mktemp("out")
    if first:
        fetch(store, out)
    for name in names:
        path = out / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if link:
            path.symlink_to("nowhere")
        else:
            path.write_bytes(b"mine")
    foreign = {name: contents(out / "photos")[name] for name in names}
    with contextlib.suppress(OutputError):
        fetch(store, out)
    assert foreign.items() <= contents(out / "photos").items()
