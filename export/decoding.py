"""Decoding: the most probable answer, token by token, for a batch of photos.

It knows logits and caches, nothing of photos or words. Beam search with a length penalty
(Wu et al. 2016, arXiv 1609.08144, section 7, without coverage); one beam is greedy decoding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Step(NamedTuple):
    """What a decoder gives after reading tokens: float32 [rows, vocabulary] logits and its cache [rows, ...]."""

    logits: NDArray[np.float32]
    cache: NDArray[np.float32]


class Decoder(Protocol):
    """A decoder bound to some photos' memory."""

    def __call__(self, tokens: NDArray[np.int64], photos: NDArray[np.int64], cache: NDArray[np.float32] | None) -> Step:
        """Read tokens.

        Args:
            tokens: int64 [rows, steps], what comes next in each row.
            photos: int64 [rows], which photo each row is about.
            cache: what the step before gave, reordered to these rows; None at the start.
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


def decode(decoder: Decoder, prefix: Sequence[int], count: int, *, end_id: int, decoding: Decoding) -> list[list[int]]:
    """Answer one instruction for some photos.

    Args:
        decoder: reads tokens, gives logits.
        prefix: the instruction's tokens and the begin token, the same for each photo.
        count: how many photos.
        end_id: the token that ends an answer.
        decoding: beams and limits.

    Returns:
        The tokens of each photo's best answer, without prefix and end.
    """
    beams = decoding.beams
    photos = np.arange(count)
    logits, cache = decoder(np.tile(np.array(prefix, np.int64), (count, 1)), photos, None)
    best = _largest(_log_softmax(logits), beams)
    beams = best.columns.shape[1]
    scores, tokens = best.values, best.columns[:, :, None]
    rows = photos.repeat(beams)
    cache = cache[rows]
    finished = tokens[:, :, -1] == end_id
    lengths = np.ones((count, beams), np.int64)
    while not finished.all() and tokens.shape[2] < decoding.max_new_tokens:
        logits, cache = decoder(tokens[:, :, -1].reshape(-1, 1), rows, cache)
        step = _log_softmax(logits).reshape(count, beams, -1)
        step[finished] = -np.inf
        step[finished, end_id] = 0.0
        vocabulary = step.shape[2]
        scores, columns = _largest((scores[:, :, None] + step).reshape(count, -1), beams)
        parents = columns // vocabulary
        chosen = columns % vocabulary
        tokens = np.concatenate([np.take_along_axis(tokens, parents[:, :, None], 1), chosen[:, :, None]], axis=2)
        was_finished = np.take_along_axis(finished, parents, 1)
        lengths = np.take_along_axis(lengths, parents, 1) + ~was_finished
        finished = was_finished | (chosen == end_id)
        cache = cache[(photos[:, None] * beams + parents).ravel()]
    winners = (scores / lengths.astype(np.float32) ** decoding.length_penalty).argmax(1)
    answers = tokens[photos, winners]
    return [_until(answer.tolist(), end_id) for answer in answers]


class _Largest(NamedTuple):
    values: NDArray[np.float32]
    columns: NDArray[np.int64]


def _largest(values: NDArray[np.float32], count: int) -> _Largest:
    """The ``count`` largest of each row in descending order, fewer where a row is shorter; equals keep their order."""
    count = min(count, values.shape[1])
    kept = np.sort(np.argpartition(-values, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(values, kept, 1), axis=1, kind="stable")
    columns = np.take_along_axis(kept, order, 1)
    return _Largest(np.take_along_axis(values, columns, 1), columns)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_probabilities


def _until(tokens: list[int], end_id: int) -> list[int]:
    return tokens[: tokens.index(end_id)] if end_id in tokens else tokens
