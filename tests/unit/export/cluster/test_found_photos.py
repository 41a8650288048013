"""Which objects of a bucket are the photos of a run, by their listing."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.cluster.found_photos import find_photos
from export.errors import PhotosError
from export.photos.discovery import Exclusion
from export.storage.folder_objects import FolderObjects
from export.storage.object_store import ListedObject


class Listing(FolderObjects):
    """Objects that are listed, and no more than that."""

    def __init__(self, *keys: str) -> None:
        super().__init__(Path("s3://bucket/photos"))
        self._keys = keys

    @property
    def address(self) -> str:
        return "s3://bucket/photos"

    def objects(self, prefix: str) -> list[ListedObject]:
        return [ListedObject(key=key, size_bytes=len(key), modified_s=0.0, etag=key) for key in self._keys]


def test_photos_and_tables_are_found_by_their_names() -> None:
    found = find_photos(
        Listing("b.JPG", "a/c.png", "notes.txt", ".hidden.jpg", "columns.csv", "old/d.jpg", "../e.jpg", "a/.x/f.jpg"),
        Exclusion(["old"]),
        out="s3://bucket/library",
    )
    assert dict(found.keys) == {"a/c.png": "a/c.png", "b.JPG": "b.JPG"}
    assert found.photos["b.JPG"].size_bytes == 5
    assert found.photos["b.JPG"].stamp != found.photos["a/c.png"].stamp
    assert (list(found.tables), dict(found.unreadable)) == (["columns.csv"], {})


def test_pictures_of_programs_and_of_stores_are_no_photos() -> None:
    found = find_photos(
        Listing(
            "a.jpg",
            "nas/@eaDir/b.jpg/thumb.jpg",
            "gallery/current.json",
            "gallery/bundles/1/manifest.json",
            "gallery/thumbnails/ab/c.jpg",
            "library/thumbnails/ab/d.jpg",
        ),
        Exclusion([]),
        out="s3://bucket/photos/library",
    )
    assert list(found.photos) == ["a.jpg"]
    assert found.left_out == ("gallery/", "nas/@eaDir/")


def test_of_two_unicode_forms_of_a_name_one_is_taken() -> None:
    composed, decomposed = "\u00fc.jpg", "u\u0308.jpg"
    for keys in ((composed, decomposed), (decomposed, composed)):
        found = find_photos(Listing(*keys), Exclusion([]), out="s3://bucket/library")
        assert dict(found.keys) == {composed: composed}
        assert dict(found.unreadable) == {
            decomposed: "another photo has the same name in another Unicode form; rename one"
        }
    alone = find_photos(Listing(decomposed), Exclusion([]), out="s3://bucket/library")
    assert dict(alone.keys) == {composed: decomposed}


def test_no_photos() -> None:
    with pytest.raises(PhotosError, match=r"^s3://bucket/photos holds no photos; expected JPEG"):
        find_photos(Listing("notes.txt", "columns.csv"), Exclusion([]), out="s3://bucket/library")
