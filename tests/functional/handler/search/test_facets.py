"""Facets: every count is that of the results which all pages of the same search have, counted here in Python.

And it is that of what the filter by its value would leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.errors import QueryError
from handler.search.answers import FacetsAnswer
from handler.search.filters import EVERY_PHOTO, Filters
from handler.search.overview import facets as counting
from handler.search.overview import postings
from handler.search.query import MODES, Mode, Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.format_1 import write_bundle_1
from tests.functional.handler.search.dealt import Dealer
from tests.functional.handler.search.test_segments import FILTERS, STALE, hands
from tests.functional.handler.search.test_segments import PHOTOS as ALIKE
from tests.functional.handler.search.test_selection import BY_ID, CHOICES, CONDITIONS, NOUNS, PHOTOS, all_pages, ids
from tests.functional.handler.search.test_without import few_are_read

FOLDERS = ("a", "a/b", "a b", "a0", "é", "")
PLACES = ("Paris", "Île-de-France", "paris  texas", "Rome")


@pytest.fixture(scope="module", params=["one segment", "three segments", "format 1"])
def searcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("facets") / "bundle"
    if request.param == "format 1":
        return Searcher(open_bundle(write_bundle_1(folder, PHOTOS, CHOICES)))
    choices = replace(CHOICES, segments=3 if request.param == "three segments" else 1)
    return Searcher(open_bundle(write_bundle(folder, PHOTOS, choices)))


def expected(found: Sequence[TinyPhoto], parent: str = "") -> dict[str, Any]:
    """What is to be answered of some photos."""
    months = Counter(photo.taken[:7] for photo in found if photo.taken)
    below = [photo.id.removeprefix(parent) for photo in found if photo.id.startswith(parent)]
    folders = Counter(f"{parent}{name.split('/')[0]}" for name in below if "/" in name)
    return {
        "total": len(found),
        "months": [{"month": month, "count": months[month]} for month in sorted(months, reverse=True)],
        "undated": sum(photo.taken is None for photo in found),
        "folders": [{"folder": folder, "count": folders[folder]} for folder in sorted(folders)],
        "orientations": ranked([_orientation(photo) for photo in found]),
        "types": ranked([photo.type for photo in found]),
        "columns": [
            {"column": name, "values": ranked(values), "others": 0}
            for name in ("place", "stars")
            if (values := [value for photo in found for value in _values(photo, name)])
        ],
    }


def ranked(values: Sequence[Any]) -> list[dict[str, Any]]:
    counts = Counter(values)
    return [{"value": value, "count": counts[value]} for value in sorted(counts, key=lambda v: (-counts[v], v))]


def _orientation(photo: TinyPhoto) -> str:
    return ("portrait", "square", "landscape")[1 + (photo.width > photo.height) - (photo.width < photo.height)]


def _values(photo: TinyPhoto, name: str) -> tuple[Any, ...]:
    value = photo.columns.get(name, ())
    return value if isinstance(value, tuple) else (value,)


def counts(answer: FacetsAnswer) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("query", "bundle", "took_ms")}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.sampled_from([*NOUNS, "A  red BOAT", '"tree"', "🎉", "boet"]), max_size=2, unique=True),
    without=st.lists(st.sampled_from(["water", "a black cat"]), max_size=1),
    names=st.sets(st.sampled_from(sorted(CONDITIONS)), max_size=2),
    min_relevance=st.sampled_from([None, 0.0, 0.3, 0.9]),
    mode=st.sampled_from(MODES),
    dedupe=st.booleans(),
    tiers=st.booleans(),
)
def test_counts_are_those_of_all_pages(
    searcher: Searcher,
    texts: list[str],
    without: list[str],
    names: set[str],
    min_relevance: float | None,
    mode: Mode,
    dedupe: bool,
    tiers: bool,
) -> None:
    filters = Filters()
    for name in sorted(names):
        more = CONDITIONS[name][0]
        filters = Filters(
            folders=filters.folders or more.folders,
            taken_from=filters.taken_from or more.taken_from,
            taken_to=filters.taken_to,
            orientations=filters.orientations or more.orientations,
            types=filters.types or more.types,
            where=filters.where + more.where,
        )
    without = [text for text in without if text not in texts]
    with pytest.MonkeyPatch.context() as patch:
        if tiers:
            few_are_read(patch)
        if not texts:
            everything = all_pages(searcher, "dog", 100, Selection(min_relevance=0.0, filters=filters))
            answer = searcher.facets(filters=filters)
            assert searcher.collection(filters=filters)["total"] == len(everything)
        else:
            query = Query(texts=tuple(texts), without=tuple(without), mode=mode)
            selection = Selection(min_relevance=min_relevance, filters=filters, dedupe=dedupe)
            everything = all_pages(searcher, query, 100, selection)
            answer = searcher.facets(query, min_relevance=min_relevance, filters=filters, dedupe=dedupe)
            assert answer["query"] == searcher.search(query)["query"]

    parent = f"{filters.folders[0].rstrip('/')}/" if len(filters.folders) == 1 else ""
    assert counts(answer) == expected([BY_ID[photo_id] for photo_id in ids(everything)], parent)


def test_each_count_is_that_of_the_filter_by_its_value(searcher: Searcher) -> None:
    answer = searcher.facets()
    for month in answer["months"]:
        _assert_leaves(searcher, month["count"], Filters(taken_from=month["month"], taken_to=month["month"]))
    for folder in answer["folders"]:
        _assert_leaves(searcher, folder["count"], Filters(folders=(folder["folder"],)))
    for value in answer["orientations"]:
        _assert_leaves(searcher, value["count"], Filters(orientations=(str(value["value"]),)))
    for value in answer["types"]:
        _assert_leaves(searcher, value["count"], Filters(types=(str(value["value"]),)))
    assert [column["column"] for column in answer["columns"]] == ["place", "stars"]
    for column in answer["columns"]:
        for value in column["values"]:
            _assert_leaves(searcher, value["count"], Filters(where=(f"{column['column']}:{value['value']}",)))


def _assert_leaves(searcher: Searcher, count: int, filters: Filters) -> None:
    assert searcher.collection(filters=filters)["total"] == count > 0
    assert searcher.facets(filters=filters)["total"] == count


@pytest.mark.parametrize(
    ("asked", "expected_folders"),
    [
        ((), ["a", "a b", "a0", "é"]),
        (("a",), ["a/b"]),
        (("a/",), ["a/b"]),
        (("a/b",), []),
        (("e\u0301",), []),
        (("nowhere",), []),
        (("/",), []),
        (("a", "é"), ["a", "é"]),
    ],
)
def test_the_folders_are_those_in_the_one_that_is_asked_for(
    searcher: Searcher, asked: tuple[str, ...], expected_folders: list[str]
) -> None:
    answer = searcher.facets(filters=Filters(folders=asked))
    assert [folder["folder"] for folder in answer["folders"]] == expected_folders


def test_of_a_word_that_nobody_knows_the_photos_of_the_one_that_is_meant_count(searcher: Searcher) -> None:
    """And pages of it fit together, whichever is asked for first."""
    found = all_pages(searcher, "mountein", 3, Selection(min_relevance=0.3))
    assert len(found) > 3
    assert searcher.search("mountein", min_relevance=0.3)["corrected"] == "mountain"
    assert searcher.facets(Query(texts=("mountein",)), min_relevance=0.3)["total"] == len(found)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hands=hands(), filters=FILTERS, text=st.sampled_from([None, "a red ball", "dog snow"]))
def test_counts_are_those_of_one_segment(
    dealer: Dealer, hands: list[list[str]], filters: Filters, text: str | None
) -> None:
    """However photos are dealt out, and whatever is gone."""
    query = None if text is None else Query(texts=(text,))
    whole, dealt = Searcher(dealer.whole), Searcher(dealer.deal(hands))
    assert counts(dealt.facets(query, filters=filters)) == counts(whole.facets(query, filters=filters))
    mixed = next(column for column in whole.facets()["columns"] if column["column"] == "mixed")
    assert mixed == {
        "column": "mixed",
        "values": ranked(["1", "one", "2", "3", "two", "4", "1", "one"]),
        "others": 0,
    }


@pytest.fixture(scope="module")
def dealer(tmp_path_factory: pytest.TempPathFactory) -> Dealer:
    choices = BundleChoices(weights=(4.0, 6.0), slope=0.5, intercept=-2.0, threshold=0.6, perhaps=0.3)
    return Dealer.of(tmp_path_factory.mktemp("dealt"), ALIKE, STALE, choices)


Table = Callable[..., Searcher]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A collection of photos with columns, in two segments if there are several."""

    def write(*columns: dict[str, Any], folder: str = "") -> Searcher:
        photos = [TinyPhoto(id=f"{folder}{n:04}.jpg", caption="dog", columns=one) for n, one in enumerate(columns)]
        return Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos, BundleChoices(segments=2))))

    return write


