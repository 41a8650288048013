"""The wording of a question: which words are looked up, and what each tells."""

from __future__ import annotations

import pytest

from handler.search.query_words import Wording, unquoted

RANKS = {"a": 0, "of": 30, "dog": 1_800, "man": 240, "trumpet": 5_900}


def phrases(text: str) -> list[tuple[str, ...]]:
    return [unit.phrase for unit in Wording.of(text, RANKS.get).units]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dog, a DOG", [("a",), ("dog",)]),
        ("HAND SOAP", [("hand",), ("soap",)]),
        ("夕焼けの海", [("夕", "焼"), ("焼", "け"), ("け", "の"), ("の", "海")]),
        ("犬", [("犬",)]),
        ("犬 猫", [("犬",), ("猫",)]),  # there is a space between them
        ("dog犬猫2024", [("dog",), ("犬", "猫"), ("2024",)]),
        ("NEAR(a, b) OR -c*", [("near",), ("a",), ("b",), ("or",), ("c",)]),
        ("!?", []),
    ],
)
def test_words_are_looked_up_once_each_and_characters_by_twos(text: str, expected: list[tuple[str, ...]]) -> None:
    assert phrases(text) == expected


def test_all_words_follow_each_other_in_the_whole() -> None:
    assert Wording.of('a "dog" of a man', RANKS.get).whole == ("a", "dog", "of", "a", "man")


@pytest.mark.parametrize(
    ("text", "quoted", "plain"),
    [
        ('a sign that says "Hand  Soap"', [("hand", "soap")], "a sign that says Hand  Soap"),
        ('"one" and "two"', [("one",), ("two",)], "one and two"),
        ("„Hand Soap“", [("hand", "soap")], "Hand Soap"),
        ("“Hand Soap”", [("hand", "soap")], "Hand Soap"),
        ("« savon »", [("savon",)], " savon "),
        ('6" pipe', [], '6" pipe'),  # one mark alone quotes nothing
        ('""', [], ""),
        ('"!?"', [], "!?"),
        ("it's a dog's life", [], "it's a dog's life"),
    ],
)
def test_quotation_marks_are_around_phrases(text: str, quoted: list[tuple[str, ...]], plain: str) -> None:
    assert list(Wording.of(text, RANKS.get).quoted) == quoted
    assert unquoted(text) == plain


def test_rare_words_tell_more() -> None:
    weights = {unit.phrase[0]: unit.weight for unit in Wording.of("a man of dog trumpet milo", RANKS.get).units}
    assert (
        0 < weights["a"] < weights["of"] < weights["man"] < weights["dog"] < weights["trumpet"] < weights["milo"] == 1
    )
