"""Every kind of change touches the photos that it changes, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.library.library import Library
from export.library.records import ContentUnderstanding, TextLine
from tests.functional.export.library.libraries import (
    BY,
    CAPTIONER,
    FACTS,
    INSTRUCTIONS,
    content_of,
    fill,
    known,
    learnt,
    place,
    touched,
)

Change = Callable[[Library], object]
COLUMNS = {"c.jpg": {"place": "Paris"}, "stranger.jpg": {"place": "Rome"}}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path) as library:
        fill(library, {"a.jpg": "one", "b.jpg": "one", "c.jpg": "two", "d.jpg": "three"}, understood=("one", "two"))
        library.photos.edit("c.jpg", "Rex")
        library.photos.put_columns(COLUMNS)
        put_text("two", "OPEN")(library)
        place(library, {"0": ["a.jpg", "b.jpg", "c.jpg"]})
        assert touched(library) == []
        yield library


def put(*photos: tuple[str, str], **values: int) -> Change:
    return lambda library: library.photos.put([known(photo_id, name, **values) for photo_id, name in photos])


def learn(name: str, *, captioner: str = CAPTIONER, **values: Any) -> Change:
    found = learnt(name, **values)
    return lambda library: library.understandings.put([found], replace(BY, captioner=captioner))


def put_facts(name: str, **values: Any) -> Change:
    facts = replace(FACTS, **values)
    found = ContentUnderstanding(content=content_of(name), facts=facts, captions={}, view=None)
    return lambda library: library.understandings.put([found], BY)


def put_text(name: str, *texts: str, reader: str = "r", failure: str | None = None) -> Change:
    lines = [TextLine(text=text, box=(0.1, 0.2, 0.3, 0.4), confidence=0.9) for text in texts]
    content = content_of(name)
    return lambda library: library.texts.put(
        {} if failure else {content: lines}, reader=reader, failures={content: failure} if failure else None
    )


def put_columns(columns: dict[str, dict[str, str]]) -> Change:
    return lambda library: library.photos.put_columns(columns)


def execute(statement: str, *values: object) -> Change:
    def change(library: Library) -> None:
        with library._database.transaction() as connection:
            connection.execute(statement, values)

    return change


def put_vectors(library: Library) -> None:
    library.text_vectors.put(["a dog"], np.ones((1, 2), np.float32), encoder="e")


ONE, TWO, THREE = content_of("one"), content_of("two"), content_of("three")
CHANGES: dict[str, tuple[Change, list[str]]] = {
    "a photo is added": (put(("new.jpg", "four")), ["new.jpg"]),
    "another photo of a content is added": (put(("new.jpg", "one")), ["new.jpg"]),
    "photos are put as they were": (put(("a.jpg", "one"), ("c.jpg", "two")), []),
    "a photo's date changes": (put(("c.jpg", "two"), stamp=2), []),
    "a photo's size changes": (put(("c.jpg", "two"), size_bytes=101), ["c.jpg"]),
    "a photo's content changes": (put(("b.jpg", "four")), ["b.jpg"]),
    "a photo is removed": (lambda library: library.photos.forget(["c.jpg", "nowhere.jpg"]), ["c.jpg"]),
    "a photo is renamed": (execute("UPDATE photos SET id = 'e.jpg' WHERE id = 'c.jpg'"), ["c.jpg", "e.jpg"]),
    "a photo is replaced": (execute("INSERT OR REPLACE INTO photos VALUES ('c.jpg', 1, 1, ?)", ONE), ["c.jpg"]),
    "captions are written anew as they were": (learn("one"), []),
    "a caption changes": (learn("one", text="a cat"), ["a.jpg", "b.jpg"]),
    "names change": (learn("two", names="dog"), ["c.jpg"]),
    "a view changes": (learn("two", first=0.5), ["c.jpg"]),
    "another captioner understands": (learn("two", captioner="other"), ["c.jpg"]),
    "a photo is understood": (learn("three"), ["d.jpg"]),
    "what no photo shows is understood": (learn("four"), []),
    "a caption is removed": (execute("DELETE FROM captions WHERE content = ?", ONE), ["a.jpg", "b.jpg"]),
    "a caption is replaced": (
        execute("INSERT OR REPLACE INTO captions VALUES (?, ?, ?, 'x')", TWO, CAPTIONER, INSTRUCTIONS[0]),
        ["c.jpg"],
    ),
    "a view is removed": (execute("DELETE FROM views WHERE content = ?", TWO), ["c.jpg"]),
    "another image encoder sees": (execute("INSERT INTO views VALUES (?, 'other', x'00')", TWO), ["c.jpg"]),
    "facts are read as they were": (put_facts("one"), []),
    "facts are read by another reader": (execute("UPDATE contents SET reader = reader + 1"), []),
    "facts change": (put_facts("one", taken="2024-05-01", noted=None), ["a.jpg", "b.jpg"]),
    "what people wrote into a file changes": (put_facts("one", written='{"title": "x"}'), ["a.jpg", "b.jpg"]),
    "text is read": (put_text("one", "EXIT"), ["a.jpg", "b.jpg"]),
    "there is no text": (put_text("one"), []),
    "text can't be read": (put_text("one", failure="killed"), []),
    "text is read that was read before": (put_text("two", "OPEN"), []),
    "another reader reads the same text": (put_text("two", "OPEN", reader="other"), []),
    "another reader can't read the text": (put_text("two", reader="other", failure="killed"), []),
    "another reader reads another text": (put_text("two", "OPEN", "late"), ["c.jpg"]),
    "another reader finds no text": (put_text("two"), ["c.jpg"]),
    "text is removed": (execute("DELETE FROM texts"), ["c.jpg"]),
    "facts are removed": (execute("DELETE FROM contents WHERE content = ?", TWO), ["c.jpg"]),
    "facts go to another content": (
        execute("UPDATE contents SET content = ? WHERE content = ?", THREE, TWO),
        ["c.jpg", "d.jpg"],
    ),
    "a photo is edited": (lambda library: library.photos.edit("a.jpg", "Tom"), ["a.jpg", "b.jpg"]),
    "an edit is changed": (lambda library: library.photos.edit("c.jpg", "Tom"), ["c.jpg"]),
    "an edit is made again": (lambda library: library.photos.edit("c.jpg", "Rex"), []),
    "an edit is taken back": (execute("DELETE FROM edits"), ["c.jpg"]),
    "columns are as they were": (put_columns(COLUMNS), []),
    "columns are added": (put_columns({**COLUMNS, "a.jpg": {"place": "Oslo"}}), ["a.jpg"]),
    "columns change": (put_columns({**COLUMNS, "c.jpg": {"place": "Oslo"}}), ["c.jpg"]),
    "columns are removed": (put_columns({}), ["c.jpg"]),
    "a stranger's columns change": (put_columns({"c.jpg": COLUMNS["c.jpg"], "x.jpg": {"a": "b"}}), []),
    "a content turns out broken": (
        lambda library: library.failures.put_broken(THREE, decoder="1", reason="no image"),
        [],
    ),
    "a file can't be read": (lambda library: library.failures.put_unreadable({"c.jpg": "denied"}), []),
    "texts are embedded": (put_vectors, []),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_touches_what_it_changes(library: Library, name: str) -> None:
    change, expected = CHANGES[name]
    change(library)
    assert touched(library) == expected
    place(library, {"1": ["a.jpg"]})
    assert touched(library) == []


def test_what_is_written_is_read(library: Library) -> None:
    """Statements that leave out what is the same write all that isn't."""
    taken = replace(FACTS, taken="2024-05-01T12:00:00", noted="xmp", latitude=1.0, longitude=2.0, damage="its end")
    taken = replace(taken, written='{"rating": 2, "keywords": ["tree"]}')
    learn("two", text="a cat", names="cat", first=0.25, facts=taken)(library)
    library.photos.edit("c.jpg", "Tom")
    put(("c.jpg", "two"), size_bytes=7)(library)
    assert library.photos.put_columns({"c.jpg": {"rating": 4}, "x.jpg": {"a": "b"}}) == ["x.jpg"]
    columns = {"rating": 4, "keywords": ("tree",)}
    [photo] = library.understandings.photos(["c.jpg"], BY)
    assert (photo.size_bytes, photo.edit, photo.columns, photo.facts) == (7, "Tom", columns, taken)
    assert photo.captions == {INSTRUCTIONS[0]: "a cat", INSTRUCTIONS[1]: "where a cat is", "names": "cat"}
    assert library.understandings.views([TWO], image_encoder=CAPTIONER).tolist() == [[0.25, 0.5]]
    assert [failure.path for failure in library.understandings.damaged()] == ["c.jpg"]


def test_contents_that_no_photo_has_any_more(library: Library) -> None:
    put(("b.jpg", "four"), ("c.jpg", "five"))(library)
    library.photos.forget(["d.jpg"])
    assert sorted(library.photos.orphans()) == sorted([TWO, THREE])
    put(("e.jpg", "three"))(library)
    assert library.photos.orphans() == [TWO]
    library.photos.forget_orphans()
    assert library.photos.orphans() == []
