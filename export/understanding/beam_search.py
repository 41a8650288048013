"""Decoding: the most probable answers, token by token, for a batch of photos.

It knows probabilities and caches, nothing of photos or words. Beam search with a length penalty
(Wu et al. 2016, arXiv 1609.08144, section 7, without coverage); one beam is greedy decoding.
Tokens that answers seldom say twice may have a penalty for it (after Keskar et al. 2019, arXiv
1909.05858, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_GOING_ON = 0.75
"""Of the photos of a step: if no more than this part isn't finished, it goes on alone. Each time costs a copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a decoder gives after reading tokens.

    Attributes:
        scores: float32 [rows, candidates], log probabilities of the most probable next tokens, best first.
        candidates: int64 [rows, candidates], those tokens; at least as many as there are beams, if there are so many.
    """

    scores: NDArray[np.float32]
    candidates: NDArray[np.int64]


class Decoder(Protocol):
    """A decoder bound to some photos' memory, which remembers the rows that it has read."""

    def __call__(self, tokens: NDArray[np.int64], parents: NDArray[np.int64], photos: NDArray[np.int64]) -> Step:
        """Read tokens.

        Args:
            tokens: int64 [rows, steps], what comes next in each row; as many rows for each photo, photo by photo.
            parents: int64 [rows], which row of the step before each row goes on; at the start, its photo.
            photos: int64 [n], the numbers of those photos: some of those of the step before.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How to decode.

    Attributes:
        beams: How many hypotheses are kept; 1 is greedy.
        max_new_tokens: Where an answer that doesn't end is cut.
        length_penalty: Exponent of the length by which the log probability is divided.
        repetition_penalties: float32 [vocabulary], what is taken off the log probability of each token that the answer
            has already, the last one for all beyond; None for nothing.
    """

    beams: int = 3
    max_new_tokens: int = 24
    length_penalty: float = 0.7
    repetition_penalties: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """An answer.

    Attributes:
        tokens: Without prefix and end.
        score: Log probability, divided by the length to the power of the length penalty.
    """

    tokens: list[int]
    score: float


def decode(
    decoder: Decoder, prefix: Sequence[int], count: int, *, end_id: int, decoding: Decoding
) -> list[list[Hypothesis]]:
    """Answer one instruction for some photos.

    Args:
        decoder: Reads tokens, gives logits.
        prefix: The instruction's tokens and the begin token, the same for each photo.
        count: How many photos.
        end_id: The token that ends an answer.
        decoding: Beams and limits.

    Returns:
        The hypotheses of each photo, best first.
    """
    everything = np.arange(count)
    first = decoder(np.tile(np.array(prefix, np.int64), (count, 1)), everything, everything)
    width = min(decoding.beams, first.candidates.shape[1])
    beams = _Beams.started(first, width, end_id)
    rows = everything.repeat(width)
    ended: list[_Beams] = []
    while True:
        going: NDArray[np.bool_] = ~np.asarray(beams.finished.all(axis=1))
        if not going.any() or beams.tokens.shape[2] >= decoding.max_new_tokens:
            break
        if going.sum() <= _GOING_ON * len(going):
            ended.append(beams.of(~going))
            beams, rows = beams.of(going), rows[going.repeat(width)]
        step = decoder(beams.tokens[:, :, -1].reshape(-1, 1), rows, beams.photos)
        parents = beams.grow(step, end_id, decoding.repetition_penalties)
        rows = (np.arange(len(parents))[:, None] * width + parents).ravel()
    hypotheses: list[list[Hypothesis]] = [[] for _ in everything]
    for part in [*ended, beams]:
        for photo, of_photo in zip(part.photos, part.hypotheses(decoding.length_penalty, end_id), strict=True):
            hypotheses[photo] = of_photo
    return hypotheses


@dataclass(slots=True, kw_only=True)
class _Beams:
    """The hypotheses of some photos.

    Attributes:
        photos: int64 [n], their numbers.
        scores: float32 [n, beams], log probabilities.
        tokens: int64 [n, beams, steps].
        finished: bool [n, beams].
        lengths: int64 [n, beams], up to and with the end.
    """

    photos: NDArray[np.int64]
    scores: NDArray[np.float32]
    tokens: NDArray[np.int64]
    finished: NDArray[np.bool_]
    lengths: NDArray[np.int64]

    @classmethod
    def started(cls, first: Step, width: int, end_id: int) -> _Beams:
        tokens = first.candidates[:, :width, None]
        count = len(tokens)
        return cls(
            photos=np.arange(count),
            scores=first.scores[:, :width],
            tokens=tokens,
            finished=tokens[:, :, -1] == end_id,
            lengths=np.ones((count, width), np.int64),
        )

    def of(self, chosen: NDArray[np.bool_]) -> _Beams:
        """Those of some of the photos."""
        return _Beams(
            photos=self.photos[chosen],
            scores=self.scores[chosen],
            tokens=self.tokens[chosen],
            finished=self.finished[chosen],
            lengths=self.lengths[chosen],
        )

    def grow(self, step: Step, end_id: int, penalties: NDArray[np.float32] | None) -> NDArray[np.int64]:
        """Add a token to each hypothesis, keep the best, and say which each of them goes on: [n, beams]."""
        count, width = self.scores.shape
        gains = step.scores.reshape(count, width, -1).copy()
        following = step.candidates.reshape(count, width, -1).copy()
        if penalties is not None:
            said: NDArray[np.bool_] = (following[..., None] == self.tokens[:, :, None]).any(axis=-1)
            gains -= said * penalties.take(following, mode="clip")
        gains[self.finished] = -np.inf
        gains[self.finished, 0] = 0.0
        following[self.finished] = end_id
        sums = (self.scores[:, :, None] + gains).reshape(count, -1)
        best = np.argsort(-sums, axis=1, kind="stable")[:, :width]
        parents: NDArray[np.int64] = best // gains.shape[2]
        chosen = np.take_along_axis(following.reshape(count, -1), best, 1)
        was_finished = np.take_along_axis(self.finished, parents, 1)
        self.scores = np.take_along_axis(sums, best, 1)
        self.tokens = np.concatenate(
            [np.take_along_axis(self.tokens, parents[:, :, None], 1), chosen[:, :, None]], axis=2
        )
        self.lengths = np.take_along_axis(self.lengths, parents, 1) + ~was_finished
        self.finished = was_finished | (chosen == end_id)
        return parents

    def hypotheses(self, length_penalty: float, end_id: int) -> list[list[Hypothesis]]:
        """The hypotheses of each photo, best first."""
        penalised = self.scores / self.lengths.astype(np.float32) ** length_penalty
        return [
            [Hypothesis(tokens=_until(tokens[beam].tolist(), end_id), score=float(scores[beam])) for beam in order]
            for tokens, scores, order in zip(
                self.tokens, penalised, np.argsort(-penalised, axis=1, kind="stable"), strict=True
            )
        ]


def _until(tokens: list[int], end_id: int) -> list[int]:
    return tokens[: tokens.index(end_id)] if end_id in tokens else tokens
