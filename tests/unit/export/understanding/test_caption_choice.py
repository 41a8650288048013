"""The choice among hypotheses: probable and close to the view; and which words are seldom said twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from export.understanding.beam_search import Hypothesis
from export.understanding.caption_choice import choose_captions, repetition_penalties
from handler.bundle.encoder_files import EncoderConfiguration

VECTORS = {"a cat": (1.0, 0.0), "a dog": (0.0, 1.0)}
TEXTS = [["a cat", "a dog"], ["a dog", "a cat"]]


class TwoWords:
    """A text encoder that knows two texts."""

    configuration = EncoderConfiguration(name="two words", dim=2, max_tokens=3)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([VECTORS[text] for text in texts], np.float32)

    def canonical(self, text: str) -> str:
        return text

    def knows(self, text: str) -> bool:
        return text in VECTORS

    def is_word(self, word: str) -> bool:
        return True

    @property
    def words(self) -> tuple[str, ...]:
        return ()


def hypotheses(*scores: float) -> list[list[Hypothesis]]:
    return [[Hypothesis(tokens=[1], score=score) for score in scores] for _ in TEXTS]


@pytest.mark.parametrize(
    ("second", "chosen"),
    [
        (-1.5, [1, 0]),  # a little less probable, and what the view shows: 8 times the cosine outweighs it
        (-9.5, [0, 0]),  # too improbable, whatever the view shows
    ],
)
def test_what_is_both_probable_and_close_to_the_view(second: float, chosen: list[int]) -> None:
    visual = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)  # both photos show a dog
    assert choose_captions(hypotheses(-1.0, second), TEXTS, visual, TwoWords()) == chosen


def test_without_an_encoder_the_most_probable() -> None:
    assert choose_captions(hypotheses(-1.0, -1.1), TEXTS, np.ones((2, 2), np.float32), None) == [0, 0]


def test_words_of_content_cost_something_when_they_are_said_again() -> None:
    vocabulary = {"dog": 0, "the": 1, "a": 2, "other": 3, "[UNK]": 4}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    assert repetition_penalties(tokenizer).tolist() == [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]
