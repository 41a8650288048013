"""Searching by words: what stands in captions, names, columns and photos is found, and ranked with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handler.bundle.words import words_file
from handler.search import word_hits
from handler.search.answers import SearchAnswer
from handler.search.filters import Filters
from handler.search.query import Mode, Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto, write_bundle

PHOTOS = (
    TinyPhoto(id="0001.jpg", caption="My dog Milo on the sofa", edited=True, seen="dog sofa"),
    TinyPhoto(id="0002.jpg", caption="a dog called milo", seen="dog"),
    TinyPhoto(
        id="0003.jpg", caption="", kind="none", seen="water", text=("HARDWARE Store", "TOTAL 12.50", "hand soap")
    ),
    TinyPhoto(
        id="0004.jpg", caption="a boat", seen="boat", columns={"keywords": ("Lake Como", "Urlaub"), "stars": 4.0}
    ),
    TinyPhoto(id="trips/HolidayBeach2019.jpg", caption="a boat on the water", seen="boat water"),
    TinyPhoto(id="trips/Zoë/0006.jpg", caption="猫が夕焼けの海を見る", edited=True, seen="cat"),
    TinyPhoto(id="0007.jpg", caption="a horse in a field", seen="horse field", text=("SOAP", "HAND")),
    TinyPhoto(id="0008.jpg", caption="мой кот на диване", edited=True, seen="cat sofa"),
)
BOAT = Filters(where=("stars:4",))


@pytest.fixture(scope="module", params=[1, 3], ids=["one segment", "three segments"])
def searcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("words") / "bundle"
    return Searcher(open_bundle(write_bundle(folder, PHOTOS, BundleChoices(segments=request.param))))


def ask(searcher: Searcher, *texts: str, mode: Mode = "all", without: Sequence[str] = ()) -> SearchAnswer:
    return searcher.search(Query(texts=texts, mode=mode, without=tuple(without)), k=100)


def found(answer: SearchAnswer) -> list[str]:
    return [result["id"] for result in answer["results"]]


@pytest.mark.parametrize(
    ("query", "photo", "matched_in", "matched", "marks"),
    [
        ("milo", "0001.jpg", "caption", "My dog Milo on the sofa", [[7, 11]]),
        ("hardware store", "0003.jpg", "text", "HARDWARE Store", [[0, 8], [9, 14]]),
        ("urlaub", "0004.jpg", "column", "Urlaub", [[0, 6]]),
        ("como", "0004.jpg", "column", "Lake Como", [[5, 9]]),
        ("holiday", "trips/HolidayBeach2019.jpg", "name", "trips/HolidayBeach2019", [[6, 13]]),
        ("holidaybeach2019", "trips/HolidayBeach2019.jpg", "name", "trips/HolidayBeach2019", [[6, 22]]),
        ("zoe", "trips/Zoë/0006.jpg", "name", "trips/Zoë/0006", [[6, 9]]),
        ("夕焼け", "trips/Zoë/0006.jpg", "caption", "猫が夕焼けの海を見る", [[2, 5]]),
        ("猫", "trips/Zoë/0006.jpg", "caption", "猫が夕焼けの海を見る", [[0, 1]]),
        ("КОТ", "0008.jpg", "caption", "мой кот на диване", [[4, 7]]),
    ],
)
def test_a_word_that_one_photo_has_finds_it_first_and_says_where(
    searcher: Searcher, query: str, photo: str, matched_in: str, matched: str, marks: list[list[int]]
) -> None:
    for mode in ("all", "words"):
        first = ask(searcher, query, mode=mode)["results"][0]
        assert (first["id"], first["matched_in"], first["matched"], first["marks"]) == (
            photo,
            matched_in,
            matched,
            marks,
        )
        assert first["relevance"] >= 0.9


def test_what_a_person_wrote_is_surely_meant(searcher: Searcher) -> None:
    answer = ask(searcher, "milo")
    assert (answer["results"][0]["id"], answer["results"][0]["relevance"]) == ("0001.jpg", 1.0)
    assert ask(searcher, "мой кот")["results"][0]["relevance"] == 1.0


def test_without_words_nothing_of_it_is_found(searcher: Searcher) -> None:
    for query in ("milo", "hardware store", "urlaub", "zoe", "夕焼け"):
        assert "0003.jpg" not in found(ask(searcher, query, mode="meaning"))
        assert all(
            result["matched_in"] == "meaning" and not result["marks"]
            for result in ask(searcher, query, mode="meaning")["results"]
        )


def test_words_alone_find_nothing_else(searcher: Searcher) -> None:
    assert set(found(ask(searcher, "boat", mode="words"))) <= {"0004.jpg", "trips/HolidayBeach2019.jpg"}
    assert found(ask(searcher, "horses", mode="words")) == []
    assert ask(searcher, "water", mode="words")["no_relevant_results"]


def test_a_phrase_in_quotation_marks_must_stand_there_exactly(searcher: Searcher) -> None:
    assert set(found(ask(searcher, '"hand soap"'))) == {"0003.jpg"}
    assert set(found(ask(searcher, '"soap hand"'))) == {"0007.jpg"}
    assert {"0003.jpg", "0007.jpg"} <= set(found(ask(searcher, "hand soap")))
    assert found(ask(searcher, '"hand lotion"')) == []
    assert found(ask(searcher, 'boat "on the water"')) == ["trips/HolidayBeach2019.jpg"]
    assert found(ask(searcher, '"boat" "water"')) == ["trips/HolidayBeach2019.jpg"]


def test_words_in_order_are_more_relevant_than_the_same_words(searcher: Searcher) -> None:
    relevance = {result["id"]: result["relevance"] for result in ask(searcher, "hand soap")["results"]}
    assert relevance["0003.jpg"] > relevance["0007.jpg"]


def test_sight_and_words_together_are_more_than_either(searcher: Searcher) -> None:
    def relevance(text: str, mode: Mode) -> float:
        answer = searcher.search(Query(texts=(text,), mode=mode), k=100, min_relevance=0.0)
        return {result["id"]: result["relevance"] for result in answer["results"]}["trips/HolidayBeach2019.jpg"]

    # A word that is used as often as "boat" is in this vocabulary isn't looked up beside another.
    by_words, by_sight = relevance("holiday", "words"), relevance("holiday boat", "meaning")
    # Either may be right: 1 - (1 - a)(1 - b), each rounded to a hundredth.
    assert relevance("holiday boat", "all") == pytest.approx(1 - (1 - by_words) * (1 - by_sight), abs=0.011)
    assert 0 < by_words < relevance("holiday boat", "all") < 1


@pytest.mark.parametrize(
    "query", ['"', '""', "*", "-", "NEAR(a b)", "a OR b", "milo*", "^milo", "{milo}", "'", "milo AND", "(((", "%00"]
)
def test_what_sqlite_would_understand_is_text(searcher: Searcher, query: str) -> None:
    for mode in ("all", "words"):
        answer = ask(searcher, query, mode=mode)
        assert ("0001.jpg" in found(answer)) == ("milo" in query)


def test_what_is_left_out_by_a_word_is_left_out(searcher: Searcher) -> None:
    assert "0004.jpg" in found(ask(searcher, "boat"))
    assert "0004.jpg" not in found(ask(searcher, "boat", without=["urlaub"]))
    assert set(found(ask(searcher, "boat"))) - set(found(ask(searcher, "boat", without=["urlaub"]))) == {"0004.jpg"}
    assert "0004.jpg" in found(ask(searcher, "boat", without=["zoe"]))


def test_filters_hold_for_words(searcher: Searcher) -> None:
    for mode in ("all", "words"):
        query = Query(texts=("milo urlaub",), mode=mode)
        answer = searcher.search(query, selection=Selection(filters=BOAT, min_relevance=0.2))
        assert found(answer) == ["0004.jpg"]


def test_pages_fit_together(searcher: Searcher) -> None:
    for query in ("milo boat soap", "boat", "hand"):
        whole = searcher.search(query, selection=Selection(k=100, min_relevance=0.0))["results"]
        paged = []
        for offset in range(len(whole)):
            page = searcher.search(query, selection=Selection(k=1, offset=offset, min_relevance=0.0))
            paged += page["results"]
        assert paged == whole


def test_photos_that_are_gone_have_no_words(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", PHOTOS, BundleChoices(segments=3))
    # In the first of several segments a photo is gone whose caption was "a red ball".
    searcher = Searcher(open_bundle(folder))
    assert found(ask(searcher, '"red ball"')) == []
    assert found(ask(searcher, "ball", mode="words")) == []


def test_near_duplicates_are_folded_by_their_most_relevant(tmp_path: Path) -> None:
    photos = (*PHOTOS[1:], replace(PHOTOS[0], copy_of="0002.jpg"))
    searcher = Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos)))
    answer = searcher.search("milo", selection=Selection(k=100, dedupe=True))
    assert [result["id"] for result in answer["results"] if result["id"] in ("0001.jpg", "0002.jpg")] == ["0001.jpg"]
    assert answer["results"][0]["duplicates"] == 1


def test_several_texts_should_all_be_there(searcher: Searcher) -> None:
    answer = ask(searcher, "milo", "sofa", mode="words")
    assert (answer["results"][0]["id"], answer["results"][0]["relevance"]) == ("0001.jpg", 1.0)
    assert all(result["relevance"] <= 0.5 for result in answer["results"][1:])


def test_a_newspaper_of_ten_thousand_words_is_searched(tmp_path: Path) -> None:
    lines = tuple(" ".join(f"w{line:03}{place}" for place in range(10)) for line in range(1_000))
    photos = (*PHOTOS, TinyPhoto(id="newspaper.jpg", caption="a sheet", seen="man", text=lines))
    searcher = Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos)))
    first = ask(searcher, "w9999")["results"][0]
    assert (first["id"], first["matched"]) == ("newspaper.jpg", lines[-1])
    assert first["marks"] == [[len(lines[-1]) - 5, len(lines[-1])]]


def test_the_answers_are_those_of_one_segment(tmp_path: Path) -> None:
    folders = [write_bundle(tmp_path / str(n), PHOTOS, BundleChoices(segments=n)) for n in (1, 2, 4)]
    searchers = [Searcher(open_bundle(folder)) for folder in folders]
    for query in ("milo", "hand soap", "dog on the sofa", '"on the"', "trips", "boat water holiday", "猫", "0003"):
        for mode in ("all", "words", "meaning"):
            answers = [
                [
                    (result["id"], result["relevance"], result["matched"], result["marks"])
                    for result in each.search(Query(texts=(query,), mode=mode), k=100, min_relevance=0.0)["results"]
                ]
                for each in searchers
            ]
            assert answers[0] == answers[1] == answers[2], (query, mode)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_is_too_common_is_that_in_all_segments_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A segment knows it of its own terms, or it is found out by counting; photos that are gone don't count."""
    monkeypatch.setattr(words_file, "COMMON", 0)
    monkeypatch.setattr(word_hits, "_MOST_ROWS", most)
    monkeypatch.setattr(word_hits, "_MOST_SAID", most)
    monkeypatch.setattr(word_hits, "_RARE", 0.0)
    folders = [write_bundle(tmp_path / str(n), PHOTOS, BundleChoices(segments=n)) for n in (1, 2, 4)]
    searchers = [Searcher(open_bundle(folder)) for folder in folders]
    for query in ("boat", "a boat", "hand soap", "milo", "dog", "ball", "trips holiday", "boat water"):
        answers = [
            [
                (result["id"], result["relevance"], result["matched_in"])
                for result in each.search(query, k=100, min_relevance=0.0)["results"]
            ]
            for each in searchers
        ]
        assert answers[0] == answers[1] == answers[2], query


def test_relevances_never_rise(searcher: Searcher) -> None:
    for query in ("milo boat hand soap", "a dog on the water", "trips"):
        relevances = [r["relevance"] for r in searcher.search(query, k=100, min_relevance=0.0)["results"]]
        assert relevances == sorted(relevances, reverse=True)
        assert np.all(np.array(relevances) <= 1.0)
