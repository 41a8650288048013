"""Which lines are kept, and in which order."""

from __future__ import annotations

import pytest

from export.library.records import TextLine
from export.understanding.text.line_choice import choose_lines, reading_order


def line(text: str, left: float, top: float, height: float = 0.04, confidence: float = 0.99) -> TextLine:
    return TextLine(text=text, box=(left, top, left + 0.02 * len(text), top + height), confidence=confidence)


def test_lines_are_read_from_top_to_bottom_and_in_a_row_from_left_to_right() -> None:
    lines = [
        line("TOTAL", 0.1, 0.505),
        line("12.00", 0.7, 0.2),
        line("374.20", 0.7, 0.5),
        line("LILY", 0.1, 0.21),
        line("FLORIST", 0.3, 0.05, height=0.1),
        line("2", 0.5, 0.195),
    ]
    texts = [found.text for found in reading_order(lines)]
    assert texts == ["FLORIST", "LILY", "2", "12.00", "TOTAL", "374.20"]


def test_what_stands_beside_a_tall_letter_is_a_line_of_its_own_each() -> None:
    lines = [line("L", 0.1, 0.1, height=0.3), line("one", 0.3, 0.1), line("two", 0.3, 0.22), line("three", 0.3, 0.34)]
    assert [found.text for found in reading_order(lines) if found.text != "L"] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "confidence", "kept"),
    [
        ("HAND SOAP", 0.99, ["HAND SOAP"]),
        ("HAND SOAP", 0.3, []),
        ("ＨＡＮＤ\u00a0ＳＯＡＰ", 0.99, ["HAND SOAP"]),
        ("---", 0.99, []),
        ("", 0.99, []),
        (" ", 0.99, []),
        ("\x00\u200b", 0.99, []),
        ("5", 0.99, []),
        ("中", 0.99, []),
        ("22", 0.99, ["22"]),
        ("22", 0.7, []),
        ("左側通行", 0.95, ["左側通行"]),
        ("ทางออก", 0.95, ["ทางออก"]),
    ],
)
def test_lines_that_say_nothing_or_are_hardly_there_are_left_out(text: str, confidence: float, kept: list[str]) -> None:
    assert [found.text for found in choose_lines([line(text, 0.1, 0.1, confidence=confidence)])] == kept


def test_nothing_is_nothing() -> None:
    assert choose_lines([]) == []
