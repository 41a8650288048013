"""The table that the terminal shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.cli.answer_table import answer_table, columns, cut, printable
from handler.search.answers import Result, SearchAnswer


def result(id_: str, relevance: float, caption: str) -> Result:
    return {
        "id": id_,
        "relevance": relevance,
        "caption": caption,
        "caption_kind": "caption",
        "matched": caption,
        "matched_in": "meaning",
        "marks": [],
        "url": id_,
        "thumbnail_url": id_,
        "preview_url": None,
        "width": 4,
        "height": 3,
        "taken": None,
        "placeholder": None,
        "columns": {},
    }


def answer(*results: Result) -> SearchAnswer:
    return {
        "query": "a cat",
        "bundle": "0123456789abcdef",
        "took_ms": 1.0,
        "no_relevant_results": not results,
        "next_offset": None,
        "results": list(results),
        "perhaps": [],
        "corrected": None,
    }


def test_near_duplicates_are_counted() -> None:
    alone, folded = result("cat.png", 0.9, "a cat"), result("dog.jpg", 0.5, "a dog")
    alone["duplicates"], folded["duplicates"] = 0, 12
    table = answer_table(answer(alone, folded), width=80)
    assert table == "  0.90  cat.png        a cat\n  0.50  dog.jpg (+12)  a dog"


def test_columns_line_up() -> None:
    table = answer_table(
        answer(result("cat.png", 0.9349, "a cat on a mat"), result("pets/dog.jpg", 0.1, "a dog")), width=80
    )
    assert table == "  0.93  cat.png       a cat on a mat\n  0.10  pets/dog.jpg  a dog"


def test_nothing_relevant_is_said() -> None:
    assert answer_table(answer(), width=80) == "  –     nothing relevant"


def test_long_texts_are_cut_to_the_terminal() -> None:
    table = answer_table(answer(result("a/very/long/folder/holiday.jpg", 1.0, "word " * 40)), width=60)
    assert table.startswith("  1.00  …/folder/holiday.jpg")
    assert table.endswith("…")
    assert columns(table) == 60


def test_wide_characters_take_two_columns() -> None:
    table = answer_table(answer(result("写真.jpg", 0.5, "a cat"), result("photo.jpg", 0.5, "a dog")), width=80)
    assert [columns(line.split("a ")[0]) for line in table.splitlines()] == [19, 19]


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "two\nlines", "\u202ereversed", "\ud800", "bell\x07", "\u2028"])
def test_nothing_reaches_the_terminal_that_steers_it(hostile: str) -> None:
    clean = printable(hostile)
    assert "\ufffd" in clean
    assert clean.isprintable()
    clean.encode()


@given(st.text(), st.integers(min_value=1, max_value=40), st.booleans())
def test_cut_text_fits(text: str, width: int, keep_end: bool) -> None:
    shortened = cut(text, width, keep_end=keep_end)
    assert columns(shortened) <= width
    assert shortened == text or "…" in shortened


def test_what_is_perhaps_meant_comes_last() -> None:
    unsure: SearchAnswer = {**answer(result("cat.png", 0.9, "a cat")), "perhaps": [result("dog.jpg", 0.4, "a dog")]}
    assert answer_table(unsure, width=80) == "  0.90  cat.png  a cat\n  perhaps:\n  0.40  dog.jpg  a dog"
    unsure["results"] = []
    assert answer_table(unsure, width=80) == "  perhaps:\n  0.40  dog.jpg  a dog"


def test_another_spelling_is_said() -> None:
    corrected: SearchAnswer = {**answer(result("cat.png", 0.9, "a cat")), "corrected": "cat\x1b"}
    assert answer_table(corrected, width=80) == "  cat\ufffd:\n  0.90  cat.png  a cat"
