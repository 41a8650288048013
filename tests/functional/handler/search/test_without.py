"""What photos should not show: the answer is the one without it, less the photos that are relevant to it.

Which those are is told by arithmetic on the photos, as in test_selection.py. Photos are found by a scan of all, and
tier by tier, as in a collection of which few rows are read for a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from handler.bundle.index import coded_index, nearness
from handler.bundle.index.coded_index import IndexPart
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.relevance import kind_of_query
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.ranking import IDENTITY_DEPTH
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.search.test_selection import (
    BY_ID,
    CHOICES,
    CONDITIONS,
    COUNT,
    NOUNS,
    PHOTOS,
    all_pages,
    fused_scores,
    ids,
)

SAID = [photo.caption for photo in PHOTOS[::40]]
EVERYTHING = Selection(min_relevance=0.0)


@pytest.fixture(scope="module", params=[1, 3], ids=["one segment", "three segments"])
def searcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    choices = replace(CHOICES, segments=request.param)
    return Searcher(open_bundle(write_bundle(tmp_path_factory.mktemp("without") / "bundle", PHOTOS, choices)))


@pytest.fixture(params=["all scanned", "tier by tier"])
def _few_are_read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "tier by tier":
        few_are_read(monkeypatch)


def few_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the photos were too many to be scanned."""
    monkeypatch.setattr(coded_index, "SCANNED", 100)
    monkeypatch.setattr(coded_index, "_READ_FOR_EACH", 1)
    monkeypatch.setattr(nearness, "FIRST_READ", 150)


class Unwanted:
    """Which photos are relevant to texts, by their ids."""

    def __init__(self, searcher: Searcher, texts: Sequence[str]) -> None:
        encoder, calibration = searcher.bundle.encoder, searcher.bundle.manifest.calibration
        captions = QuantisedVectors.of(encoder.encode([photo.caption for photo in PHOTOS])).floats()
        self.by_score: set[str] = set()
        self.by_caption: set[str] = set()
        for text in map(searcher.canonical, texts):
            if not encoder.knows(text):
                continue
            vector, curve = encoder.encode([text])[0], calibration.curve(kind_of_query(text))
            scores, lowest = fused_scores(searcher.bundle, vector), np.full(COUNT, -1e3, np.float32)
            self.by_score |= _ids(curve.relevance(scores, lowest) >= curve.threshold)
            self.by_caption |= _ids(curve.relevance(lowest, captions @ vector) >= curve.threshold)

    def less(self, plain: Sequence[str]) -> list[str]:
        """Of all photos in their order those that remain."""
        head, others = plain[:IDENTITY_DEPTH], plain[IDENTITY_DEPTH:]
        remaining = [photo for photo in head if photo not in self.by_score | self.by_caption]
        return remaining + [photo for photo in others if photo not in self.by_score]


def _ids(mask: NDArray[np.bool_]) -> set[str]:
    return {PHOTOS[number].id for number in np.flatnonzero(mask)}


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(st.sampled_from(NOUNS), min_size=1, max_size=3).map(" ".join),
    without=st.lists(st.sampled_from([*NOUNS, *SAID, "A  red BOAT", "🎉"]), min_size=1, max_size=3, unique=True),
    name=st.sampled_from([None, "two folders", "month on", "no such folder", "range"]),
    k=st.integers(1, 100),
    offset=st.integers(0, 60),
    min_relevance=st.sampled_from([None, 0.0, 0.3]),
    dedupe=st.booleans(),
)
@pytest.mark.usefixtures("_few_are_read")
def test_what_remains_is_answered_as_it_would_be_without(
    searcher: Searcher,
    text: str,
    without: list[str],
    name: str | None,
    k: int,
    offset: int,
    min_relevance: float | None,
    dedupe: bool,
) -> None:
    filters = CONDITIONS[name][0] if name else Filters()
    without = [unwanted for unwanted in without if unwanted.casefold() != text]
    unwanted = Unwanted(searcher, without)
    remaining = set(unwanted.less(ids(all_pages(searcher, text, 100, replace(EVERYTHING, filters=filters)))))
    plain = all_pages(searcher, text, 100, Selection(min_relevance=min_relevance, filters=filters))
    groups: set[str] = set()
    expected = []
    for result in plain:
        group = BY_ID[result["id"]].copy_of or result["id"]
        if result["id"] in remaining and not (dedupe and group in groups):
            expected.append(result)
            groups.add(group)
    query = Query(texts=(text,), without=tuple(without))
    selection = Selection(k=k, offset=offset, min_relevance=min_relevance, dedupe=dedupe, filters=filters)

    answer = searcher.search(query, selection=selection)

    found = [{name: value for name, value in result.items() if name != "duplicates"} for result in answer["results"]]
    assert found == expected[offset : offset + k]
    assert answer["next_offset"] == (offset + k if len(expected) > offset + k else None)
    assert answer["no_relevant_results"] is (not expected)
    could = {p.id for p in PHOTOS if not name or CONDITIONS[name][1](p)} - unwanted.by_score - unwanted.by_caption
    for result in answer["results"] if dedupe else []:
        group = BY_ID[result["id"]].copy_of or result["id"]
        others = [photo for photo in could - {result["id"]} if (BY_ID[photo].copy_of or photo) == group]
        assert result["duplicates"] == len(others)


