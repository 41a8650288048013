"""Where photos stand, and that a run that is killed leaves what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from export.library.library import Library
from export.library.records import Placement, WrittenBundle
from tests.functional.export.library.libraries import BUNDLE, fill, place, touched

NEXT = WrittenBundle(id="fedcba9876543210", fingerprint="0" * 64)
IDS = ["Z.jpg", "a.jpg", "é.jpg", "～.jpg", "😀.jpg"]  # bytewise; UTF-16 would have the last two the other way round


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path) as library:
        fill(library, {photo_id: photo_id for photo_id in reversed(IDS)}, understood=IDS)
        yield library


def test_a_new_library_has_placed_nothing(library: Library) -> None:
    assert library.placements.base() is None
    assert library.placements.of(IDS) == {}
    assert library.placements.count() == 0
    assert touched(library) == IDS


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
def test_pages_are_in_bytewise_order(library: Library, size: int) -> None:
    pages = list(library.placements.touched_pages(size))
    assert [photo_id for page in pages for photo_id in page] == IDS
    assert {len(page) for page in pages[:-1]} <= {size}


def test_a_page_is_read_when_it_is_asked_for(library: Library) -> None:
    pages = library.placements.touched_pages(2)
    assert next(pages) == IDS[:2]
    library.photos.forget(IDS[:3])
    fill(library, {"b.jpg": "b", "zz.jpg": "zz"}, understood=())
    assert [photo_id for page in pages for photo_id in page] == ["b.jpg", "zz.jpg", *IDS[2:]]


def test_photos_are_placed(library: Library) -> None:
    place(library, {"s1": IDS[1:3], "s2": [IDS[0]]})
    placements = library.placements
    assert (placements.base(), library.bundle(), touched(library)) == ("base", BUNDLE, [])
    assert placements.of([*IDS, "nowhere.jpg"]) == {
        "a.jpg": Placement(segment="s1", row=0),
        "é.jpg": Placement(segment="s1", row=1),
        "Z.jpg": Placement(segment="s2", row=0),
    }
    assert placements.photos_of("s1") == [(0, "a.jpg"), (1, "é.jpg")]
    assert placements.count() == 3


def test_segments_are_merged_and_photos_move_and_go(library: Library) -> None:
    place(library, {"s1": IDS[:2], "s2": IDS[2:3], "s3": IDS[3:5]})
    library.photos.forget(["é.jpg"])
    library.placements.replace(
        bundle=NEXT, base="other", placed={"s4": ["😀.jpg", "Z.jpg"]}, dropped=["s1"], gone=["é.jpg", "nowhere.jpg"]
    )
    placements = library.placements
    assert (placements.base(), library.bundle(), touched(library)) == ("other", NEXT, [])
    assert [placements.photos_of(segment) for segment in ("s1", "s2", "s3", "s4")] == [
        [],
        [],
        [(0, "～.jpg")],
        [(0, "😀.jpg"), (1, "Z.jpg")],
    ]
    assert "a.jpg" not in placements.of(IDS)


def test_a_replacement_that_ends_early_changes_nothing(library: Library) -> None:
    place(library, {"s1": IDS[:2], "s2": IDS[2:]})
    library.photos.edit("a.jpg", "Rex")

    def some_ids() -> Iterator[str]:
        yield "a.jpg"
        raise KeyboardInterrupt

    before = (library.placements.of(IDS), library.placements.base(), library.bundle())
    with pytest.raises(KeyboardInterrupt):
        library.placements.replace(
            bundle=NEXT, base="other", placed={"s3": some_ids()}, dropped=["s1"], gone=["😀.jpg"]
        )
    assert (library.placements.of(IDS), library.placements.base(), library.bundle()) == before
    assert touched(library) == ["a.jpg"]


def test_a_reset_touches_everything(library: Library, tmp_path: Path) -> None:
    place(library, {"s1": IDS})
    library.photos.forget(["a.jpg"])
    library.placements.reset()
    assert (library.placements.base(), library.placements.count(), library.bundle()) == (None, 0, BUNDLE)
    assert touched(library) == [photo_id for photo_id in IDS if photo_id != "a.jpg"]
