"""The choice of a caption: which of the beam's hypotheses a photo gets, and which words are seldom said twice.

With the text encoder in whose space the visual view lies, it is the hypothesis that is both probable and close to the
view: what the decoder says and what the photo is found by check each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from handler.bundle.encoder import TextEncoder

_CLOSENESS = 8.0
"""What a hypothesis's cosine with the visual view counts for beside its log probability."""
_REPETITION_PENALTY = 2.0
"""Of words that captions seldom say twice; people do so in 7% of captions."""
_SAID_AGAIN = frozenset(
    "the and with are his her their its for from into out down while next front by another other two three".split()
)
"""Words of three letters and more that captions say as often as they like."""


def choose_captions(scores: NDArray[np.float32], cosines: NDArray[np.float32] | None) -> NDArray[np.intp]:
    """Which hypothesis of each photo is its caption, by number, int [photos].

    Args:
        scores: float32 [photos, hypotheses], their log probabilities, the most probable first.
        cosines: float32 [photos, hypotheses], with the visual view; without them the most probable is chosen.
    """
    chosen: NDArray[np.intp] = (scores if cosines is None else scores + np.float32(_CLOSENESS) * cosines).argmax(1)
    return chosen


def cosines_with_view(
    texts: Sequence[Sequence[str]], visual: NDArray[np.float32], encoder: TextEncoder
) -> NDArray[np.float32]:
    """How close texts come to the visual view of their photo, float32 [photos, texts].

    Args:
        texts: As many of each photo.
        visual: float32 [photos, dim], the photos' visual views, of unit L2 norm.
        encoder: In whose space they lie.
    """
    vectors = encoder.encode([text for of_photo in texts for text in of_photo])
    cosines: NDArray[np.float32] = np.einsum("pbd,pd->pb", vectors.reshape(len(texts), -1, visual.shape[1]), visual)
    return cosines


def repetition_penalties(tokenizer: Tokenizer) -> NDArray[np.float32]:
    """What a token costs that was said before, float32 [tokens + 1]; the last is of tokens that stand for nothing.

    It costs words of content something, as far as a token shows what it is.
    """
    texts = tokenizer.decode_batch([[token] for token in range(tokenizer.get_vocab_size())])
    content = [len(text.strip()) > 2 and text.strip() not in _SAID_AGAIN for text in texts]
    return np.where([*content, False], np.float32(_REPETITION_PENALTY), np.float32(0.0))
