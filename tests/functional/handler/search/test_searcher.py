"""The searcher: whole answers over a small real bundle of each kind."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.errors import PhotoNotFoundError, QueryError
from handler.search.query import MAX_QUERY_LENGTH, Query
from handler.search.searcher import Searcher
from handler.search.selection import MAX_K
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import (
    CAPTIONER,
    INSTRUCTION,
    PHOTOS,
    BundleChoices,
    TinyPhoto,
    write_bundle,
    write_encoder,
)

BASE = "https://cdn.example.org/gallery/"


def test_the_whole_answer(searcher: Searcher) -> None:
    answer = searcher.search("a dog runs in the park", k=3)

    assert answer.pop("took_ms") >= 0  # type: ignore[misc]
    (result,) = answer["results"]
    assert result.pop("thumbnail_url").startswith(f"{BASE}thumbnails/")  # type: ignore[misc]
    assert answer == {
        "query": "a dog runs in the park",
        "corrected": None,
        "bundle": searcher.bundle.id,
        "no_relevant_results": False,
        "next_offset": None,
        "results": [
            {
                "id": "animals/dog.jpg",
                "relevance": 1.0,
                "caption": "a dog runs in the park",
                "caption_kind": "caption",
                "matched": "a dog runs in the park",
                "matched_in": "meaning",
                "marks": [],
                "url": f"{BASE}photos/animals/dog.jpg",
                "preview_url": None,
                "width": 640,
                "height": 480,
                "taken": "2024-05-31T23:59:59+02:00",
                "placeholder": "7f3f1f" * 12,
                "columns": {"stars": 3.5, "place": ["Paris", "Île  de France"]},
            }
        ],
        "perhaps": [],
    }


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.id)
@pytest.mark.parametrize("kind", ["bundle_folder", "segments_folder"])
def test_every_caption_finds_its_photo(request: pytest.FixtureRequest, kind: str, photo: TinyPhoto) -> None:
    first = Searcher(open_bundle(request.getfixturevalue(kind))).search(photo.caption)["results"][0]

    assert (first["id"], first["relevance"], first["matched"]) == (photo.id, 1.0, photo.caption)


def test_prompts_choose_photos_and_a_caption_is_still_known_for_the_query(tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "encoder", prompts={"query": "snow snow snow ", "document": ""})
    searcher = Searcher(open_bundle(write_bundle(tmp_path / "bundle", choices=BundleChoices(encoder=encoder))))

    def found(*texts: str, without: tuple[str, ...] = ()) -> list[tuple[str, float]]:
        query = Query(texts=texts, without=without, mode="meaning")
        results = searcher.search(query, k=2, min_relevance=0.0)["results"]
        return [(result["id"], result["relevance"]) for result in results]

    caption, second = found("a dog runs in the park")
    assert (caption, second[0]) == (("animals/dog.jpg", 1.0), "Zürich/雪 100%.jpg")
    assert found("street")[0][0] == "Zürich/雪 100%.jpg"
    assert "Zürich/雪 100%.jpg" not in dict(found("a dog runs in the park", without=("street",)))


def test_what_is_seen_finds_the_photo_too(searcher: Searcher) -> None:
    first = searcher.search("tree", min_relevance=0.0)["results"][0]

    assert (first["id"], first["matched"]) == ("animals/dog.jpg", "visual")


def test_results_are_in_order_of_relevance_and_no_more_than_wanted(searcher: Searcher) -> None:
    results = searcher.search("a dog in snow on the water", k=4, min_relevance=0.0)["results"]
    relevances = [result["relevance"] for result in results]

    assert len(results) == 4
    assert relevances == sorted(relevances, reverse=True)
    assert len({result["id"] for result in results}) == 4


def test_all_photos_are_answered_if_more_are_wanted(searcher: Searcher) -> None:
    results = searcher.search("dog", k=MAX_K, min_relevance=0.0)["results"]
    assert sorted(result["id"] for result in results) == sorted(photo.id for photo in PHOTOS)


@pytest.mark.parametrize("query", ["car street night", "red ball", "🎉🎉", "xylophone", "собака", "?!"])
def test_nothing_relevant_is_said_to_be_so(searcher: Searcher, query: str) -> None:
    answer = searcher.search(query)

    assert answer["no_relevant_results"] is True
    assert answer["results"] == []


def test_the_client_may_ask_for_more_or_less_relevance(searcher: Searcher) -> None:
    assert len(searcher.search("a cat", min_relevance=0.0)["results"]) == len(PHOTOS)
    assert searcher.search("a cat", min_relevance=1.0)["no_relevant_results"] is True
    assert len(searcher.search(PHOTOS[0].caption, min_relevance=1.0)["results"]) == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "The query is empty (expected a description of what the photo shows)"),
        (" \t\n\u3000", "The query is empty (expected a description of what the photo shows)"),
        ("\x00\x1b\u200b\ufeff", "The query is empty (expected a description of what the photo shows)"),
        ("x" * (MAX_QUERY_LENGTH + 1), "The query has 513 characters (expected at most 512)"),
        ("x" * 10_000_000, "The query has 10000000 characters (expected at most 512)"),
    ],
)
def test_refuses_a_query(searcher: Searcher, query: str, message: str) -> None:
    with pytest.raises(QueryError) as error:
        searcher.search(query)
    assert (str(error.value), error.value.parameter) == (message, "q")


@pytest.mark.parametrize("k", [0, -1, 101, 10**30])
def test_refuses_a_k(searcher: Searcher, k: int) -> None:
    with pytest.raises(QueryError, match=f"^k is {k} \\(expected 1 to 100\\)$"):
        searcher.search("dog", k)
    with pytest.raises(QueryError, match=f"^k is {k} \\(expected 1 to 100\\)$"):
        searcher.similar("animals/dog.jpg", k)


@pytest.mark.parametrize("min_relevance", [-0.01, 1.01, float("nan"), float("inf")])
def test_refuses_a_min_relevance(searcher: Searcher, min_relevance: float) -> None:
    with pytest.raises(QueryError, match=r"^min_relevance is .* \(expected 0 to 1\)$"):
        searcher.search("dog", min_relevance=min_relevance)


@settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=600))
def test_any_query_is_answered_or_refused(bundle_folder: Path, query: str) -> None:
    searcher = _searchers.setdefault(bundle_folder, Searcher(open_bundle(bundle_folder)))
    try:
        answer = searcher.search(query, min_relevance=0.0)
    except QueryError:
        return
    assert all(0.0 <= result["relevance"] <= 1.0 for result in answer["results"])
    assert answer["no_relevant_results"] is (not answer["results"])


_searchers: dict[Path, Searcher] = {}


def test_identical_text_comes_first_even_if_the_photo_looks_otherwise(tmp_path: Path) -> None:
    photos = [
        TinyPhoto(id="captioned.jpg", caption="red ball", seen="boat water"),
        TinyPhoto(id="seen.jpg", caption="a ball", seen="red ball"),
    ]
    choices = BundleChoices(weights=(0.1, 9.0))
    results = Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos, choices))).search("red ball")["results"]

    assert [result["id"] for result in results] == ["captioned.jpg", "seen.jpg"]
    assert [result["matched"] for result in results] == ["red ball", "visual"]


def test_equal_photos_keep_the_order_of_their_ids(tmp_path: Path) -> None:
    photos = [TinyPhoto(id=f"{number}.jpg", caption="a boat") for number in range(9)]
    results = Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos))).search("a boat", k=9)["results"]

    assert [result["id"] for result in results] == [f"{number}.jpg" for number in range(9)]


def test_similar_photos_without_the_photo_itself(tmp_path: Path) -> None:
    photos = [
        *PHOTOS,
        TinyPhoto(id="sea/surf 2.jpg", caption="a woman surfs a wave", seen="wave water woman"),
    ]
    searcher = Searcher(open_bundle(write_bundle(tmp_path / "bundle", photos)))

    answer = searcher.similar("sea/surf.jpg", k=2, min_relevance=0.0)

    assert answer["id"] == "sea/surf.jpg"
    assert answer["results"][0]["id"] == "sea/surf 2.jpg"
    assert len(answer["results"]) == 2
    everything = searcher.similar("sea/surf.jpg", k=100, min_relevance=0.0)["results"]
    assert sorted(result["id"] for result in everything) == sorted(
        photo.id for photo in photos if photo.id != "sea/surf.jpg"
    )


def test_nothing_may_be_similar(searcher: Searcher) -> None:
    answer = searcher.similar("animals/cat on sofa.jpg")
    assert (answer["no_relevant_results"], answer["results"]) == (True, [])


def test_previews_have_addresses_where_there_are_some(searcher: Searcher) -> None:
    made = Searcher(searcher.bundle, media_url=BASE, makes_previews=True)
    (result,) = made.search("a dog runs in the park", k=1)["results"]
    content = PurePosixPath(result["thumbnail_url"]).stem
    assert result["preview_url"] == f"{BASE}previews/{content[:2]}/{content}.webp"
    assert made.photo(result["id"])["preview_url"] == result["preview_url"]


def test_a_photo(searcher: Searcher) -> None:
    answer: dict[str, Any] = {**searcher.photo("Zürich/雪 100%.jpg")}

    assert answer.pop("thumbnail_url").startswith(BASE)
    assert answer == {
        "id": "Zürich/雪 100%.jpg",
        "bundle": searcher.bundle.id,
        "url": f"{BASE}photos/Z%C3%BCrich/%E9%9B%AA%20100%25.jpg",
        "preview_url": None,
        "width": 640,
        "height": 480,
        "type": "jpeg",
        "size_bytes": 12_345,
        "taken": "2024-05-06T07:08:09",
        "taken_source": None,
        "placeholder": "7f3f1f" * 12,
        "captions": [
            {
                "instruction": INSTRUCTION,
                "text": "snow on a mountain",
                "kind": "caption",
                "edited": False,
                "model": CAPTIONER,
            },
        ],
        "columns": {},
        "text": [],
    }
    edited = searcher.photo("sea/boat.webp")["captions"][0]
    assert (edited["edited"], edited["model"]) == (True, None)


@pytest.mark.parametrize(
    "photo_id", ["", "nothing.jpg", "../../etc/passwd", "animals", "animals/dog.jpg\x00", "x" * 9999]
)
def test_no_such_photo(searcher: Searcher, photo_id: str) -> None:
    with pytest.raises(PhotoNotFoundError):
        searcher.photo(photo_id)
    with pytest.raises(PhotoNotFoundError):
        searcher.similar(photo_id)
