"""The searcher: a question in, photos with their relevance out.

Knows how the parts of a bundle work together; knows nothing of HTTP or of the disk.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from handler.bundle.bundle import Bundle
from handler.search.answers import (
    CollectionAnswer,
    Page,
    PhotoAnswer,
    Result,
    SearchAnswer,
    SimilarAnswer,
)
from handler.search.blending import Blending, Question
from handler.search.describer import Describer
from handler.search.filters import EVERY_PHOTO, Filters
from handler.search.pictures.picture_query import PictureQuery, image_side, sighted
from handler.search.pictures.vision import Vision
from handler.search.query import Query
from handler.search.questions import Questions
from handler.search.ranking import Ranked, Ranking
from handler.search.selection import DEFAULT_K, Selection
from handler.search.spelling import corrected

# Near-duplicates are folded away after ranking, so a few more photos are ranked at first than are asked for.
_RANKED_PER_GROUP = 4


class Searcher:
    """Answers from one bundle for as long as it lives."""

    def __init__(
        self, bundle: Bundle, *, media_url: str = "", vision: Vision | None = None, makes_previews: bool = False
    ) -> None:
        """Answer from a bundle.

        Args:
            bundle: What is searched.
            media_url: What photos' addresses are relative to.
            vision: Sees pictures that are asked with.
            makes_previews: Whether whoever serves the photos makes their previews, whatever the bundle says of them.
        """
        self.bundle = bundle
        self._vision = vision
        has_previews = makes_previews or bundle.manifest.previews
        self._describer = Describer(bundle, media_url=media_url, has_previews=has_previews)
        self._ranking = Ranking(bundle)
        self._blending = Blending(bundle, self._ranking)
        self._questions = Questions(bundle)

    def search(
        self,
        query: str | Query,
        k: int = DEFAULT_K,
        min_relevance: float | None = None,
        *,
        selection: Selection | None = None,
    ) -> SearchAnswer:
        """Find the photos that a text describes, or several texts.

        Args:
            query: 1 to 512 characters, of which one at least is no white space; or more than one text.
            k: Results wanted, 1 to 100.
            min_relevance: Relevance below which nothing counts as relevant, 0 to 1, and nothing as perhaps; by
                default the bundle's own calibrated thresholds of both.
            selection: In place of `k` and `min_relevance`.

        Raises:
            QueryError: Where an argument is out of range.
        """
        started = time.perf_counter()
        query = query if isinstance(query, Query) else Query(texts=(query,))
        selection = selection or Selection(k=k, min_relevance=min_relevance)
        query.check()
        selection.check()
        answer: SearchAnswer = {
            "query": " + ".join(map(self.canonical, query.texts)),
            **self._page(self._questions.of(query, selection.filters), selection, started),
            "corrected": None,
        }
        if answer["results"] or selection.offset:
            return answer
        other = self._spelt_otherwise(query, selection, started)
        better = other is not None and (other["results"] or (other["perhaps"] and not answer["perhaps"]))
        return other if other is not None and better else answer

    def _spelt_otherwise(self, query: Query, selection: Selection, started: float) -> SearchAnswer | None:
        """The answer to the query with known words in the place of unknown ones; None where all are known."""
        typed = tuple(map(self.canonical, query.texts))
        texts = tuple(corrected(text, self.bundle.encoder) or text for text in typed)
        if texts == typed:
            return None
        page = self._page(self._questions.of(replace(query, texts=texts), selection.filters), selection, started)
        return {"query": " + ".join(typed), **page, "corrected": " + ".join(texts)}

    @property
    def image_side(self) -> int | None:
        """Side in pixels of the squares that pictures to ask with are; None where none can be."""
        return image_side(self._vision, self.bundle.manifest)

    def vision(self) -> Vision:
        """What sees pictures as the photos were seen; raises NoVisionError where nothing does."""
        return sighted(self._vision, self.bundle.manifest)

    def search_by_picture(self, asked: PictureQuery, selection: Selection) -> SearchAnswer:
        """Find the photos that are like a picture, and fit texts if there are some.

        Raises QueryError and PictureError for what can't be asked, NoVisionError where no picture can be.
        """
        started = time.perf_counter()
        asked.check()
        selection.check()
        question = self._questions.beside_picture(asked, self.vision(), selection.filters)
        page = self._page(question, selection, started)
        return {"query": " + ".join(map(self.canonical, asked.query.texts)), **page, "corrected": None}

    def similar(
        self,
        photo_id: str,
        k: int = DEFAULT_K,
        min_relevance: float | None = None,
        *,
        selection: Selection | None = None,
    ) -> SimilarAnswer:
        """Find the photos that are like a photo of the bundle, which is itself left out.

        Raises:
            QueryError: Where an argument is out of range.
            PhotoNotFoundError: Where the bundle has no photo of this id.
        """
        started = time.perf_counter()
        selection = selection or Selection(k=k, min_relevance=min_relevance)
        selection.check()
        number = self.bundle.photos.find(photo_id)
        question = self._questions.like(number, selection.filters)
        return {"id": photo_id, **self._page(question, selection, started, without=number)}

    def photo(self, photo_id: str) -> PhotoAnswer:
        """Everything that is known of a photo; raises PhotoNotFoundError."""
        return self._describer.photo(self.bundle.photos.find(photo_id))

    def collection(self, k: int = DEFAULT_K, filters: Filters = EVERY_PHOTO) -> CollectionAnswer:
        """What there is to search, with up to `k` of the photos, spread evenly over those that pass the filters, by id.

        Raises:
            QueryError: Where an argument is out of range.
        """
        Selection(k=k).check()
        numbers = self.bundle.photos.present(filters.mask(self.bundle.photos))
        spread = numbers[np.arange(min(k, len(numbers))) * len(numbers) // max(1, min(k, len(numbers)))]
        shown = [int(number) for number in spread]
        return self._describer.collection(shown, total=len(numbers), image_side=self.image_side)

    def canonical(self, text: str) -> str:
        """A query as it is understood: two that are the same here have the same answer."""
        return self.bundle.encoder.canonical(text)

    def _page(self, question: Question, selection: Selection, started: float, *, without: int | None = None) -> Page:
        """A page of the photos by what is asked for; `without` is the number of a photo that is left out."""
        wanted = selection.offset + selection.k
        relevant, perhaps = self._relevant(question, selection, without, wanted + 1)
        page = relevant.where(slice(selection.offset, wanted))
        more = len(relevant.numbers) > wanted
        is_last = not more and (len(page.numbers) > 0 or selection.offset == 0)
        perhaps = perhaps.where(slice(0, selection.k - len(page.numbers) if is_last else 0))
        results, unsure = (self._results(question, photos, selection) for photos in (page, perhaps))
        return {
            "bundle": self.bundle.id,
            "took_ms": _since(started),
            "no_relevant_results": not len(relevant.numbers),
            "next_offset": wanted if more else None,
            "results": results,
            "perhaps": unsure,
        }

    def _results(self, question: Question, photos: Ranked, selection: Selection) -> list[Result]:
        results = self._describer.results(question, photos)
        if selection.dedupe:
            for result, folded in zip(results, self._folded(question, photos), strict=True):
                result["duplicates"] = folded
        return results

    def _relevant(
        self, question: Question, selection: Selection, without: int | None, wanted: int
    ) -> tuple[Ranked, Ranked]:
        """The first `wanted` photos that reach the threshold, or more, or all; then those that are perhaps meant."""
        own_curve = question.sought.own_curve if question.sought else None
        curve = own_curve or self.bundle.manifest.calibration.curve(question.kind)
        threshold, least = curve.threshold, min(curve.threshold, curve.perhaps)
        if selection.min_relevance is not None:
            threshold = least = selection.min_relevance
        count = wanted + 1  # the photo that is left out may be among them
        if selection.dedupe:
            count *= _RANKED_PER_GROUP
        while True:
            ranked = self._blending.first(question, count, least=least)
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
        groups = self.bundle.photos.groups[ranked.numbers]
        _, first = np.unique(groups, return_index=True)  # noqa: TID251 - without it, it needs numpy.ma
        firsts = ranked.where(np.sort(first))
        if without is None:
            return firsts
        return firsts.where(self.bundle.photos.groups[firsts.numbers] != self.bundle.photos.groups[without])

    def _folded(self, question: Question, page: Ranked) -> list[int]:
        """For each photo of a page, how many near-duplicates of it could have been answered in its place."""
        groups = self.bundle.photos.groups
        answered = np.zeros(len(groups), dtype=bool)
        answered[groups[page.numbers]] = True
        could = answered[groups] if question.allowed is None else answered[groups] & question.allowed
        numbers = np.flatnonzero(could)
        if question.sought is not None and question.sought.without:
            numbers = numbers[self._ranking.wanted(question.sought, numbers, self._ranking.captions(numbers))]
        sizes = np.bincount(groups[numbers], minlength=len(groups))
        counts: list[int] = (sizes[groups[page.numbers]] - 1).tolist()
        return counts


def _since(started: float) -> float:
    """Milliseconds since `started`, to the microsecond."""
    return round((time.perf_counter() - started) * 1_000, 3)
