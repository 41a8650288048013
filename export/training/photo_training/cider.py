"""CIDEr-D (Vedantam, Zitnick and Parikh 2015, arXiv 1411.5726, section 5) as a reward for single captions.

Document frequencies come from the training captions, once. Scores are those of pycocoevalcap
given these frequencies, which a test compares; it counts them in what it scores, and would take
the words of a batch for the words of a language.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

_LONGEST = 4
_LENGTH_SIGMA = 6.0

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Weighted:
    """The tf-idf vector of a text for each length of n-gram, their norms, and the number of words."""

    vectors: tuple[dict[Gram, float], ...]
    norms: tuple[float, ...]
    words: int


class CiderReward:
    """Scores captions against those that people wrote of the same photo."""

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        """Count in how many photos each n-gram occurs.

        Args:
            references: Of each training photo, what people wrote: lower case words and spaces only.
        """
        self._references = references
        self._known: dict[int, list[_Weighted]] = {}

    @cached_property
    def _idf(self) -> dict[Gram, float]:
        documents: Counter[Gram] = Counter()
        for captions in self._references:
            documents.update({gram for text in captions for gram in _grams(text.split())})
        photos = math.log(float(len(self._references)))
        return {gram: photos - math.log(count) for gram, count in documents.items()}

    def score(self, photo: int, text: str) -> float:
        """CIDEr-D of a text about one of the photos, from 0 to 10."""
        if photo not in self._known:
            self._known[photo] = [self._weigh(reference) for reference in self._references[photo]]
        candidate = self._weigh(text)
        scores = [_similarity(candidate, reference) for reference in self._known[photo]]
        return 10.0 * sum(scores) / len(scores)

    def _weigh(self, text: str) -> _Weighted:
        words = text.split()
        vectors: tuple[dict[Gram, float], ...] = tuple({} for _ in range(_LONGEST))
        unseen = math.log(float(len(self._references)))
        for gram, count in _grams(words).items():
            vectors[len(gram) - 1][gram] = count * self._idf.get(gram, unseen)
        norms = tuple(math.sqrt(sum(value * value for value in vector.values())) for vector in vectors)
        return _Weighted(vectors, norms, len(words))


def _grams(words: Sequence[str]) -> Counter[Gram]:
    return Counter(
        tuple(words[start : start + length])
        for length in range(1, _LONGEST + 1)
        for start in range(len(words) - length + 1)
    )


def _similarity(candidate: _Weighted, reference: _Weighted) -> float:
    """The mean over n-gram lengths of the clipped cosine, with the penalty on another length; from 0 to 1."""
    total = 0.0
    for mine, theirs, my_norm, their_norm in zip(
        candidate.vectors, reference.vectors, candidate.norms, reference.norms, strict=True
    ):
        clipped = sum(min(value, theirs[gram]) * theirs[gram] for gram, value in mine.items() if gram in theirs)
        total += clipped / (my_norm * their_norm) if my_norm and their_norm else 0.0
    difference = candidate.words - reference.words
    return total / _LONGEST * math.exp(-(difference**2) / (2 * _LENGTH_SIGMA**2))
