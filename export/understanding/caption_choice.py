"""The choice of a caption: which of the beam's hypotheses a photo gets, and which words are seldom said twice.

With the text encoder in whose space the visual view lies, it is the hypothesis that is both probable and close to the
view: what the decoder says and what the photo is found by check each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.understanding.beam_search import Hypothesis
from handler.bundle.encoder import TextEncoder

_CLOSENESS = 8.0
"""What a hypothesis's cosine with the visual view counts for beside its log probability."""
_REPETITION_PENALTY = 2.0
"""Of words that captions seldom say twice; people do so in 7% of captions."""
_SAID_AGAIN = frozenset(
    "the and with are his her their its for from into out down while next front by another other two three".split()
)
"""Words of three letters and more that captions say as often as they like."""


def choose_captions(
    hypotheses: Sequence[Sequence[Hypothesis]],
    texts: Sequence[Sequence[str]],
    visual: NDArray[np.float32],
    encoder: TextEncoder | None,
) -> list[int]:
    """Which hypothesis of each photo is its caption, by number.

    Args:
        hypotheses: Of each photo, the most probable first; as many for each.
        texts: What they say.
        visual: float32 [photos, dim], the photos' visual views, of unit L2 norm.
        encoder: In whose space they lie; without one the most probable is chosen.
    """
    if encoder is None:
        return [0] * len(texts)
    scores = np.array([[each.score for each in of_photo] for of_photo in hypotheses])
    vectors = encoder.encode([text for of_photo in texts for text in of_photo])
    cosines = np.einsum("pbd,pd->pb", vectors.reshape(*scores.shape, -1), visual)
    chosen: list[int] = (scores + _CLOSENESS * cosines).argmax(1).tolist()
    return chosen


def repetition_penalties(tokenizer: Tokenizer) -> NDArray[np.float32]:
    """What a token costs that was said before, float32 [tokens + 1]; the last is of tokens that stand for nothing.

    It costs words of content something, as far as a token shows what it is.
    """
    texts = tokenizer.decode_batch([[token] for token in range(tokenizer.get_vocab_size())])
    content = [len(text.strip()) > 2 and text.strip() not in _SAID_AGAIN for text in texts]
    return np.where([*content, False], np.float32(_REPETITION_PENALTY), np.float32(0.0))
