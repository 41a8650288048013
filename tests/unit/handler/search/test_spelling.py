"""Spelling: the closest known word, by edits of single letters."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.search.spelling import closest_word, corrected

KNOWN = (
    "a",
    "an",
    "dog",
    "cat",
    "elegant",
    "elephant",
    "element",
    "giraffe",
    "kitchen",
    "chicken",
    "beach",
    "bench",
    "old",
)


class Words:
    """A vocabulary."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def is_word(self, word: str) -> bool:
        return word in self.words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("elefant", "elephant"),
        ("an elefant", "an elephant"),
        ("kitchne", "kitchen"),
        ("girafe near an elephnat", "giraffe near an elephant"),
        ("beech", "beach"),
        ("bnech", "bench"),
        ("elephant", None),
        ("dgo", None),
        ("kot", None),
        ("xylophone", None),
        ("1234 !?", None),
        ("", None),
    ],
)
def test_unknown_words_become_the_closest_known_ones(text: str, expected: str | None) -> None:
    assert corrected(text, Words(KNOWN)) == expected


def test_of_two_as_close_the_first_is_taken() -> None:
    assert closest_word("bxnch", ("bunch", "bench")) == "bunch"
    assert closest_word("bxnch", ("bench", "bunch")) == "bench"


def test_one_of_the_same_sounds_comes_before_a_closer_one() -> None:
    assert closest_word("elefant", ("elegant", "elephant")) == "elephant"
    assert closest_word("elegent", ("elephant", "elegant")) == "elegant"
    assert closest_word("chiken", ("children", "chicken")) == "chicken"


def test_without_known_words_nothing_is_corrected() -> None:
    assert corrected("elefant", Words(())) is None
    assert closest_word("elefant", ("cat",)) is None


def by_recursion(first: str, second: str) -> int:
    """The same distance."""
    if not first or not second:
        return len(first) + len(second)
    best = min(
        by_recursion(first[:-1], second) + 1,
        by_recursion(first, second[:-1]) + 1,
        by_recursion(first[:-1], second[:-1]) + (first[-1] != second[-1]),
    )
    if len(first) > 1 and len(second) > 1 and first[-1] == second[-2] and first[-2] == second[-1]:
        best = min(best, by_recursion(first[:-2], second[:-2]) + 1)
    return best


@settings(deadline=None)  # a slow reference
@given(st.text("abcé", min_size=4, max_size=5), st.lists(st.text("abcé", min_size=4, max_size=6), max_size=4))
def test_what_is_found_is_as_close_as_anything(word: str, known: list[str]) -> None:
    distances = [by_recursion(word, other) for other in known]
    closest = min(distances, default=9)
    assert closest_word(word, known) == (known[distances.index(closest)] if closest <= 1 else None)
