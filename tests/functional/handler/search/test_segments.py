"""Segments: however photos are dealt out to them, and whatever is gone, the answers are those of one segment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.bundle.bundle import Bundle
from handler.errors import PhotoNotFoundError
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.ranking import IDENTITY_DEPTH
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from tests.functional.handler.artefacts import PHOTOS as SIX
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto
from tests.functional.handler.search.dealt import Dealer

CHOICES = BundleChoices(weights=(4.0, 6.0), slope=0.5, intercept=-2.0, threshold=0.6, perhaps=0.3)
# Some are alike in caption and view, so that their scores are equal, and some are copies of others.
PHOTOS = (
    *SIX,
    *(
        TinyPhoto(
            id=f"{folder}/{name}.jpg",
            caption=caption,
            seen=seen,
            width=width,
            type=kind,
            taken=taken,
            columns={"stars": stars, "mixed": mixed},
            copy_of=copy_of,
        )
        for folder, name, caption, seen, width, kind, taken, stars, mixed, copy_of in (
            ("a", "1", "a red ball", "ball", 480, "jpeg", "2021-05-01", 1.0, 1.0, None),
            ("b", "1", "a red ball", "ball", 100, "png", "2022-05-01", 2.0, "one", "a/1.jpg"),
            ("a/b", "1", "a red ball", "ball", 900, "jpeg", None, 3.0, 2.0, "a/1.jpg"),
            ("b", "2", "a red ball", "ball", 480, "heic", "2021-06-01", 4.0, 3.0, None),
            ("a0", "x", "a blue car in the street", "car night", 480, "jpeg", "2020-01-01", 5.0, "two", None),
            ("a", "x", "a blue car in the street", "car night", 481, "jpeg", "2020-01-02", -1.0, 4.0, "a0/x.jpg"),
            ("é", "y", "two dogs in snow", "dog snow", 482, "png", "2019-01-02", 0.0, 1.0, None),
            ("z", "y", "a dog in the snow", "dog snow", 482, "png", None, 2.5, "one", None),
        )
    ),
)
# They may stand in a segment too: older versions of these, and one photo that is there no more.
STALE = (
    replace(PHOTOS[0], caption="a dog runs in the park", edited=True),
    replace(PHOTOS[6], caption="a boat on the water", seen="boat water", copy_of=None),
    replace(PHOTOS[13], caption="a white horse", columns={"stars": 9.0}),
    TinyPhoto(id="a/removed.jpg", caption="a red ball", seen="ball", columns={"stars": 1.0}),
)
IDS = [photo.id for photo in PHOTOS]
SEGMENTS = 4


@pytest.fixture(scope="module")
def dealer(tmp_path_factory: pytest.TempPathFactory) -> Dealer:
    return Dealer.of(tmp_path_factory.mktemp("dealt"), PHOTOS, STALE, CHOICES)


@st.composite
def hands(draw: st.DrawFn) -> list[list[str]]:
    """Which versions are in which segment; a segment holds one version of a photo at most."""
    dealt: list[list[str]] = [[] for _ in range(SEGMENTS)]
    for photo in PHOTOS:
        dealt[draw(st.integers(0, SEGMENTS - 1))].append(photo.id)
    for number, photo in enumerate(STALE):
        places = [hand for hand in dealt if photo.id not in hand]
        if draw(st.booleans()) and places:
            draw(st.sampled_from(places)).append(f"stale {number}")
    return dealt


FILTERS = st.sampled_from(
    [
        Filters(),
        Filters(folders=("a",)),
        Filters(folders=("a/b", "z", "animals")),
        Filters(taken_from="2020", taken_to="2021-05"),
        Filters(orientations=("portrait", "square")),
        Filters(types=("png", "heic")),
        Filters(where=("stars:1..3",)),
        Filters(where=("mixed:1", "mixed:two")),
        Filters(where=("place:paris",), types=("jpeg",)),
    ]
)
TEXTS = st.sampled_from(
    ["red ball", "a red ball", "dog", "a dog runs in the park", "car street", "water", "snow night"]
)
SELECTIONS = st.builds(
    Selection,
    k=st.integers(1, 20),
    offset=st.integers(0, 5),
    min_relevance=st.sampled_from([None, 0.0, 0.2, 0.9]),
    dedupe=st.booleans(),
    filters=FILTERS,
)


def without_time(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "took_ms"}


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hands=hands(),
    questions=st.lists(
        st.tuples(
            st.lists(TEXTS, min_size=1, max_size=2, unique=True),
            st.lists(st.sampled_from(["boat", "a cat", "field horse", "sofa"]), max_size=1),
            SELECTIONS,
        ),
        min_size=3,
        max_size=6,
    ),
    photo_id=st.sampled_from(IDS),
)
def test_answers_are_those_of_one_segment(
    dealer: Dealer, hands: list[list[str]], questions: list[tuple[list[str], list[str], Selection]], photo_id: str
) -> None:
    whole, dealt = Searcher(dealer.whole), Searcher(dealer.deal(hands))
    for texts, unwanted, selection in questions:
        query = Query(texts=tuple(texts), without=tuple(unwanted))
        expected = without_time(whole.search(query, selection=selection))
        assert without_time(dealt.search(query, selection=selection)) == expected
        expected = without_time(whole.similar(photo_id, selection=selection))
        assert without_time(dealt.similar(photo_id, selection=selection)) == expected
        assert dealt.collection(100, selection.filters) == whole.collection(100, selection.filters)
    assert [dealt.photo(photo.id) for photo in PHOTOS] == [whole.photo(photo.id) for photo in PHOTOS]
    with pytest.raises(PhotoNotFoundError):
        dealt.photo("a/removed.jpg")
    some = [photo["id"] for photo in dealt.collection(3)["photos"]]
    assert (len(some), some) == (3, sorted(some))


def test_near_duplicates_in_different_segments_are_folded(dealer: Dealer) -> None:
    hands = [
        ["a/1.jpg", "stale 0"],
        ["b/1.jpg"],
        [photo_id for photo_id in IDS if photo_id not in ("a/1.jpg", "b/1.jpg")],
    ]
    found = Searcher(dealer.deal(hands)).search("a red ball", selection=Selection(dedupe=True, k=2))["results"]
    assert [(result["id"], result["duplicates"]) for result in found] == [("a/1.jpg", 2), ("b/2.jpg", 0)]


def test_what_a_person_wrote_of_a_version_that_is_gone_finds_nothing(dealer: Dealer) -> None:
    """The stale version of a photo says "a dog runs in the park", edited by somebody."""
    hands = [["stale 0"], list(IDS)]
    found = Searcher(dealer.deal(hands)).search("a dog runs in the park", k=2, min_relevance=0.99)["results"]
    assert [result["id"] for result in found] == ["animals/dog.jpg"]


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """More photos of one score than are looked at for the query's own caption: in one segment, and in three."""
    photos = [
        TinyPhoto(id=f"{'dab'[number % 3]}/{number:03}.jpg", caption="a red ball", seen="wave water")
        for number in range(2 * IDENTITY_DEPTH + 50)
    ]
    dealer = Dealer.of(tmp_path_factory.mktemp("alike"), photos, [], CHOICES)
    ids = [photo.id for photo in photos]
    return [dealer.whole, dealer.deal([ids[2::3] + ids[:50:3], ids[1::3], ids[51::3]])]


@pytest.mark.parametrize("k", [1, 40, 100])
def test_photos_of_one_score_come_in_the_order_of_their_ids_on_every_page(alike: list[Bundle], k: int) -> None:
    whole, dealt = map(Searcher, alike)
    everything = sorted(whole.bundle.photos.record(number).id for number in range(len(whole.bundle.photos)))
    for offset in range(0, len(everything), max(k, 61)):
        selection = Selection(k=k, offset=offset, min_relevance=0.0)
        answer = dealt.search("wave", selection=selection)
        assert [result["id"] for result in answer["results"]] == everything[offset : offset + k]
        assert without_time(answer) == without_time(whole.search("wave", selection=selection))
