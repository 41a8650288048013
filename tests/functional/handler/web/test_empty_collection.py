"""Before anything is published: every address answers as it is described, and nothing fails."""

from __future__ import annotations

import pytest

from handler.empty_collection import NO_BUNDLE, EmptyCollection
from handler.settings import Settings
from handler.web.app import App, create_app
from tests.functional.handler.client import ask
from tests.functional.handler.web.apps import assert_problem


@pytest.fixture
def app() -> App:
    return create_app(EmptyCollection, Settings(bundle="unused"))


def test_nothing_is_found(app: App) -> None:
    assert ask(app, "/v1/search?q=a++dog&not=snow&k=5&folder=2024&dedupe=true").json() == {
        "query": "a dog",
        "bundle": NO_BUNDLE,
        "took_ms": 0.0,
        "no_relevant_results": True,
        "next_offset": None,
        "results": [],
        "perhaps": [],
        "corrected": None,
    }


def test_there_are_no_photos(app: App) -> None:
    answer = ask(app, "/v1/photos?k=12&type=jpeg")
    assert answer.json() == {
        "bundle": NO_BUNDLE,
        "total": 0,
        "next_offset": None,
        "suggestions": [],
        "columns": [],
        "image_queries": False,
        "image_side": None,
        "image_fit": None,
        "photos": [],
    }
    assert answer.headers["etag"].startswith(f'W/"{NO_BUNDLE}-')
    assert ask(app, "/healthz").json() == {"status": "ok", "bundle": NO_BUNDLE, "photos": 0}


def test_nothing_is_counted(app: App) -> None:
    answer = ask(app, "/v1/facets?q=a++dog&folder=2024").json()
    assert (answer["query"], answer["bundle"], answer["total"]) == ("a dog", NO_BUNDLE, 0)
    assert ask(app, "/v1/facets").json() == {**answer, "query": ""}


@pytest.mark.parametrize("path", ["/v1/photos/dogs/rex.jpg", "/v1/similar?id=dogs/rex.jpg"])
def test_no_photo_is_known(app: App, path: str) -> None:
    detail = "No photo has the id 'dogs/rex.jpg': nothing is published yet"
    assert_problem(ask(app, path), 404, "Not Found", "photo-not-found", detail)


def test_pictures_cannot_be_asked_with(app: App) -> None:
    answer = ask(app, "/v1/search", method="POST", headers={"content-type": "application/octet-stream"})
    assert (answer.status, answer.json()["type"]) == (405, "urn:thinlens:problem:no-image-queries")


@pytest.mark.parametrize(
    "path", ["/v1/search?q=", "/v1/search?q=a&k=0", "/v1/photos?k=101", "/v1/photos?offset=1", "/v1/search?q=a&x=1"]
)
def test_what_cannot_be_asked_is_refused_as_ever(app: App, path: str) -> None:
    assert ask(app, path).status == 400