def test_titles_and_measurements_are_no_facets(table: Table) -> None:
    searcher = table(
        *({"title": f"No. {n}", "height": n + 0.25, "size": float(n % 7), "tags": ("x", f"tag {n}")} for n in range(60))
    )
    assert [column["column"] for column in searcher.facets()["columns"]] == ["size", "tags"]


def test_the_most_frequent_values_are_shown_and_the_others_counted(table: Table) -> None:
    columns = [{"place": f"Place {n % 23:02}", "floor": float(n % 23)} for n in range(230)]
    columns += [{"place": ("Place 22", "place 21"), "floor": 22.0}, {}]
    place, floor = sorted(table(*columns).facets()["columns"], key=lambda column: column["column"], reverse=True)

    names = ["Place 21", "Place 22", *(f"Place {n:02}" for n in range(18))]
    assert place["values"] == [
        {"value": name, "count": 11 if name in ("Place 21", "Place 22") else 10} for name in names
    ]
    assert place["others"] == 30
    assert floor["values"] == [{"value": n, "count": 11 if n == 22 else 10} for n in (22, *range(19))]
    assert floor["others"] == 30


def test_of_very_many_values_those_of_one_photo_are_others(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "MOST_VALUES", 8)
    searcher = table(*({"place": "Rome" if n % 2 else f"Place {n}"} for n in range(40)))
    (place,) = searcher.facets()["columns"]
    assert place == {"column": "place", "values": [{"value": "Rome", "count": 20}], "others": 20}
    assert searcher.facets(filters=Filters(where=("place:Place 0",)))["columns"] == [
        {"column": "place", "values": [], "others": 1}
    ]


