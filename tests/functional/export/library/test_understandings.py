"""Which photos are understood: those that are asked for, all of them by pages, a sample, and how many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.library import database
from export.library.library import Library
from tests.functional.export.library.libraries import BY, CAPTIONER, INSTRUCTIONS, content_of, fill, known, learnt

UNDERSTOOD = {"a.jpg": "one", "b.jpg": "one", "c.jpg": "two", "d.jpg": "three", "é.jpg": "four"}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(database, "_ASKED_AT_ONCE", 2)
    with Library.open(tmp_path) as library:
        fill(library, {**UNDERSTOOD, "new.jpg": "new"}, understood=UNDERSTOOD.values())
        yield library


def ids_of(library: Library, ids: list[str], instructions: tuple[str, ...] = INSTRUCTIONS) -> list[str]:
    photos = library.understandings.photos(ids, replace(BY, instructions=instructions))
    return [photo.id for photo in photos]


def test_photos_that_are_asked_for_come_in_bytewise_order(library: Library) -> None:
    assert ids_of(library, ["é.jpg", "new.jpg", "c.jpg", "nowhere.jpg", "c.jpg", "a.jpg"]) == [
        "a.jpg",
        "c.jpg",
        "é.jpg",
    ]
    assert ids_of(library, []) == []
    [photo] = library.understandings.photos(["b.jpg"], BY)
    assert photo.content == content_of("one")
    assert photo.captions == learnt("one").captions


def test_an_answer_to_each_instruction_is_expected(library: Library) -> None:
    asked = (*INSTRUCTIONS, "Is it dark?")
    assert ids_of(library, list(UNDERSTOOD), asked) == []
    with library._database.transaction() as connection:
        connection.execute("INSERT INTO captions VALUES (?, ?, 'Is it dark?', 'yes')", (content_of("one"), CAPTIONER))
    assert ids_of(library, list(UNDERSTOOD), asked) == ["a.jpg", "b.jpg"]
    by = replace(BY, instructions=asked)
    assert library.understandings.understood(by) == {content_of("one")}
    assert library.understandings.count(by) == 2
    assert [photo.id for photo in library.understandings.sample(5, by)] == ["a.jpg"]


def test_a_view_is_expected_where_one_is_wanted(library: Library) -> None:
    by = replace(BY, image_encoder="v" * 64)
    assert library.understandings.understood(by) == set()
    assert library.understandings.captioned(by) == {content_of(name) for name in UNDERSTOOD.values()}
    seen = replace(learnt("two", first=0.25), captions={})
    library.understandings.put([seen], by)
    assert library.understandings.understood(by) == library.understandings.seen(by) == {content_of("two")}
    assert [photo.id for photo in library.understandings.photos(list(UNDERSTOOD), by)] == ["c.jpg"]
    [photo] = library.understandings.sample(5, by)
    assert photo.captions == learnt("two").captions
    assert library.understandings.views([content_of("two")], image_encoder="v" * 64).tolist() == [[0.25, 0.5]]
    assert library.understandings.views([content_of("two")], image_encoder=CAPTIONER).tolist() == [[1.0, 0.5]]
    assert library.understandings.count(replace(BY, image_encoder=None)) == 5


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_pages_hold_all(library: Library, size: int) -> None:
    pages = list(library.understandings.pages(size, BY))
    assert [photo.id for page in pages for photo in page] == list(UNDERSTOOD)
    assert max(map(len, pages)) <= size


def test_counts(library: Library) -> None:
    assert library.understandings.count(BY) == 5
    assert library.understandings.count(replace(BY, captioner="other")) == 0
    assert library.failures.count() == 0
    library.failures.put_broken(content_of("new"), decoder="1", reason="no image")
    library.failures.put_broken(content_of("gone"), decoder="1", reason="no image")
    library.failures.put_unreadable({"x.jpg": "denied"})
    assert library.failures.count() == len(library.failures.all()) == 2


def test_one_photo_of_each_content(library: Library) -> None:
    library.photos.put([known("é.jpg", "two", stamp=5)])
    found = library.photos.of_contents([content_of(name) for name in ("two", "one", "three", "nowhere")])
    assert found == [known("a.jpg", "one"), known("c.jpg", "two"), known("d.jpg", "three")]


def test_texts_without_a_vector_come_once_and_in_order(library: Library) -> None:
    library.text_vectors.put(["b", "d"], np.ones((2, 3), np.float32), encoder="e")
    assert library.text_vectors.missing(iter(["c", "b", "a", "c", "", "d"]), encoder="e") == ["c", "a", ""]
    assert library.text_vectors.missing(["b"], encoder="other") == ["b"]


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), st.sampled_from("abcdefgh")), st.data())
def test_a_sample_depends_on_the_photos_alone(photos: dict[str, str], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 10))
    shuffled = data.draw(st.permutations(list(photos.items())))
    first_ids: dict[str, str] = {}
    for photo_id in sorted(photos):
        first_ids.setdefault(content_of(photos[photo_id]), photo_id)
    expected = sorted(photo_id for _, photo_id in sorted(first_ids.items())[:count])
    for order in (photos.items(), shuffled):
        with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder)) as library:
            for photo_id, name in order:
                fill(library, {photo_id: name, "new.jpg": "new"}, understood=(name,))
            sample = library.understandings.sample(count, BY)
        assert [photo.id for photo in sample] == expected
