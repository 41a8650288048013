"""Decoding: the most probable answers, token by token, for a batch of photos.

It knows probabilities and caches, nothing of photos or words. Beam search with a length penalty
(Wu et al. 2016, arXiv 1609.08144, section 7, without coverage); one beam is greedy decoding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Step(NamedTuple):
    """What a decoder gives after reading tokens.

    Attributes:
        scores: float32 [rows, candidates], log probabilities of the most probable next tokens, best first.
        candidates: int64 [rows, candidates], those tokens; at least as many as there are beams, if there are so many.
    """

    scores: NDArray[np.float32]
    candidates: NDArray[np.int64]


class Decoder(Protocol):
    """A decoder bound to some photos' memory, which remembers the rows that it has read."""

    def __call__(self, tokens: NDArray[np.int64], parents: NDArray[np.int64]) -> Step:
        """Read tokens.

        Args:
            tokens: int64 [rows, steps], what comes next in each row; as many rows for each photo, photo by photo.
            parents: int64 [rows], which row of the step before each row goes on; at the start, its photo.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How to decode.

    Attributes:
        beams: how many hypotheses are kept; 1 is greedy.
        max_new_tokens: where an answer that doesn't end is cut.
        length_penalty: exponent of the length by which the log probability is divided.
    """

    beams: int = 3
    max_new_tokens: int = 24
    length_penalty: float = 0.7


class Hypothesis(NamedTuple):
    """An answer.

    Attributes:
        tokens: without prefix and end.
        score: log probability, divided by the length to the power of the length penalty.
    """

    tokens: list[int]
    score: float


def decode(
    decoder: Decoder, prefix: Sequence[int], count: int, *, end_id: int, decoding: Decoding
) -> list[list[Hypothesis]]:
    """Answer one instruction for some photos.

    Args:
        decoder: reads tokens, gives logits.
        prefix: the instruction's tokens and the begin token, the same for each photo.
        count: how many photos.
        end_id: the token that ends an answer.
        decoding: beams and limits.

    Returns:
        The hypotheses of each photo, best first.
    """
    first = decoder(np.tile(np.array(prefix, np.int64), (count, 1)), np.arange(count))
    beams = min(decoding.beams, first.candidates.shape[1])
    scores, tokens = first.scores[:, :beams], first.candidates[:, :beams, None]
    rows = np.arange(count).repeat(beams)
    finished = tokens[:, :, -1] == end_id
    lengths = np.ones((count, beams), np.int64)
    first_rows = np.arange(count)[:, None] * beams
    while not finished.all() and tokens.shape[2] < decoding.max_new_tokens:
        step = decoder(tokens[:, :, -1].reshape(-1, 1), rows)
        gains = step.scores[:, :beams].reshape(count, beams, beams).copy()
        following = step.candidates[:, :beams].reshape(count, beams, beams).copy()
        gains[finished] = -np.inf
        gains[finished, 0] = 0.0
        following[finished] = end_id
        sums = (scores[:, :, None] + gains).reshape(count, -1)
        best = np.argsort(-sums, axis=1, kind="stable")[:, :beams]
        parents = best // beams
        chosen = np.take_along_axis(following.reshape(count, -1), best, 1)
        scores = np.take_along_axis(sums, best, 1)
        tokens = np.concatenate([np.take_along_axis(tokens, parents[:, :, None], 1), chosen[:, :, None]], axis=2)
        was_finished = np.take_along_axis(finished, parents, 1)
        lengths = np.take_along_axis(lengths, parents, 1) + ~was_finished
        finished = was_finished | (chosen == end_id)
        rows = (first_rows + parents).ravel()
    penalised = scores / lengths.astype(np.float32) ** decoding.length_penalty
    return [
        [Hypothesis(_until(tokens[photo, beam].tolist(), end_id), float(penalised[photo, beam])) for beam in order]
        for photo, order in enumerate(np.argsort(-penalised, axis=1, kind="stable"))
    ]


def _until(tokens: list[int], end_id: int) -> list[int]:
    return tokens[: tokens.index(end_id)] if end_id in tokens else tokens
