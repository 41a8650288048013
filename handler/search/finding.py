"""The finding: which photos are relevant to a question, which are perhaps meant, and which of them are folded away.

Knows thresholds and groups; knows nothing of texts or of what an answer looks like.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handler.bundle.bundle import Bundle
from handler.search.blending import Blending, Question
from handler.search.ranking import Ranked, Ranking
from handler.search.selection import Selection

# Near-duplicates are folded away after ranking, so a few more photos are ranked at first than are asked for.
_RANKED_PER_GROUP = 4


class Finding:
    """Finds photos of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._ranking = Ranking(bundle)
        self._blending = Blending(bundle, self._ranking)

    def every_relevant(self, question: Question, selection: Selection) -> Ranked:
        """All photos that reach the threshold, in no order."""
        if selection.min_relevance is None:  # what is perhaps meant need not be found
            threshold = self._bundle.manifest.calibration.curve(question.kind).threshold
            selection = replace(selection, min_relevance=threshold)
        return self.relevant(question, selection, None, len(self._bundle.photos), ordered=selection.dedupe)[0]

    def relevant(
        self, question: Question, selection: Selection, without: int | None, wanted: int, *, ordered: bool = True
    ) -> tuple[Ranked, Ranked]:
        """The first `wanted` photos that reach the threshold, or more, or all; then those that are perhaps meant."""
        own_curve = question.sought.own_curve if question.sought else None
        curve = own_curve or self._bundle.manifest.calibration.curve(question.kind)
        threshold, least = curve.threshold, min(curve.threshold, curve.perhaps)
        if selection.min_relevance is not None:
            threshold = least = selection.min_relevance
        count = wanted + 1  # the photo that is left out may be among them
        if selection.dedupe:
            count *= _RANKED_PER_GROUP
        while True:
            ranked = self._blending.first(question, count, least=least, ordered=ordered)
            found = ranked.where(ranked.relevances >= least)
            exhausted = len(found.numbers) < count
            if selection.dedupe:
                found = self._fold(found, without)
            if without is not None:
                found = found.where(found.numbers != without)
            if exhausted or len(found.numbers) >= wanted:
                reached = found.relevances >= threshold
                return found.where(reached), found.where(~reached)
            count *= _RANKED_PER_GROUP

    def _fold(self, ranked: Ranked, without: int | None) -> Ranked:
        """The first of each group of near-duplicates, but for that of the photo that is left out."""
        groups = self._bundle.photos.groups[ranked.numbers]
        _, first = np.unique(groups, return_index=True)  # noqa: TID251 - without it, it needs numpy.ma
        firsts = ranked.where(np.sort(first))
        if without is None:
            return firsts
        return firsts.where(self._bundle.photos.groups[firsts.numbers] != self._bundle.photos.groups[without])

    def folded(self, question: Question, page: Ranked) -> list[int]:
        """For each photo of a page, how many near-duplicates of it could have been answered in its place."""
        groups = self._bundle.photos.groups
        answered = np.zeros(len(groups), dtype=bool)
        answered[groups[page.numbers]] = True
        could = answered[groups] if question.allowed is None else answered[groups] & question.allowed
        numbers = np.flatnonzero(could)
        if question.sought is not None and question.sought.without:
            numbers = numbers[self._ranking.wanted(question.sought, numbers, self._ranking.captions(numbers))]
        sizes = np.bincount(groups[numbers], minlength=len(groups))
        counts: list[int] = (sizes[groups[page.numbers]] - 1).tolist()
        return counts
