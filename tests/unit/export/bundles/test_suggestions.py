"""Suggestions: phrases of the captions that find something."""

from __future__ import annotations

from export.bundles.suggestions import MAX_SUGGESTIONS, suggest

CAPTIONS = [
    "A black dog runs on the beach.",
    "Two black dogs on a beach",
    "A black dog sits on the beach",
    "A woman in a red dress, with a dog",
    "Snow on a mountain",
    "A man and a woman at the beach",
    "A fountain",
    "A kite over a lake",
]


def test_frequent_phrases_without_a_common_word_between_them() -> None:
    suggestions = suggest(CAPTIONS, lambda query: True, photos=len(CAPTIONS))
    assert suggestions[:3] == ("beach", "black dog", "woman")
    assert "red dress" in suggestions
    words = [word for phrase in suggestions for word in phrase.split()]
    assert len(words) == len(set(words))
    assert suggest(reversed(CAPTIONS), lambda query: True, photos=len(CAPTIONS)) == suggestions


def test_only_what_finds_something() -> None:
    assert suggest(CAPTIONS, lambda query: "dog" in query.split(), photos=len(CAPTIONS)) == ("black dog",)
    assert suggest(CAPTIONS, lambda query: False, photos=len(CAPTIONS)) == ()


def test_nothing_that_most_photos_show() -> None:
    assert suggest(["a wall"] * 5 + ["a boat"] * 4, lambda query: True, photos=9) == ("boat",)
    assert suggest(["a wall"], lambda query: True, photos=1) == ("wall",)


def test_captions_of_every_kind() -> None:
    assert suggest(["", "12 34!", "the of a"], lambda query: True, photos=3) == ()
    assert suggest(["<b>Ein Hund läuft</b>"], lambda query: True, photos=1)[0] == "ein hund läuft"
    assert len(suggest([f"{chr(97 + n)}word" for n in range(26)], lambda query: True, photos=26)) == MAX_SUGGESTIONS
