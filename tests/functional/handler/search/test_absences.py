"""What a filter names that no photo has, and what there is instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from handler.errors import QueryError
from handler.search.filters import Filters
from handler.search.overview.absences import Absence
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto, write_bundle


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Of photos in three folders; the folder "b" is gone with the only photo that lay in it."""
    photos = [
        TinyPhoto(id=f"{folder}/{number}.jpg", caption="dog", columns={"place": place, "stars": float(number % 2)})
        for folder in ("holidays/rome", "holidays/oslo", "zoo")
        for number, place in enumerate(["Rome", "Rome", "Oslo", "Île"])
    ]
    folder: Path = tmp_path_factory.mktemp("absences") / "bundle"
    return Searcher(open_bundle(write_bundle(folder, photos, BundleChoices(segments=2))))


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("hollidays", ("holidays", "zoo")),
        ("holidays/paris", ("holidays/oslo", "holidays/rome")),
        ("holidays/paris/2024/", ("holidays/oslo", "holidays/rome")),
        ("zoo/lions", ()),
        ("a/b/c", ("holidays", "zoo")),
    ],
)
def test_of_a_folder_that_is_not_there(searcher: Searcher, folder: str, known: tuple[str, ...]) -> None:
    absent = Absence(parameter="folder", value=folder, known=known)
    assert searcher.absences(Filters(folders=("zoo", folder, "holidays"))) == [absent]


@pytest.mark.parametrize(
    ("condition", "known"),
    [
        ("place:Pariss", ("place:Rome", "place:Oslo", "place:Île")),
        ("stars:4..5", ("stars:0", "stars:1")),
    ],
)
def test_of_a_value_that_no_photo_has(searcher: Searcher, condition: str, known: tuple[str, ...]) -> None:
    absent = Absence(parameter="where", value=condition, known=known)
    assert searcher.absences(Filters(where=("place:rome", condition, "stars:1"))) == [absent]


def test_what_is_there_is_no_absence(searcher: Searcher) -> None:
    """Though no photo has all of it."""
    filters = Filters(folders=("zoo",), where=("place:oslo", "stars:1"))
    assert searcher.collection(filters=filters)["total"] == 0
    assert searcher.absences(filters) == []


def test_a_column_that_is_not_there_is_refused(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match=r"Unknown column 'colour' \(expected place, stars\)"):
        searcher.absences(Filters(where=("colour:red",)))
