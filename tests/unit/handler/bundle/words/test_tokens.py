"""Tokens: the words of a text as they are compared, and where each stands."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.bundle.words.tokens import LONGEST_TOKEN, is_unspaced, name_tokens, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My dog Milo, on the sofa.", ["my", "dog", "milo", "on", "the", "sofa"]),
        ("Zoë's café", ["zoe", "s", "cafe"]),
        ("Zoe\u0308", ["zoe"]),  # an accent of its own
        ("STRASSE straße", ["strasse", "strasse"]),
        ("ﬁeld ＤＯＧ №", ["field", "dog", "no"]),
        ("soft\u00adhyphen zero\u200bwidth", ["softhyphen", "zerowidth"]),
        ("IMG_1234-b.c", ["img", "1234", "b", "c"]),
        ("Ёлка ёлка", ["елка", "елка"]),
        ("כֶּלֶב", ["כלב"]),  # a dog, with points and without
        ("كَلْب", ["كلب"]),
        ("कुत्ता", ["कुत्ता"]),  # vowel signs are no accents
        ("夕焼けの海", ["夕", "焼", "け", "の", "海"]),
        ("東京2024年 dog犬", ["東", "京", "2024", "年", "dog", "犬"]),
        ("ﾈｺ が", ["ネ", "コ", "が"]),
        ("🐕🏖 !? ❤\ufe0f", ["🐕", "🏖", "❤"]),
        ("", []),
    ],
)
def test_words_are_compared_without_case_accents_and_forms(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens(text)] == expected


def test_a_word_is_where_it_stands() -> None:
    text = "„Zoë’s“ 犬"
    assert [text[token.start : token.end] for token in tokens(text)] == ["Zoë", "s", "犬"]


def test_a_long_word_is_told_by_its_beginning() -> None:
    (token,) = tokens("a" * 1_000)
    assert (token.text, token.start, token.end) == ("a" * LONGEST_TOKEN, 0, 1_000)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HolidayBeach2019", ["holidaybeach2019", "holiday", "beach", "2019"]),
        ("IMGPark2", ["imgpark2", "img", "park", "2"]),
        ("2019-05 Paris/DSC01234", ["2019", "05", "paris", "dsc01234", "dsc", "01234"]),
        ("ÜberAlles", ["uberalles", "uber", "alles"]),
        ("plain name", ["plain", "name"]),
    ],
)
def test_names_are_split_where_they_are_written_together(name: str, expected: list[str]) -> None:
    assert [token.text for token in name_tokens(name)] == expected


def test_parts_of_a_name_are_where_they_stand() -> None:
    name = "x/HolidayBeach"
    assert [name[token.start : token.end] for token in name_tokens(name)] == ["x", "HolidayBeach", "Holiday", "Beach"]


@given(st.text(max_size=60))
@settings(deadline=None)
def test_whatever_is_written_gives_words_that_sqlite_takes_for_one(text: str) -> None:
    found = tokens(text)
    for before, after in pairwise(found):
        assert before.end <= after.start
    for token in found:
        assert 0 <= token.start < token.end <= len(text)
        assert all(character.isalnum() or not character.isascii() for character in token.text)
        assert not token.text.isspace()


@given(st.text(max_size=60))
@settings(deadline=None)
def test_a_word_that_is_asked_as_it_is_compared_is_found(text: str) -> None:
    for token in tokens(text):
        again = tokens(token.text)
        assert "".join(part.text for part in again) == token.text or is_unspaced(token.text)