@pytest.mark.parametrize("k", [1, 7, 64])
@pytest.mark.usefixtures("_few_are_read")
def test_pages_fit_together(searcher: Searcher, k: int) -> None:
    query = Query(texts=("park",), without=("dog", "A  red BOAT", "🎉"))
    found = ids(all_pages(searcher, query, k, EVERYTHING))

    assert found == Unwanted(searcher, query.without).less(ids(all_pages(searcher, "park", 100, EVERYTHING)))
    assert IDENTITY_DEPTH < len(found) < COUNT


def test_a_caption_that_says_it_is_left_out_too(tmp_path: Path) -> None:
    photos = [
        TinyPhoto(id="said.jpg", caption="red ball", seen="boat water"),
        TinyPhoto(id="other.jpg", caption="blue car", seen="boat water"),
    ]
    folder = write_bundle(tmp_path / "bundle", photos, BundleChoices(weights=(0.1, 9.0)))
    searcher = Searcher(open_bundle(folder))

    assert ids(searcher.search("boat water", min_relevance=0.0)["results"]) == ["other.jpg", "said.jpg"]
    query = Query(texts=("boat water",), without=("Red ball",))
    assert ids(searcher.search(query, min_relevance=0.0)["results"]) == ["other.jpg"]


def test_captions_are_read_of_the_first_photos_alone(tmp_path: Path) -> None:
    """Those included that are left out, so that it doesn't depend on what else is left out which they are."""
    photos = [
        TinyPhoto(id=f"{number:03}.jpg", caption="red ball", seen="boat water") for number in range(2 * IDENTITY_DEPTH)
    ]
    photos[:9] = [replace(photo, seen="boat water snow") for photo in photos[:9]]
    folder = write_bundle(tmp_path / "bundle", photos, BundleChoices(weights=(0.0, 9.0)))
    searcher = Searcher(open_bundle(folder))
    last = [photo.id for photo in photos[9 + IDENTITY_DEPTH :]] + [photo.id for photo in photos[:9]]

    for without in (("red ball",), ("red ball", "snow")):
        found = all_pages(searcher, Query(texts=("boat water",), without=without), 100, EVERYTHING)
        assert ids(found) == [photo for photo in last if "snow" not in without or photo > "008.jpg"]


def test_what_just_reaches_the_threshold_is_left_out(tmp_path: Path) -> None:
    choices = BundleChoices(slope=0.5, intercept=-2.0)
    photos = [replace(photo, copy_of=None) for photo in PHOTOS[:40]]
    bundle = open_bundle(write_bundle(tmp_path / "any", photos, choices))
    hits = bundle.index.search(bundle.encoder.encode(["dog"])[0], len(photos))
    relevances = bundle.manifest.calibration.curve("name").relevance(hits.scores, np.full_like(hits.scores, -1.0))
    at, above = relevances[7], np.nextafter(relevances[7], np.float32(1.0))
    for name, least, left in (("at", float(at), 32), ("above", float(above), 33)):
        folder = write_bundle(tmp_path / name, photos, replace(choices, threshold=least))
        answer = Searcher(open_bundle(folder)).search(
            Query(texts=("tree",), without=("dog",)), k=100, min_relevance=0.0
        )
        assert len(answer["results"]) == left
        assert (photos[hits.numbers[7]].id in ids(answer["results"])) is (name == "above")


def test_what_is_left_out_is_not_perhaps_meant_and_no_duplicate(tmp_path: Path) -> None:
    photos = [
        TinyPhoto(id="a.jpg", caption="boat water", seen="boat water"),
        TinyPhoto(id="b.jpg", caption="red ball", seen="boat water", copy_of="a.jpg"),
        TinyPhoto(id="c.jpg", caption="snow mountain", seen="boat water", copy_of="a.jpg"),
        TinyPhoto(id="d.jpg", caption="red ball", seen="boat tree"),
    ]
    choices = BundleChoices(weights=(0.5, 9.0), threshold=0.99, perhaps=0.01)
    searcher = Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos, choices)))

    def found(*without: str) -> tuple[list[str], list[str], int]:
        query = Query(texts=("boat water",), without=without)
        answer = searcher.search(query, selection=Selection(dedupe=True))
        return ids(answer["results"]), ids(answer["perhaps"]), answer["results"][0]["duplicates"]

    assert found() == (["a.jpg"], ["d.jpg"], 2)
    assert found("red ball") == (["a.jpg"], [], 1)


def test_few_rows_are_read(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than without it where enough remain, and no more than may be relevant where hardly any does."""
    few_are_read(monkeypatch)
    read: dict[bytes, int] = {}
    scores = IndexPart.scores

    def counted(part: IndexPart, query: QuantisedVectors, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        vector = query.rows.tobytes()
        read[vector] = read.get(vector, 0) + len(chosen)
        return scores(part, query, chosen)

    monkeypatch.setattr(IndexPart, "scores", counted)

    def rows(without: tuple[str, ...], min_relevance: float) -> list[int]:
        read.clear()
        searcher.search(Query(texts=("dog",), without=without), min_relevance=min_relevance)
        return list(read.values())

    (plain,) = rows((), 0.0)
    assert plain < COUNT
    same, others = rows(("red boat",), 0.0)
    assert same == plain
    assert others <= plain
    assert rows(("dog dog",), 0.99)[0] == plain