def test_what_no_filter_can_ask_for_is_no_facet(table: Table) -> None:
    long = "x" * 1_020
    searcher = table(*({"a:b": "x", "place": long, "p": long, "c:d": 1.0} for _ in range(4)))
    assert searcher.facets()["columns"] == [
        {"column": "p", "values": [{"value": long, "count": 4}], "others": 0},
    ]


@pytest.mark.parametrize("value", [1e17, 1.5e-7, -2.0, 0.1])
def test_a_number_can_be_asked_for_as_it_is_counted(table: Table, value: float) -> None:
    searcher = table({"n": value}, {"n": value}, {"n": 3.0})
    (column,) = searcher.facets()["columns"]
    first = column["values"][0]
    assert first == {"value": value, "count": 2}
    _assert_leaves(searcher, 2, Filters(where=(f"n:{first['value']}",)))
    _assert_leaves(searcher, 2, Filters(where=(f"n:{value!r}..{value!r}",)))


def test_of_many_folders_the_largest_are_shown_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And every folder is found among very many photos, however few it holds."""
    sizes = {"b": 300, "c": 1, "d": 140, "f": 2}
    photos = [TinyPhoto(id=f"{name}/{n:03}.jpg", caption="dog") for name, size in sizes.items() for n in range(size)]
    photos += [TinyPhoto(id=f"{name}{n:03}.jpg", caption="dog") for name in "ace" for n in range(150)]
    photos += [TinyPhoto(id='b/q"uo\\te/é.jpg', caption="dog")]
    for segments in (1, 3):
        folder = write_bundle(tmp_path / str(segments), photos, BundleChoices(segments=segments))
        searcher = Searcher(open_bundle(folder))
        found = {folder["folder"]: folder["count"] for folder in searcher.facets()["folders"]}
        assert found == sizes | {"b": 301}
        inside = searcher.facets(filters=Filters(folders=("b",)))["folders"]
        assert inside == [{"folder": 'b/q"uo\\te', "count": 1}]
        with monkeypatch.context() as patch:
            patch.setattr(counting, "MOST_FOLDERS", 3)
            assert [one["folder"] for one in searcher.facets()["folders"]] == ["b", "d", "f"]


@pytest.mark.parametrize(
    ("query", "least", "filters", "parameter"),
    [
        (Query(texts=("",)), None, EVERY_PHOTO, "q"),
        (Query(texts=("dog",)), 2.0, EVERY_PHOTO, "min_relevance"),
        (None, None, Filters(where=("colour:red",)), "where"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    searcher: Searcher, query: Query | None, least: float | None, filters: Filters, parameter: str
) -> None:
    with pytest.raises(QueryError) as error:
        searcher.facets(query, min_relevance=least, filters=filters)
    assert error.value.parameter == parameter
