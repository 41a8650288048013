"""The searcher: a question in, photos with their relevance out.

Knows how the parts of a bundle work together; knows nothing of HTTP or of the disk.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.search.answers import (
    CollectionAnswer,
    FacetsAnswer,
    Page,
    PhotoAnswer,
    Result,
    SearchAnswer,
    SimilarAnswer,
)
from handler.search.blending import Question
from handler.search.describer import Describer
from handler.search.filters import EVERY_PHOTO, Filters
from handler.search.finding import Finding
from handler.search.pictures.picture_query import PictureQuery, sighted, taken
from handler.search.pictures.vision import Vision
from handler.search.query import Query
from handler.search.questions import Questions
from handler.search.ranking import Ranked
from handler.search.selection import DEFAULT_K, ByDate, Selection, check_page
from handler.search.spelling import respelt

if TYPE_CHECKING:
    from handler.search.overview.absences import Absence
    from handler.search.overview.chronology import Chronology
    from handler.search.overview.facets import Facets


class Searcher:
    """Answers from one bundle for as long as it lives."""

    def __init__(
        self, bundle: Bundle, *, media_url: str = "", vision: Vision | None = None, makes_previews: bool = False
    ) -> None:
        """Answer from `bundle`; `media_url` is what photos' addresses are relative to, `vision` sees pictures.

        `makes_previews` says that whoever serves the photos makes their previews, whatever the bundle says of them.
        """
        self.bundle = bundle
        self._vision = vision
        has_previews = makes_previews or bundle.manifest.previews
        self._describer = Describer(bundle, media_url=media_url, has_previews=has_previews)
        self._finding = Finding(bundle)
        self._questions = Questions(bundle)

    @property
    def bundle_id(self) -> str:
        """What the answers are of."""
        return self.bundle.id

    @property
    def photo_count(self) -> int:
        """How many photos there are."""
        return self.bundle.manifest.counts.photos

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
        if not answer["no_relevant_results"]:
            return answer
        other = self._spelt_otherwise(query, selection, started)
        better = other is not None and (
            not other["no_relevant_results"] or (other["perhaps"] and not answer["perhaps"])
        )
        return other if other is not None and better else answer

    def _spelt_otherwise(self, query: Query, selection: Selection, started: float) -> SearchAnswer | None:
        """The answer to the query with known words in the place of unknown ones; None where all are known."""
        other = respelt(query, self.bundle.encoder)
        if other is None:
            return None
        page = self._page(self._questions.of(other, selection.filters), selection, started)
        typed = " + ".join(map(self.canonical, query.texts))
        return {"query": typed, **page, "corrected": " + ".join(other.texts)}

    def facets(
        self,
        query: Query | None = None,
        *,
        min_relevance: float | None = None,
        filters: Filters = EVERY_PHOTO,
        dedupe: bool = False,
    ) -> FacetsAnswer:
        """Count the photos that a search would find, or all that pass the filters, by what they can be filtered by.

        Arguments are those of such a search, `query` None for all photos. Raises QueryError for what is out of range.
        """
        started = time.perf_counter()
        selection = Selection(min_relevance=min_relevance, filters=filters, dedupe=dedupe)
        selection.check()
        counted = np.zeros(len(self.bundle.photos), dtype=bool)
        counted[self._all_found(query, selection)] = True
        return {
            "query": " + ".join(map(self.canonical, query.texts)) if query else "",
            "bundle": self.bundle.id,
            **self._facets.of(counted, filters.folders),
            "took_ms": _since(started),
        }

    def _all_found(self, query: Query | None, selection: Selection) -> NDArray[np.int64]:
        """The numbers of the photos that pages of a search would have as results, or of all that pass the filters."""
        if query is None:
            return self.bundle.photos.present(selection.filters.mask(self.bundle.photos))
        query.check()
        numbers = self._all_relevant(query, selection)
        other = None if len(numbers) else respelt(query, self.bundle.encoder)
        return self._all_relevant(other, selection) if other else numbers

    def _all_relevant(self, query: Query, selection: Selection) -> NDArray[np.int64]:
        question = self._questions.of(query, selection.filters)
        return self._finding.every_relevant(question, selection).numbers

    def absences(self, filters: Filters) -> list[Absence]:
        """What filters on folders and columns name that no photo has, and what there is; raises QueryError."""
        from handler.search.overview.absences import absences

        return list(absences(self.bundle.photos, self._facets, filters))

    @cached_property
    def _facets(self) -> Facets:
        from handler.search.overview.facets import Facets

        return Facets(self.bundle.photos)

    @cached_property
    def _chronology(self) -> Chronology:
        from handler.search.overview.chronology import Chronology

        return Chronology(self.bundle.photos)

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

    def collection(
        self,
        k: int = DEFAULT_K,
        filters: Filters = EVERY_PHOTO,
        *,
        order: ByDate | None = None,
        offset: int = 0,
    ) -> CollectionAnswer:
        """What there is to search, with up to `k` of the photos that pass the filters.

        Args:
            k: Photos wanted, 1 to 100.
            filters: What photos must be.
            order: By which date they come; without one some are chosen, spread evenly over all, in the order of their
                ids.
            offset: How many come before those that are wanted, in an order.

        Raises:
            QueryError: Where an argument is out of range, or there is an offset without an order.
        """
        check_page(k, offset, order)
        numbers = self.bundle.photos.present(filters.mask(self.bundle.photos))
        if order is None:
            count = min(k, len(numbers))
            shown = numbers[np.arange(count) * len(numbers) // max(1, count)]
        else:
            shown = self._by_date(numbers, order, offset, k)
        more = order is not None and len(numbers) > offset + k
        answer = self._describer.collection(
            shown.tolist(),
            total=len(numbers),
            next_offset=offset + k if more else None,
            pictures=taken(self._vision, self.bundle.manifest),
        )
        if order is None:
            answer["photos"].sort(key=lambda photo: photo["id"])
        return answer

    def canonical(self, text: str) -> str:
        """A query as it is understood: two that are the same here have the same answer."""
        return self.bundle.encoder.canonical(text)

    def _page(self, question: Question, selection: Selection, started: float, *, without: int | None = None) -> Page:
        """A page of the photos by what is asked for; `without` is the number of a photo that is left out."""
        wanted = selection.offset + selection.k
        if selection.order == "relevance":
            relevant, perhaps = self._finding.relevant(question, selection, without, wanted + 1)
            page = relevant.where(slice(selection.offset, wanted))
        else:
            relevant, perhaps = self._finding.relevant(question, selection, without, len(self.bundle.photos))
            page = relevant.of(self._by_date(relevant.numbers, selection.order, selection.offset, selection.k))
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

    def _by_date(self, numbers: NDArray[np.int64], order: ByDate, offset: int, count: int) -> NDArray[np.int64]:
        """Some of the photos of numbers in an order by date: those that come after `offset`, at most `count`."""
        chosen = np.zeros(len(self.bundle.photos), dtype=bool)
        chosen[numbers] = True
        return self._chronology.page(chosen, newest=order == "newest", offset=offset, count=count)

    def _results(self, question: Question, photos: Ranked, selection: Selection) -> list[Result]:
        results = self._describer.results(question, photos)
        if selection.dedupe:
            for result, folded in zip(results, self._finding.folded(question, photos), strict=True):
                result["duplicates"] = folded
        return results


def _since(started: float) -> float:
    """Milliseconds since `started`, to the microsecond."""
    return round((time.perf_counter() - started) * 1_000, 3)
