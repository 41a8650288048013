"""The choice among hypotheses: probable and close to the view; and which words are seldom said twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from export.understanding.caption_choice import choose_captions, cosines_with_view, repetition_penalties
from handler.bundle.encoder_files import EncoderConfiguration

VECTORS = {"a cat": (1.0, 0.0), "a dog": (0.0, 1.0)}
TEXTS = [["a cat", "a dog"], ["a dog", "a cat"]]


class TwoWords:
    """A text encoder that knows two texts."""

    configuration = EncoderConfiguration(name="two words", dim=2, max_tokens=3)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([VECTORS[text] for text in texts], np.float32)

    encode_queries = encode

    def canonical(self, text: str) -> str:
        return text

    def knows(self, text: str) -> bool:
        return text in VECTORS

    def is_word(self, word: str) -> bool:
        return True

    def rank(self, word: str) -> int | None:
        return None

    @property
    def words(self) -> tuple[str, ...]:
        return ()


def scores(*of_each: float) -> NDArray[np.float32]:
    return np.array([of_each for _ in TEXTS], np.float32)


@pytest.mark.parametrize(
    ("second", "chosen"),
    [
        (-1.5, [1, 0]),  # a little less probable, and what the view shows: 8 times the cosine outweighs it
        (-9.5, [0, 0]),  # too improbable, whatever the view shows
    ],
)
def test_what_is_both_probable_and_close_to_the_view(second: float, chosen: list[int]) -> None:
    visual = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)  # both photos show a dog
    cosines = cosines_with_view(TEXTS, visual, TwoWords())
    assert cosines.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert choose_captions(scores(-1.0, second), cosines).tolist() == chosen


def test_without_an_encoder_the_most_probable() -> None:
    assert choose_captions(scores(-1.0, -1.1), None).tolist() == [0, 0]


def test_words_of_content_cost_something_when_they_are_said_again() -> None:
    vocabulary = {"dog": 0, "the": 1, "a": 2, "other": 3, "[UNK]": 4}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    assert repetition_penalties(tokenizer).tolist() == [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]
