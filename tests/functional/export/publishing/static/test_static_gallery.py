"""Publishing a static gallery: what lies in the store, what is left alone, and what is refused."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from export.errors import LostRaceError, PublishingError
from export.progress import Progress
from export.publishing.staged_bundle import Choices
from export.publishing.static import browser_form, browser_runtime, static_gallery
from export.publishing.static.browser_runtime import MACHINE, MODULE, fetch_runtime
from export.publishing.static.static_gallery import StaticPublication, publish_static
from export.storage.folder_objects import FolderObjects
from handler.bundle.photos.addresses import preview, thumbnail
from tests.functional.export.publishing.static.sites import tiny_choices
from tests.functional.export.stores import STRICT, publish_quietly, write_out
from tests.functional.handler.artefacts import PHOTOS, BundleChoices, content_of


def no_runtime() -> Mapping[str, bytes]:
    return {MODULE: b"export {};", MACHINE: b"a machine"}


def publish(out: Path, store: FolderObjects) -> StaticPublication:
    return publish_static(out, store, Choices(force=True), Progress(), runtime=no_runtime)


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> BundleChoices:
    return tiny_choices(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def out(tmp_path: Path, choices: BundleChoices) -> Path:
    write_out(tmp_path / "out", PHOTOS, choices)
    return tmp_path / "out"


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "site")


def keys(store: FolderObjects) -> set[str]:
    return {found.key for found in store.objects("")}


def said(store: FolderObjects) -> Any:
    """What the page says of its files."""
    page = (store.folder / "index.html").read_text(encoding="utf-8")
    found = re.search('name="thinlens-gallery" content="([^"]*)"', page)
    assert found is not None
    return json.loads(html.unescape(found[1]))


def shown(store: FolderObjects) -> list[dict[str, Any]]:
    """What the site has of its photos."""
    file = store.folder / said(store)["files"]["photos"]["path"]
    photos: list[dict[str, Any]] = json.loads(gzip.decompress(file.read_bytes()))["photos"]
    return photos


def test_a_page_names_what_it_is_made_of_by_what_that_holds(out: Path, store: FolderObjects) -> None:
    done = publish(out, store)
    assert done.photos == len(PHOTOS)
    files = said(store)["files"]
    held = {name: gzip.decompress((store.folder / each["path"]).read_bytes()) for name, each in files.items()}
    assert held["runtime"] == b"a machine"
    assert held["weights"] == (out / "bundle/encoder.bin").read_bytes()
    assert [photo["id"] for photo in json.loads(held["photos"])["photos"]] == sorted(photo.id for photo in PHOTOS)
    page = (store.folder / "index.html").read_text(encoding="utf-8")
    for name in re.findall('(?:src|href)="(gallery/[^"]+)"', page):
        assert (store.folder / name).is_file()
    assert {key for key in keys(store) if key.startswith("thumbnails/")} == {
        thumbnail(content_of(photo.id)) for photo in PHOTOS
    }
    assert done.fetched_bytes < static_gallery.MOST_BYTES


def test_previews_go_along_where_they_are_wanted(out: Path, store: FolderObjects) -> None:
    choices = Choices(force=True, previews=True)
    publish_static(out, store, choices, Progress(), runtime=no_runtime)
    expected = {preview(content_of(photo.id)) for photo in PHOTOS}
    assert {photo["preview_url"] for photo in shown(store)} == expected
    assert {key for key in keys(store) if key.startswith("previews/")} == expected
    assert publish_static(out, store, choices, Progress(), runtime=no_runtime).sent_bytes == 0
    publish(out, store)
    assert {photo["preview_url"] for photo in shown(store)} == {None}
    assert not any(key.startswith("previews/") for key in keys(store))


def test_what_is_there_is_not_sent_again(out: Path, store: FolderObjects) -> None:
    first = publish(out, store)
    there = keys(store)
    again = publish(out, store)
    assert (again.sent_bytes, again.removed) == (0, 0)
    assert first.sent_bytes > first.fetched_bytes
    assert keys(store) == there


def test_a_photo_that_is_gone_is_gone_from_the_site_and_nothing_of_anybody_else(
    out: Path, store: FolderObjects, choices: BundleChoices
) -> None:
    publish(out, store)
    others = ("thumbnails/mine.jpg", "gallery/notes.txt", "gallery/0123456789abcdef/mine.txt", "readme.txt")
    for name in others:
        (store.folder / name).parent.mkdir(exist_ok=True)
        (store.folder / name).write_text("mine")
    photos_before = said(store)["files"]["photos"]["path"]
    write_out(out, PHOTOS[1:], choices)
    assert publish(out, store).removed == 1
    assert thumbnail(content_of(PHOTOS[0].id)) not in keys(store)
    assert photos_before in keys(store), "whoever has the page open goes on with its files"
    write_out(out, PHOTOS[2:], choices)
    publish(out, store)
    assert photos_before not in keys(store)
    assert keys(store) > set(others)


@pytest.mark.parametrize("name", ["index.html", "service-worker.js"])
def test_a_page_of_somebody_else_stays(out: Path, store: FolderObjects, name: str) -> None:
    store.folder.mkdir()
    (store.folder / name).write_text("mine")
    with pytest.raises(PublishingError, match=f"holds {name}, which Thinlens didn't write; nothing was overwritten"):
        publish(out, store)
    assert keys(store) == {name}
    assert (store.folder / name).read_text() == "mine"


def test_a_store_of_bundles_is_no_place_for_a_site(out: Path, store: FolderObjects, tmp_path: Path) -> None:
    write_out(tmp_path / "other")
    publish_quietly(tmp_path / "other", store)
    there = keys(store)
    with pytest.raises(PublishingError, match="holds bundles for a function"):
        publish(out, store)
    assert keys(store) == there


def test_of_two_who_publish_at_once_one_is_told(out: Path, store: FolderObjects, choices: BundleChoices) -> None:
    publish(out, store)
    write_out(out, PHOTOS[1:], choices)

    def meanwhile() -> Mapping[str, bytes]:
        page = store.folder / "index.html"
        page.write_text(page.read_text().replace("<title>", "<title>Another "))
        return no_runtime()

    with pytest.raises(LostRaceError, match="somebody else has published"):
        publish_static(out, store, Choices(force=True), Progress(), runtime=meanwhile)
    assert thumbnail(content_of(PHOTOS[0].id)) in keys(store)


def test_what_a_browser_cannot_do_is_refused(out: Path, store: FolderObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_form, "MOST_PHOTOS", 5)
    with pytest.raises(PublishingError, match=r"holds 6 photos \(expected up to 5 for --static"):
        publish(out, store)
    monkeypatch.undo()
    monkeypatch.setattr(static_gallery, "MOST_BYTES", 100_000)
    with pytest.raises(PublishingError, match=r"would fetch 0.1 MB before searching \(expected up to 0 MB\)"):
        publish(out, store)
    monkeypatch.undo()
    write_out(out, PHOTOS, STRICT)
    with pytest.raises(PublishingError, match=r"tokenizer is made of WordLevel, .* \(expected WordPiece, "):
        publish(out, store)
    assert keys(store) == set()


def test_npm_has_to_be_there_and_to_bring_what_is_expected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PublishingError, match="--static needs npm"):
        fetch_runtime()
    npm.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2; exit 1\n")
    npm.chmod(0o755)
    with pytest.raises(PublishingError, match=f"npm can't fetch {browser_runtime.PACKAGE}.*: npm error code ENOTFOUND"):
        fetch_runtime()
    npm.write_text("#!/bin/sh\necho other > onnxruntime-web.tgz\n")
    with pytest.raises(PublishingError, match=r"as npm fetched it is sha512-.* \(expected sha512-q0y"):
        fetch_runtime()
