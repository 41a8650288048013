"""The answers to each instruction that captions hold."""

from __future__ import annotations

import numpy as np
import pytest

from export.training.data.corpus import Synset
from export.training.data.tasks import (
    BRIEFLY,
    DESCRIBE,
    HAPPENING,
    INSTRUCTIONS,
    NAME,
    Answer,
    Lexicon,
    choose_answer,
    happening,
    phrase,
    read_lexicon,
    things,
)

LEXICON = Lexicon(
    things=frozenset(["dog", "grass", "puppy", "man", "building", "beach", "box"]),
    verbs=frozenset(["run", "ride", "lie", "build", "play"]),
)


def synset(file: str, *lemmas: str) -> Synset:
    return Synset(lemmas=lemmas, gloss="", examples=(), file=file)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A brown dog is running through the grass", "a brown dog running"),
        ("Two men riding", "two men riding"),
        ("Running dogs", None),  # nobody is said to run
        ("A man in a building", None),
        ("A man with a dog running", None),  # who runs?
    ],
)
def test_a_phrase_is_who_and_what_they_do(caption: str, expected: str | None) -> None:
    assert phrase(caption, LEXICON) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A brown dog is running through the grass", "running through the grass"),
        ("a puppy lying on the beach", "lying on the beach"),
        ("A dog is running", None),
        ("a tall building", None),
    ],
)
def test_what_happens_starts_at_the_verb(caption: str, expected: str | None) -> None:
    assert happening(caption, LEXICON) == expected


def test_things_are_what_captions_agree_on() -> None:
    assert things(["Two dogs on the grass", "A dog", "puppies and a box"], LEXICON) == "dog"
    assert things(["Boxes of puppies on the beach, on the beach"], LEXICON) == "box, puppy, beach"
    assert things(["Nothing to be seen"], LEXICON) is None


def test_words_are_nouns_where_captions_use_them_so() -> None:
    synsets = [
        synset("noun.animal", "dog"),
        synset("noun.artifact", "watch", "walk", "white", "guitar"),
        synset("noun.cognition", "idea"),
        synset("verb.perception", "watch"),
        synset("verb.motion", "walk"),
        synset("adj.all", "white", "big"),
    ]
    captions = [f"a big dog, men watch ideas, a {noun}, they walk, guitar" for noun in ["walk", *["dog"] * 19]]
    lexicon = read_lexicon(synsets, captions)
    assert lexicon == Lexicon(things=frozenset(["dog", "guitar"]), verbs=frozenset(["watch", "walk"]))


@pytest.mark.parametrize("seed", range(20))
def test_answers_fit_their_instruction(seed: int) -> None:
    captions = ["A man is riding", "A dog running on the grass"]
    expected = {
        DESCRIBE: captions,
        BRIEFLY: ["a man riding", "a dog running"],
        NAME: ["man, dog, grass"],
        HAPPENING: ["running on the grass"],
    }
    answer = choose_answer(captions, LEXICON, np.random.default_rng(seed), (0.25, 0.25, 0.25, 0.25))
    assert answer.text in expected[answer.instruction]


@pytest.mark.parametrize("instruction", INSTRUCTIONS)
def test_captions_without_an_answer_describe(instruction: str) -> None:
    shares = [float(each == instruction) for each in INSTRUCTIONS]
    answer = choose_answer(["Blue"], LEXICON, np.random.default_rng(0), shares)
    assert answer == Answer(instruction=DESCRIBE, text="Blue")
