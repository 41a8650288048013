"""Three answers instead of two: relevant, perhaps, nothing; and another spelling before nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from handler.search.answers import Page, SearchAnswer
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import BundleChoices, write_bundle

DOG, SNOW, HORSE = "animals/dog.jpg", "Zürich/雪 100%.jpg", "animals/horse.png"


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Of a bundle that is sure from 0.9 on, and unsure from 0.2 on."""
    folder: Path = tmp_path_factory.mktemp("bundle") / "bundle"
    write_bundle(folder, choices=BundleChoices(threshold=0.9, perhaps=0.2))
    return Searcher(open_bundle(folder))


def ids(answer: Page) -> tuple[list[str], list[str]]:
    return [result["id"] for result in answer["results"]], [result["id"] for result in answer["perhaps"]]


def test_what_is_below_the_threshold_yet_better_than_chance_comes_after_what_is_relevant(searcher: Searcher) -> None:
    answer = searcher.search("a dog in the park")
    assert ids(answer) == ([DOG], [SNOW, HORSE])
    assert [result["relevance"] for result in answer["perhaps"]] == [0.3, 0.23]
    assert not answer["no_relevant_results"]


def test_perhaps_alone_is_no_relevant_result(searcher: Searcher) -> None:
    answer = searcher.search("tree")
    assert ids(answer) == ([], [DOG])
    assert answer["no_relevant_results"]


def test_a_page_never_has_more_than_it_is_asked_for(searcher: Searcher) -> None:
    assert ids(searcher.search("a dog in the park", k=1)) == ([DOG], [])
    assert ids(searcher.search("a dog in the park", k=2)) == ([DOG], [SNOW])


def test_nothing_is_perhaps_meant_where_the_client_says_what_is_relevant(searcher: Searcher) -> None:
    assert ids(searcher.search("a dog in the park", min_relevance=0.25)) == ([DOG, SNOW], [])


def test_perhaps_comes_after_the_last_page_alone(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", choices=BundleChoices(threshold=0.25, perhaps=0.05))
    searcher = Searcher(open_bundle(tmp_path / "bundle"))

    def page(offset: int) -> tuple[list[str], list[str]]:
        return ids(searcher.search("a dog in the park", selection=Selection(k=1 + offset, offset=offset)))

    assert page(0) == ([DOG], [])
    found, perhaps = page(1)
    assert (found, perhaps[0]) == ([SNOW], HORSE)
    assert page(2) == ([], [])


def test_a_photo_isnt_perhaps_like_itself(searcher: Searcher) -> None:
    found, perhaps = ids(searcher.similar(DOG))
    assert DOG not in [*found, *perhaps]


def test_what_is_not_wanted_is_not_perhaps_meant_either(searcher: Searcher) -> None:
    dog_only = searcher.search("a dog in the park", selection=Selection(k=9, dedupe=True))
    assert ids(dog_only) == ([DOG], [SNOW, HORSE])
    assert [result["duplicates"] for result in dog_only["perhaps"]] == [0, 0]


@pytest.mark.parametrize(
    ("text", "corrected"), [("mountian", "mountain"), ("Watre", "water"), ("xylophone", None), ("water", None)]
)
def test_a_word_that_nobody_knows_is_read_as_the_closest_known_one(
    searcher: Searcher, text: str, corrected: str | None
) -> None:
    answer: SearchAnswer = searcher.search(text)
    assert (answer["query"], answer["corrected"]) == (text.lower(), corrected)
    if corrected:
        right = searcher.search(corrected)
        assert (answer["results"], answer["perhaps"]) == (right["results"], right["perhaps"])
