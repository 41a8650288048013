"""Selections: what filters, folding, exclusion and paging cost, next to the same search over everything.

Of each query and each selection one search follows the other, so that all of them see the same machine; the ratios
are what counts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from handler.search.filters import Filters
from handler.search.query import Mode, Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.performance.report import Table, spread
from tests.performance.search import QUERIES, WARM_UP_ROUNDS

ROUNDS = 15
EVERYTHING = "everything"
BY_MEANING = "by meaning alone"
BY_WORDS = "by words alone"
SELECTIONS: Mapping[str, Selection] = {
    EVERYTHING: Selection(min_relevance=0.0),
    BY_MEANING: Selection(min_relevance=0.0),
    BY_WORDS: Selection(min_relevance=0.0),
    "orientation, 2 of 3 photos": Selection(min_relevance=0.0, filters=Filters(orientations=("landscape",))),
    "date, 1 of 10": Selection(min_relevance=0.0, filters=Filters(taken_from="2020-03", taken_to="2020")),
    "own number, 2 of 5": Selection(min_relevance=0.0, filters=Filters(where=("rating:3..",))),
    "own text, 1 of 100": Selection(min_relevance=0.0, filters=Filters(where=("place:place 7",))),
    "folder, 1 of 100": Selection(min_relevance=0.0, filters=Filters(folders=("00007",))),
    "four filters": Selection(
        min_relevance=0.0,
        filters=Filters(
            orientations=("portrait",), taken_from="2020", taken_to="2020", where=("place:place 5", "rating:0")
        ),
    ),
    "near-duplicates folded": Selection(min_relevance=0.0, dedupe=True),
    "offset 1,000": Selection(min_relevance=0.0, offset=1_000),
    "excluding a text": Selection(min_relevance=0.0),
}
MODES: Mapping[str, Mode] = {BY_MEANING: "meaning", BY_WORDS: "words"}


def measure(folder: Path) -> Table:
    """Ask the same queries with each selection in turn, ROUNDS times."""
    searcher = Searcher(open_bundle(folder))
    took_ms: dict[str, list[float]] = {name: [] for name in SELECTIONS}
    for round_number in range(WARM_UP_ROUNDS + ROUNDS):
        for query in QUERIES:
            for name, selection in SELECTIONS.items():
                asked = Query(
                    texts=(query,),
                    without=("a plane in the sky",) if name.startswith("excluding") else (),
                    mode=MODES.get(name, "all"),
                )
                started = time.thread_time()
                searcher.search(asked, selection=selection)
                if round_number >= WARM_UP_ROUNDS:
                    took_ms[name].append((time.thread_time() - started) * 1000)
    photos = searcher.bundle.manifest.counts.photos
    return Table(
        title="Selections",
        how=(
            f"{len(QUERIES)} queries over {photos:,} synthetic photos, {ROUNDS} times, asked for ten results each: "
            "over everything and with each selection in turn, in one process on one thread; median and quartiles of "
            "the processor's time, which other load disturbs less than the clock's, and the ratio of the medians. "
            "Encoding the query is part of it."
        ),
        header=("selection", "processor ms", "ratio to everything"),
        rows=[
            (name, spread(times), f"{np.median(times) / np.median(took_ms[EVERYTHING]):.2f}")
            for name, times in took_ms.items()
        ],
    )
