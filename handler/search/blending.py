"""The blending: photos by what they show and by the words in their texts, in one order with one relevance.

Both are evidence of their own, so that a photo is relevant if either is right: 1 - (1 - by sight)(1 - by word), the
noisy or of Pearl (1988). Knows vectors' ranking and the hits by words; knows nothing of how words are found.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.photos.segments import Mask
from handler.bundle.relevance import QueryKind
from handler.search.query_words import Wording
from handler.search.ranking import Ranked, Ranking, Sought
from handler.search.word_hits import WordHits

_ROUNDING = 1e-5
"""So much may be lost where a relevance is taken apart and put together again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What photos are asked for.

    Attributes:
        kind: What the curve of relevance depends on.
        sought: What they should show; None where only words count.
        hits: The photos in whose texts words of it stand.
        allowed: Which photos may be answered, bool [photos]; None for all.
        wordings: The words.
    """

    kind: QueryKind = "sentence"
    sought: Sought | None = None
    hits: WordHits = field(default_factory=WordHits.none)
    allowed: Mask | None = None
    wordings: tuple[Wording, ...] = ()


class Blending:
    """Ranks the photos of one bundle."""

    def __init__(self, bundle: Bundle, ranking: Ranking) -> None:
        self._photos = bundle.photos
        self._ranking = ranking

    def first(self, question: Question, count: int, *, least: float = 0.0, ordered: bool = True) -> Ranked:
        """The first `count` photos, or all: by relevance, then by that by words, then as ``Ranking`` has them.

        Args:
            question: What is asked for.
            count: At least 1.
            least: Photos of less relevance may be missing.
            ordered: Whether those that are found by what they show alone have to be in order.
        """
        others = question.allowed
        parts: list[Ranked] = []
        for by_words, numbers in question.hits.classes():
            mask = np.zeros(len(self._photos), dtype=bool)
            mask[numbers] = True
            others = ~mask if others is None else others & ~mask
            if question.allowed is not None:
                mask &= question.allowed
            if mask.any():
                parts.append(self._blended(question, by_words, count, mask, least))
        if question.sought is not None:
            parts.append(self._ranking.first(question.sought, count, others, least=least, ordered=ordered))
        return _merged(parts).where(slice(count))

    def _blended(self, question: Question, by_words: float, count: int, mask: Mask, least: float) -> Ranked:
        """The first of the photos whose relevance by words is the same."""
        if question.sought is None:
            numbers = self._photos.present(mask)
            relevances = np.full(len(numbers), by_words, np.float32)
            in_order = self._photos.in_order_of_ids(numbers, relevances, count)
            return Ranked(numbers=in_order, relevances=relevances[: len(in_order)])
        absent = 1.0 - by_words
        by_sight = max(0.0, 1.0 - (1.0 - least) / absent - _ROUNDING) if absent else 0.0
        found = self._ranking.first(question.sought, count, mask, least=by_sight)
        relevances = np.asarray(1.0 - np.float32(absent) * (1.0 - found.relevances), dtype=np.float32)
        return Ranked(numbers=found.numbers, relevances=relevances)


def by_sight(relevances: NDArray[np.float32], by_words: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of blended relevances without the words, float32 [n]; 0 where words are sure."""
    absent = 1.0 - by_words
    return np.where(absent > 0, 1.0 - (1.0 - relevances) / np.maximum(absent, np.float32(1e-6)), np.float32(0.0))


def _merged(parts: list[Ranked]) -> Ranked:
    """Rankings as one, by relevance; of equal ones that of the earlier part comes first."""
    if len(parts) == 1:
        return parts[0]
    numbers = np.concatenate([np.empty(0, np.int64), *(part.numbers for part in parts)])
    relevances = np.concatenate([np.empty(0, np.float32), *(part.relevances for part in parts)])
    order = np.argsort(-relevances, kind="stable")
    return Ranked(numbers=numbers[order], relevances=relevances[order])
