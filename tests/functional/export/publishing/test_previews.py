"""Previews: made of the photos for a store that lacks them, once, and sent beside the thumbnails."""

from __future__ import annotations

import io
import os
import shutil
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.errors import PublishingError
from export.library.records import KnownPhoto
from export.photos.content_hash import stamp_of
from export.photos.kept_pictures import Previews
from export.publishing.pruning import LEFT_ALONE_S, prune
from export.publishing.staged_bundle import Choices
from export.storage.folder_objects import FolderObjects
from export.understanding.previewing import LONG_SIDE_PX, make_preview, preview_task
from handler.search.searcher import Searcher
from tests.functional.export.galleries import write_photo
from tests.functional.export.stores import (
    FaultyStore,
    KilledError,
    index_colours,
    publish_quietly,
    receive,
    write_out,
)

WITH_PREVIEWS = Choices(previews=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue")):
        write_photo(tmp_path / f"photos/{colour}.jpg", colour, seed=number)
    return tmp_path / "photos"


@pytest.fixture
def out(photos: Path, tmp_path: Path) -> Path:
    index_colours(photos, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def previews_in(store: FolderObjects) -> dict[str, float]:
    """When each preview was written, by its key."""
    return {found.key: found.modified_s for found in store.objects("previews/")}


def searcher(store: FolderObjects) -> Searcher:
    return Searcher(receive({"THINLENS_BUNDLE": str(store.folder)}))


def task_of(path: Path) -> KnownPhoto:
    status = path.stat()
    return KnownPhoto(id=path.name, size_bytes=status.st_size, stamp=stamp_of(status), content="ab" * 32)


def make(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(make_preview(preview_task(path.parent, task_of(path)), nullcontext())))


def test_a_preview_is_upright_and_small_enough_and_says_nothing_else(tmp_path: Path) -> None:
    pixels = np.zeros((1_200, 2_400, 3), np.uint8)
    pixels[:, :1_200] = (200, 30, 30)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    Image.fromarray(pixels).save(tmp_path / "large.jpg", exif=exif, icc_profile=b"x" * 200, quality=95)
    preview = make(tmp_path / "large.jpg")
    assert (preview.format, preview.size) == ("WEBP", (LONG_SIDE_PX // 2, LONG_SIDE_PX))
    assert set(preview.info) <= {"background", "loop", "duration", "timestamp"}
    top, bottom = (preview.convert("RGB").getpixel((400, y)) for y in (100, 1_500))
    assert np.abs(np.array(top) - (200, 30, 30)).max() < 12
    assert np.array(bottom).max() < 12


def test_a_preview_is_never_larger_than_the_photo(tmp_path: Path) -> None:
    assert make(write_photo(tmp_path / "small.png", "red")).size == (64, 48)


def test_previews_go_along_and_answers_lead_to_them(out: Path, store: FolderObjects) -> None:
    publish_quietly(out, store, WITH_PREVIEWS)
    (result,) = searcher(store).search("a photo of a red wall", k=1)["results"]
    assert result["preview_url"] is not None
    with Image.open(store.folder / result["preview_url"]) as preview:
        assert (preview.format, preview.size) == ("WEBP", (64, 48))
    assert len(previews_in(store)) == 3


def test_without_previews_there_are_no_addresses_of_any(out: Path, store: FolderObjects) -> None:
    publish_quietly(out, store)
    assert previews_in(store) == {}
    assert [result["preview_url"] for result in searcher(store).search("red", min_relevance=0)["results"]] == [None] * 3


def test_a_photo_that_stays_costs_nothing(photos: Path, out: Path, store: FolderObjects, tmp_path: Path) -> None:
    first = publish_quietly(out, store, WITH_PREVIEWS)
    written = previews_in(store)
    for path in (out / "previews").rglob("*.webp"):
        path.unlink()
    (photos / "red.jpg").rename(photos / "moved.jpg")
    write_photo(photos / "white.jpg", "white")
    index_colours(photos, out)
    second = publish_quietly(out, store, WITH_PREVIEWS)
    assert second.replaced == first.bundle
    assert len(Previews(out).contents()) == 1  # of the new photo alone
    assert len(previews_in(store)) == 4
    assert previews_in(store).items() >= written.items()
    assert publish_quietly(out, store, WITH_PREVIEWS).sent_bytes == 0


def test_a_killed_run_goes_on_where_it_was(photos: Path, out: Path, store: FolderObjects) -> None:
    with pytest.raises(KilledError):
        publish_quietly(out, FaultyStore(store, at=1), WITH_PREVIEWS)
    assert len(Previews(out).contents()) == 3
    for path in photos.iterdir():
        path.unlink()
    publish_quietly(out, store, WITH_PREVIEWS)
    assert len(previews_in(store)) == 3


def test_a_photo_that_changed_is_not_shown_as_it_was(photos: Path, out: Path, store: FolderObjects) -> None:
    write_photo(photos / "red.jpg", "yellow")
    with pytest.raises(
        PublishingError, match=r"^1 of 3 previews can't be made, of red\.jpg: it changed .*--no-previews"
    ):
        publish_quietly(out, store, WITH_PREVIEWS)
    assert len(Previews(out).contents()) == 2
    assert store.objects("") == []


def test_a_library_without_the_photos_says_what_to_do(tmp_path: Path, store: FolderObjects) -> None:
    write_out(tmp_path / "other")
    shutil.rmtree(tmp_path / "other/previews")
    with pytest.raises(PublishingError, match="doesn't say where its photos lie: index again"):
        publish_quietly(tmp_path / "other", store, WITH_PREVIEWS)


def test_pruning_keeps_what_is_shown_and_removes_the_others(photos: Path, out: Path, store: FolderObjects) -> None:
    publish_quietly(out, store, WITH_PREVIEWS)
    (photos / "red.jpg").unlink()
    index_colours(photos, out)
    publish_quietly(out, store, WITH_PREVIEWS)
    for key in previews_in(store):
        os.utime(store.folder / key, (0, time.time() - LEFT_ALONE_S - 60))
    assert prune(store, keep=2).pictures == 0
    assert prune(store, keep=1).pictures == 1  # its thumbnail was written today
    assert len(previews_in(store)) == 2
    publish_quietly(out, store, replace(WITH_PREVIEWS, previews=False))
    assert prune(store, keep=2).pictures == 0
    assert prune(store, keep=1).pictures == 2
    assert previews_in(store) == {}
