"""Facets: what counting costs, next to the search whose results are counted, and pages of a whole collection by date.

Of each query one answer follows the other, so that all of them see the same machine; the ratios are what counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.performance.report import Table, spread
from tests.performance.search import QUERIES, WARM_UP_ROUNDS

ROUNDS = 15
SEARCH = "a search"
FILTERS = Filters(orientations=("landscape",), taken_from="2018", taken_to="2021")
FIRST = ("the first facets of a process", "the first page by date")


def measure(folder: Path) -> Table:
    """Ask the same queries in each way in turn, ROUNDS times."""
    searcher = Searcher(open_bundle(folder))
    searcher.search(QUERIES[0])
    first_ms = [_took_ms(searcher.facets), _took_ms(lambda: searcher.collection(100, order="newest"))]
    took_ms: dict[str, list[float]] = {}
    found: dict[str, list[int]] = {}
    for round_number in range(WARM_UP_ROUNDS + ROUNDS):
        for number, query in enumerate(QUERIES):
            for name, ask in _ways(searcher, query, 4_999 * number).items():
                totals: list[int] = []
                took = _took_ms(lambda ask=ask, totals=totals: totals.append(ask()))  # type: ignore[misc]
                if round_number >= WARM_UP_ROUNDS:
                    took_ms.setdefault(name, []).append(took)
                    found.setdefault(name, []).extend(totals)
    photos = searcher.bundle.manifest.counts.photos
    search_ms = np.median(took_ms[SEARCH])
    once = [(name, f"{took:.1f}", f"{took / search_ms:.2f}", "") for name, took in zip(FIRST, first_ms, strict=True)]
    return Table(
        title="Facets",
        how=(
            f"{len(QUERIES)} queries over {photos:,} synthetic photos, {ROUNDS} times, each in these ways in turn, in "
            "one process on one thread; median and quartiles of the processor's time, and the ratio of the medians to "
            "that of a search for ten results by the collection's own threshold. Counted is the median of how many "
            "photos an answer is of. What is made of a bundle once is shown apart."
        ),
        header=("answer", "processor ms", "ratio to a search", "counted"),
        rows=[
            *(
                (name, spread(times), f"{np.median(times) / search_ms:.2f}", f"{np.median(found[name]):,.0f}")
                for name, times in took_ms.items()
            ),
            *once,
        ],
    )


def _ways(searcher: Searcher, query: str, offset: int) -> Mapping[str, Callable[[], int]]:
    """Answers by what they are called: each says how many photos it is of."""
    asked = Query(texts=(query,))
    filtered = Selection(filters=FILTERS)
    low = Selection(min_relevance=0.02)
    return {
        SEARCH: lambda: len(searcher.search(asked)["results"]),
        "facets of what it finds": lambda: searcher.facets(asked)["total"],
        "a search with filters": lambda: len(searcher.search(asked, selection=filtered)["results"]),
        "facets of what that finds": lambda: searcher.facets(asked, filters=FILTERS)["total"],
        "a search from relevance 0.02 on": lambda: len(searcher.search(asked, selection=low)["results"]),
        "facets of what that finds, from 0.02 on": lambda: searcher.facets(asked, min_relevance=0.02)["total"],
        "facets of all photos": lambda: searcher.facets()["total"],
        "facets of what filters leave": lambda: searcher.facets(filters=FILTERS)["total"],
        "100 photos by date": lambda: len(searcher.collection(100, order="newest", offset=offset)["photos"]),
        "100 photos chosen from all": lambda: len(searcher.collection(100)["photos"]),
    }


def _took_ms(do: Callable[[], object]) -> float:
    started = time.thread_time()
    do()
    return (time.thread_time() - started) * 1000
