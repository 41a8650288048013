"""Matching: the text that explains why words found a photo, and where in it they stand."""

from __future__ import annotations

from handler.bundle.photos.catalogue import Caption, ColumnValue, PhotoRecord
from handler.search.matching import Match, best_match
from handler.search.query_words import Wording


def photo(
    photo_id: str = "0001.jpg",
    caption: str = "",
    *,
    edited: bool = False,
    columns: dict[str, ColumnValue] | None = None,
    text: tuple[str, ...] = (),
) -> PhotoRecord:
    return PhotoRecord(
        id=photo_id,
        content="ab" * 32,
        width=4,
        height=3,
        type="jpeg",
        size_bytes=1,
        taken=None,
        placeholder=None,
        captions=(Caption(instruction="?", text=caption, edited=edited, kind="caption"),),
        columns=columns or {},
        text=text,
    )


def match(query: str, record: PhotoRecord) -> Match | None:
    return best_match(record, [Wording.of(query, lambda word: None)])


def test_words_are_marked_where_they_stand() -> None:
    found = match("soap hand", photo(text=("WASH YOUR", "Hand-SOAP, please", "with soap")))
    assert found == Match(field="text", text="Hand-SOAP, please", marks=((0, 4), (5, 9)))


def test_a_person_s_caption_is_surer_than_a_name_and_that_surer_than_a_captioner_s() -> None:
    by_person = photo("milo/1.jpg", "My dog Milo", edited=True, text=("milo",))
    assert match("milo", by_person) == Match(field="edited", text="My dog Milo", marks=((7, 11),))
    by_captioner = photo("milo/1.jpg", "a dog called milo")
    assert match("milo", by_captioner) == Match(field="name", text="milo/1", marks=((0, 4),))


def test_the_text_with_more_of_the_words_explains_more() -> None:
    record = photo("receipt.jpg", columns={"title": "hardware store receipt", "tags": ("store", "paper")})
    assert match("receipt hardware store", record) == Match(
        field="column", text="hardware store receipt", marks=((0, 8), (9, 14), (15, 22))
    )


def test_parts_of_a_name_are_marked() -> None:
    assert match("beach", photo("2019/HolidayBeach.jpg")) == Match(
        field="name", text="2019/HolidayBeach", marks=((12, 17),)
    )
    assert match("holidaybeach beach", photo("2019/HolidayBeach.jpg")) == Match(
        field="name", text="2019/HolidayBeach", marks=((5, 17),)
    )


def test_characters_that_overlap_are_marked_as_one() -> None:
    assert match("夕焼け", photo(caption="海の夕焼け")) == Match(field="caption", text="海の夕焼け", marks=((2, 5),))


def test_numbers_and_other_words_explain_nothing() -> None:
    assert match("milo", photo("rex.jpg", "a dog", columns={"stars": 5.0})) is None
