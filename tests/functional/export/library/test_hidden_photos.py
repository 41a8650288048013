"""What people want of photos in the library: to be hidden, and to have keywords or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from export.errors import PhotosError, UnknownPhotoError
from export.library.library import Library
from export.library.understanding_table import has_keyword, with_keywords
from tests.functional.export.library.libraries import BY, fill, known, place, touched


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path) as library:
        fill(library, {"a.jpg": "A", "b.jpg": "B", "copy.jpg": "A"}, understood=["A", "B"])
        place(library, {"s": ["a.jpg", "b.jpg", "copy.jpg"]})
        yield library


def shown(library: Library) -> list[str]:
    photos = library.understandings.photos(sorted(library.photos.ids()), BY)
    sampled = library.understandings.sample(9, BY)
    assert {photo.content for photo in sampled} == {photo.content for photo in photos}
    assert library.understandings.count(BY) == len(photos)
    return [photo.id for photo in photos]


def test_a_hidden_photo_is_hidden_with_its_copies_and_stays_in_the_library(library: Library) -> None:
    revision = library.revision()
    library.photos.hide(["copy.jpg"])
    assert (shown(library), touched(library)) == (["b.jpg"], ["a.jpg", "copy.jpg"])
    assert [photo.id for photo in library.photos.hidden()] == ["a.jpg", "copy.jpg"]
    assert library.photos.ids() == {"a.jpg", "b.jpg", "copy.jpg"}
    assert library.revision() > revision
    place(library, {})
    library.photos.show(["a.jpg"])
    assert (shown(library), touched(library)) == (["a.jpg", "b.jpg", "copy.jpg"], ["a.jpg", "copy.jpg"])


def test_what_was_hidden_last_is_listed_first(library: Library) -> None:
    library.photos.put([known("c.jpg", "C")])
    for photo in ("a.jpg", "c.jpg"):
        library.photos.hide([photo])
    assert [photo.id for photo in library.photos.hidden()] == ["c.jpg", "a.jpg", "copy.jpg"]


def test_a_hidden_photo_that_changes_or_moves_stays_hidden(library: Library) -> None:
    library.photos.hide(["a.jpg"])
    library.photos.put([known("a.jpg", "changed")])
    library.photos.forget(["a.jpg"])
    library.photos.put([known("moved.jpg", "changed")])
    assert [photo.id for photo in library.photos.hidden()] == ["moved.jpg", "copy.jpg"]


def test_all_photos_or_unknown_ones_hide_none(library: Library) -> None:
    with pytest.raises(PhotosError, match="no photo would be left; at least one has to stay"):
        library.photos.hide(["a.jpg", "b.jpg"])
    for act in (library.photos.hide, library.photos.show):
        with pytest.raises(UnknownPhotoError, match="no photo 'nobody.jpg'"):
            act(["a.jpg", "nobody.jpg"])
    assert (library.photos.hidden(), touched(library)) == ([], [])


def test_keywords_are_those_of_the_file_and_the_table_and_what_was_said_last(library: Library) -> None:
    library.photos.put_columns({"a.jpg": {"keywords": ("Old", "red"), "place": "Rome"}, "copy.jpg": {"keywords": 7.0}})
    for keyword, given in (("old", False), ("Dog", True), ("DOG", False), ("dog", True), ("cat", False)):
        library.photos.put_keyword(["a.jpg"], keyword, given=given)
    photos = library.understandings.photos(["a.jpg", "b.jpg", "copy.jpg"], BY)
    assert {photo.id: photo.columns for photo in photos} == {
        "a.jpg": {"keywords": ("red", "dog"), "place": "Rome"},
        "b.jpg": {},
        "copy.jpg": {"keywords": ("7", "dog")},
    }
    assert touched(library) == ["a.jpg", "copy.jpg"]
    with pytest.raises(UnknownPhotoError):
        library.photos.put_keyword(["a.jpg", "nobody.jpg"], "dog", given=False)


def test_keywords_in_whatever_form_the_columns_have_them() -> None:
    assert with_keywords({"keywords": "Sky"}, {}) == {"keywords": "Sky"}
    assert with_keywords({"keywords": "Sky", "place": "Rome"}, {"sky": False}) == {"place": "Rome"}
    assert with_keywords({}, {"sky": True}) == {"keywords": ("sky",)}
    assert has_keyword({"keywords": "Blue  Sky"}, "blue sky")
    assert not has_keyword({"keywords": ("sky",), "place": "blue"}, "blue")
