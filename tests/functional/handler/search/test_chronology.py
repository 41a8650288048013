"""Photos by date: every page is that of the whole list, sorted here by what the photos are known to say."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.photos.heads import Head
from handler.errors import Problem, QueryError
from handler.search.filters import EVERY_PHOTO, Filters
from handler.search.overview import chronology
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import BY_DATE, ORDERS, ByDate, Order, Selection
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.format_1 import write_bundle_1
from tests.functional.handler.search.test_selection import CHOICES, NOUNS, all_pages, ids

MOMENTS = (
    None,
    None,
    "2024-05-06",
    "2024-05-06T07:08:09",
    "2024-05-06T07:08:09",
    "2024-05-06T23:59:59+02:00",
    "2024-05-07T00:00:00",
    "1899-12-31T01:02:03",
    "0001-01-01",
    "9999-12-31T23:59:59",
)


def make_photos() -> list[TinyPhoto]:
    chooser = random.Random(5)
    return [
        TinyPhoto(
            id=f"{chooser.choice(['a', 'b', 'é'])}/{number:03}.jpg",
            caption=" ".join(chooser.choices(NOUNS, k=2)),
            taken=chooser.choice(MOMENTS),
            type=chooser.choice(["jpeg", "png"]),
        )
        for number in range(240)
    ]


PHOTOS = make_photos()
BY_ID = {photo.id: photo for photo in PHOTOS}


@pytest.fixture(scope="module", params=["one segment", "three segments", "format 1"])
def searcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("chronology") / "bundle"
    if request.param == "format 1":
        return Searcher(open_bundle(write_bundle_1(folder, PHOTOS, CHOICES)))
    choices = replace(CHOICES, segments=3 if request.param == "three segments" else 1)
    return Searcher(open_bundle(write_bundle(folder, PHOTOS, choices)))


def in_order(photos: Sequence[TinyPhoto], order: Order) -> list[str]:
    """Their ids, by when they were taken, then by id, and those without a date last."""
    by_id = sorted(photos, key=lambda photo: photo.id)
    dated = sorted((p for p in by_id if p.taken), key=lambda photo: photo.taken or "", reverse=order == "newest")
    return [photo.id for photo in [*dated, *(p for p in by_id if not p.taken)]]


def browsed(searcher: Searcher, order: ByDate, k: int, filters: Filters = EVERY_PHOTO) -> list[str]:
    """All photos, page by page."""
    found: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer = searcher.collection(k, filters, order=order, offset=offset)
        assert len(answer["photos"]) == k or answer["next_offset"] is None
        assert answer["next_offset"] in (None, offset + k)
        found += [photo["id"] for photo in answer["photos"]]
        offset = answer["next_offset"]
    assert answer["total"] == len(found)
    return found


@pytest.mark.parametrize("order", BY_DATE)
@pytest.mark.parametrize("k", [7, 100])
@pytest.mark.parametrize("kept_from", [1, 1_024], ids=["kept", "read each time"])
def test_a_collection_is_browsed_by_date(
    searcher: Searcher, order: ByDate, k: int, kept_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chronology, "_KEPT_FROM", kept_from)
    assert browsed(searcher, order, k) == in_order(PHOTOS, order)
    filters = Filters(folders=("a", "é"), types=("png",))
    expected = [photo for photo in PHOTOS if photo.id[0] in "aé" and photo.type == "png"]
    assert browsed(searcher, order, k, filters) == in_order(expected, order)


def test_months_say_where_the_photos_of_each_are(searcher: Searcher) -> None:
    """A page can be laid out by them before a photo of it is fetched."""
    months = [month for month in searcher.facets()["months"] for _ in range(month["count"])]
    dates = [(BY_ID[photo_id].taken or "")[:7] for photo_id in browsed(searcher, "newest", 100)]
    assert [month["month"] for month in months] == dates[: len(months)]
    assert set(dates[len(months) :]) == {""}


def test_beyond_the_last_page_there_is_nothing(searcher: Searcher) -> None:
    answer = searcher.collection(5, order="oldest", offset=100_000_000)
    assert (answer["photos"], answer["next_offset"], answer["total"]) == ([], None, len(PHOTOS))
    nothing = searcher.collection(5, Filters(folders=("nowhere",)), order="newest")
    assert (nothing["photos"], nothing["next_offset"], nothing["total"]) == ([], None, 0)


def test_an_offset_needs_an_order(searcher: Searcher) -> None:
    with pytest.raises(QueryError) as error:
        searcher.collection(5, offset=5)
    assert str(error.value) == "offset is 5, but there is no order (expected newest or oldest)"
    assert (error.value.parameter, error.value.problem) == ("offset", Problem.CONTRADICTORY)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from([*NOUNS, "dog snow"]),
    order=st.sampled_from(BY_DATE),
    k=st.sampled_from([23, 100]),
    dedupe=st.booleans(),
    min_relevance=st.sampled_from([None, 0.0, 0.3]),
)
def test_results_by_date_are_those_by_relevance_in_another_order(
    searcher: Searcher, text: str, order: ByDate, k: int, dedupe: bool, min_relevance: float | None
) -> None:
    selection = Selection(dedupe=dedupe, min_relevance=min_relevance)
    by_relevance = all_pages(searcher, text, 100, selection)
    found = all_pages(searcher, text, k, replace(selection, order=order))
    assert ids(found) == in_order([BY_ID[photo_id] for photo_id in ids(by_relevance)], order)
    assert sorted(found, key=lambda result: result["id"]) == sorted(by_relevance, key=lambda result: result["id"])


def test_what_is_perhaps_meant_stays_in_the_order_of_relevance(tmp_path: Path) -> None:
    choices = BundleChoices(slope=0.5, intercept=-2.0, threshold=0.6, perhaps=0.1)
    searcher = Searcher(open_bundle(write_bundle(tmp_path / "bundle", PHOTOS, choices)))
    for text in ("dog", "snow"):
        query, whole = Query(texts=(text,), mode="meaning"), Selection(k=100)
        plain, newest = (
            searcher.search(query, selection=replace(whole, order=order)) for order in ("relevance", "newest")
        )
        assert plain["results"]
        assert len(plain["perhaps"]) > 1
        assert newest["perhaps"] == plain["perhaps"]
        assert ids(newest["results"]) == in_order([BY_ID[one["id"]] for one in plain["results"]], "newest")


def test_photos_that_are_like_one_come_by_date_too(searcher: Searcher) -> None:
    photo_id = PHOTOS[0].id
    selection = Selection(k=100, min_relevance=0.0, order="oldest")
    found = searcher.similar(photo_id, selection=selection)["results"]
    assert ids(found) == in_order([photo for photo in PHOTOS if photo.id != photo_id], "oldest")[:100]


def test_results_say_when_they_were_taken(searcher: Searcher) -> None:
    found = searcher.search("dog", k=100, min_relevance=0.0)["results"]
    assert [result["taken"] for result in found] == [BY_ID[result["id"]].taken for result in found]


def test_the_orders_are_those_of_their_types() -> None:
    assert (get_args(ByDate), get_args(Order)) == (BY_DATE, ORDERS)


@pytest.mark.parametrize("segments", [1, 2])
def test_a_head_is_what_the_record_says(tmp_path: Path, segments: int) -> None:
    """Whatever stands in the record, and however it is escaped."""
    photos = [
        TinyPhoto(id='"taken":"1999', caption='"taken":"2000"', taken=None),
        TinyPhoto(id="back\\slash/é\n.jpg", caption="a", taken="2024-01-01"),
        TinyPhoto(id="plain.jpg", caption="a", taken='20"24', columns={"taken": "2001", "id": "x"}),
        TinyPhoto(id="雪.jpg", caption='{"id":"y"}', taken="2024-01-01T00:00:00", columns={"taken": 3.0}),
    ]
    choices = BundleChoices(segments=segments)
    bundles = [open_bundle(write_bundle(tmp_path / "bundle", photos, choices))]
    if segments == 1:
        bundles.append(open_bundle(write_bundle_1(tmp_path / "older", photos, choices)))
    for bundle in bundles:
        numbers = np.arange(len(bundle.photos))[::-1]
        records = bundle.photos.records(numbers.tolist())
        assert bundle.photos.heads(numbers) == [Head(id=record.id, taken=record.taken) for record in records]
        assert {photo.id for photo in photos} == {head.id for head in bundle.photos.heads(numbers)}
