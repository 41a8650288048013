"""The empty collection: what answers, as a searcher does, before anything is published."""

from __future__ import annotations

from typing import NoReturn

from handler.bundle.texts import normalise
from handler.errors import NoVisionError, PhotoNotFoundError
from handler.search.answers import CollectionAnswer, FacetsAnswer, Page, SearchAnswer, SimilarAnswer
from handler.search.filters import EVERY_PHOTO, Filters
from handler.search.pictures.picture_query import PictureQuery
from handler.search.query import Query
from handler.search.selection import DEFAULT_K, ByDate, Selection, check_page

NO_BUNDLE = "0" * 16


class EmptyCollection:
    """A searcher without a bundle: it knows no photo, no column and no word, and its id is sixteen zeros."""

    bundle_id = NO_BUNDLE
    photo_count = 0

    def search(self, query: Query, *, selection: Selection) -> SearchAnswer:
        query.check()
        selection.check()
        texts = " + ".join(map(self.canonical, query.texts))
        return {"query": texts, **_NOTHING, "corrected": None}

    def similar(self, photo_id: str, *, selection: Selection) -> SimilarAnswer:
        selection.check()
        return self.photo(photo_id)

    def search_by_picture(self, asked: PictureQuery, selection: Selection) -> SearchAnswer:  # noqa: ARG002
        self.vision()

    def photo(self, photo_id: str) -> NoReturn:
        raise PhotoNotFoundError(f"No photo has the id {photo_id[:200]!r}: nothing is published yet")

    def vision(self) -> NoReturn:
        raise NoVisionError("No picture can be asked with: nothing is published yet")

    def facets(
        self,
        query: Query | None = None,
        *,
        min_relevance: float | None = None,
        filters: Filters = EVERY_PHOTO,
        dedupe: bool = False,
    ) -> FacetsAnswer:
        Selection(min_relevance=min_relevance, filters=filters, dedupe=dedupe).check()
        if query:
            query.check()
        return {
            "query": " + ".join(map(self.canonical, query.texts)) if query else "",
            "bundle": NO_BUNDLE,
            "took_ms": 0.0,
            "total": 0,
            "months": [],
            "undated": 0,
            "folders": [],
            "orientations": [],
            "types": [],
            "columns": [],
        }

    def collection(
        self,
        k: int = DEFAULT_K,
        filters: Filters = EVERY_PHOTO,  # noqa: ARG002
        *,
        order: ByDate | None = None,
        offset: int = 0,
    ) -> CollectionAnswer:
        check_page(k, offset, order)
        return {
            "bundle": NO_BUNDLE,
            "total": 0,
            "next_offset": None,
            "suggestions": [],
            "columns": [],
            "image_queries": False,
            "image_side": None,
            "image_fit": None,
            "photos": [],
        }

    def canonical(self, text: str) -> str:
        return normalise(text)


_NOTHING: Page = {
    "bundle": NO_BUNDLE,
    "took_ms": 0.0,
    "no_relevant_results": True,
    "next_offset": None,
    "results": [],
    "perhaps": [],
}
