"""Questions to a bundle of crowd.py, of which some read little of it and some everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from tests.functional.handler.tampering import read_everything

FIRST_ID = "animals/00000.jpg"


def untimed(answer: Mapping[str, object]) -> dict[str, object]:
    """An answer but for how long it took."""
    return {name: value for name, value in answer.items() if name != "took_ms"}


def _filtered(searcher: Searcher) -> object:
    filters = Filters(
        folders=("animals",), taken_from="2003", taken_to="2020-05", types=("jpeg",), where=("place:Paris",)
    )
    query = Query(texts=("a dog in the snow", "a red car"), without=("a boat",))
    return untimed(searcher.search(query, selection=Selection(k=5, min_relevance=0.0, filters=filters)))


QUESTIONS: tuple[Callable[[Searcher], object], ...] = (
    lambda searcher: untimed(searcher.search("a dog runs in the park", k=3)),
    _filtered,
    lambda searcher: untimed(searcher.similar(FIRST_ID, selection=Selection(k=4, min_relevance=0.0, dedupe=True))),
    lambda searcher: searcher.photo(FIRST_ID),
    lambda searcher: searcher.collection(7, Filters(where=("stars:1..2",))),
    lambda searcher: untimed(searcher.search("snow", selection=Selection(k=100, offset=50, min_relevance=0.0))),
    lambda searcher: untimed(searcher.facets(Query(texts=("a dog in the snow",)), min_relevance=0.1)),
    lambda searcher: untimed(searcher.facets(filters=Filters(folders=("animals",)))),
    lambda searcher: searcher.collection(9, order="newest", offset=20),
    lambda searcher: read_everything(searcher.bundle),
)
"""Whoever asks them knows from another searcher what the answers are."""
