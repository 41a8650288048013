"""The app: whole answers over HTTP, the files of the page, and the document that describes them."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import get_type_hints

import pytest

from handler.search import answers as shapes
from handler.search.filters import MAX_VALUE_LENGTH, MAX_VALUES, ORIENTATIONS, TYPES
from handler.search.overview.facets import MOST_FOLDERS, SHOWN_VALUES
from handler.search.query import MAX_QUERY_LENGTH, MAX_TEXTS, MAX_WEIGHT, MODES, Query
from handler.search.searcher import Searcher
from handler.search.selection import BY_DATE, DEFAULT_K, MAX_K, MAX_OFFSET, ORDERS
from handler.web.app import App
from handler.web.bodies import Message
from handler.web.routes import hashed_widget
from tests.functional.handler.artefacts import PHOTOS
from tests.functional.handler.client import ask
from tests.functional.handler.web.apps import FOLDER, LOCKED, make


def test_a_search(app: App, searcher: Searcher) -> None:
    answer = ask(app, "/v1/search?q=a+dog%20runs+in+the+park&k=3&min_relevance=0.5")

    assert answer.status == 200
    assert answer.headers == {
        **LOCKED,
        "content-type": "application/json",
        "cache-control": "public, max-age=60, stale-while-revalidate=60, stale-if-error=86400",
        "etag": answer.headers["etag"],
        "content-length": str(len(answer.body)),
    }
    assert answer.headers["etag"].startswith(f'W/"{searcher.bundle.id}-')
    expected = searcher.search("a dog runs in the park", 3, 0.5)
    assert {**answer.json(), "took_ms": 0} == {**expected, "took_ms": 0}
    assert [result["id"] for result in answer.json()["results"]] == ["animals/dog.jpg"]


def test_nothing_relevant(app: App) -> None:
    body = ask(app, "/v1/search?q=car+street").json()
    assert (body["no_relevant_results"], body["results"]) == (True, [])


def test_similar_photos(app: App, searcher: Searcher) -> None:
    answer = ask(app, "/v1/similar?id=animals%2Fcat+on+sofa.jpg&k=2&min_relevance=0")

    assert answer.status == 200
    expected = searcher.similar("animals/cat on sofa.jpg", 2, 0.0)
    assert {**answer.json(), "took_ms": 0} == {**expected, "took_ms": 0}


@pytest.mark.parametrize(
    "path",
    [
        "Z%C3%BCrich/%E9%9B%AA%20100%25.jpg",
        "Z%C3%BCrich%2F%E9%9B%AA%20100%25.jpg",
        # As a gateway hands it on that does not decode paths.
        "Z%25C3%25BCrich/%25E9%259B%25AA%2520100%2525.jpg",
    ],
)
def test_a_photo(app: App, searcher: Searcher, path: str) -> None:
    answer = ask(app, f"/v1/photos/{path}")

    assert answer.status == 200
    assert answer.json() == searcher.photo("Zürich/雪 100%.jpg")


def test_a_sample_is_spread_over_the_collection(app: App, searcher: Searcher) -> None:
    ids = sorted(photo.id for photo in PHOTOS)
    answer = ask(app, "/v1/photos?k=3")
    all_of_them = ask(app, "/v1/photos?k=100").json()["photos"]

    spread = [ids[0], ids[len(ids) // 3], ids[2 * len(ids) // 3]]
    assert answer.json() == {
        "bundle": searcher.bundle.id,
        "total": len(ids),
        "next_offset": None,
        "suggestions": ["dog", "snow"],
        "columns": [{"name": "stars", "kind": "number"}, {"name": "place", "kind": "text"}],
        "image_queries": False,
        "image_side": None,
        "image_fit": None,
        "photos": [searcher.photo(photo_id) for photo_id in spread],
    }
    assert [photo["id"] for photo in all_of_them] == ids


def test_a_collection_by_date(app: App, searcher: Searcher) -> None:
    first = ask(app, "/v1/photos?order=newest&k=4").json()
    other = ask(app, "/v1/photos?order=newest&k=4&offset=4").json()

    assert (first["total"], first["next_offset"], other["next_offset"]) == (len(PHOTOS), 4, None)
    assert [photo["id"] for photo in (*first["photos"], *other["photos"])] == [
        "animals/dog.jpg",
        "Zürich/雪 100%.jpg",
        "animals/cat on sofa.jpg",
        "sea/surf.jpg",
        "sea/boat.webp",
        "animals/horse.png",
    ]


def test_results_by_date(app: App) -> None:
    answer = ask(app, "/v1/search?q=dog&order=oldest&min_relevance=0&k=2").json()
    assert [(result["id"], result["taken"]) for result in answer["results"]] == [
        ("sea/boat.webp", "2023-12-31T00:00:00"),
        ("Zürich/雪 100%.jpg", "2024-05-06T07:08:09"),
    ]


def test_facets_of_everything(app: App, searcher: Searcher) -> None:
    answer = ask(app, "/v1/facets")

    assert answer.status == 200
    assert answer.headers["etag"].startswith(f'W/"{searcher.bundle.id}-')
    assert answer.headers["cache-control"].startswith("public, max-age=60")
    assert {**answer.json(), "took_ms": 0} == {
        "query": "",
        "bundle": searcher.bundle.id,
        "took_ms": 0,
        "total": 6,
        "months": [{"month": "2024-05", "count": 4}, {"month": "2023-12", "count": 1}],
        "undated": 1,
        "folders": [
            {"folder": "Zürich", "count": 1},
            {"folder": "animals", "count": 3},
            {"folder": "sea", "count": 2},
        ],
        "orientations": [
            {"value": "landscape", "count": 4},
            {"value": "portrait", "count": 1},
            {"value": "square", "count": 1},
        ],
        "types": [{"value": "jpeg", "count": 4}, {"value": "png", "count": 1}, {"value": "webp", "count": 1}],
        "columns": [],
    }


def test_facets_of_what_is_found(app: App, searcher: Searcher) -> None:
    target = "q=Dog&weight=2&not=car&mode=meaning&min_relevance=0.1&folder=animals&type=jpeg&where=stars:1..9"
    answer = ask(app, f"/v1/facets?{target}&bundle={searcher.bundle.id}").json()
    results = ask(app, f"/v1/search?k=100&{target}").json()["results"]
    assert (answer["query"], answer["total"]) == ("dog", len(results))
    assert 0 < len(results) < len(PHOTOS)


def test_health(app: App, searcher: Searcher) -> None:
    answer = ask(app, "/healthz")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"status": "ok", "bundle": searcher.bundle.id, "photos": len(PHOTOS)}


@pytest.mark.parametrize(
    ("path", "file", "media_type"),
    [
        ("/", "widget/index.html", "text/html; charset=utf-8"),
        ("/assets/page.css", "widget/page.css", "text/css; charset=utf-8"),
        ("/assets/page.js", "widget/page.js", "text/javascript; charset=utf-8"),
        ("/assets/thinlens-search.js", "widget/thinlens-search.js", "text/javascript; charset=utf-8"),
        ("/assets/languages/de.json", "widget/languages/de.json", "application/json"),
        ("/assets/languages/zh.json", "widget/languages/zh.json", "application/json"),
        ("/assets/icon.svg", "widget/icon.svg", "image/svg+xml"),
        ("/openapi.json", "web/openapi.json", "application/json"),
    ],
)
def test_the_files_of_the_page(app: App, path: str, file: str, media_type: str) -> None:
    answer = ask(app, f"{path}?anything=1")

    assert (answer.status, answer.body) == (200, (FOLDER / file).read_bytes())
    assert answer.headers["content-type"] == media_type
    assert answer.headers["etag"] == f'W/"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_runs_nothing_but_its_own_files(searcher: Searcher) -> None:
    policy = ask(make(searcher, media_url="http://localhost:9000/media/"), "/").headers["content-security-policy"]
    page = (FOLDER / "widget/index.html").read_text()

    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data: https: http://localhost:9000; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page
    assert re.findall("<script[^>]*>", re.sub("<!--.*?-->", "", page, flags=re.DOTALL)) == [
        '<script type="module" src="assets/page.js">',
        f'<script type="module" src="{hashed_widget((FOLDER / "widget/thinlens-search.js").read_bytes())[1:]}">',
    ]


def test_a_build_of_the_widget_is_kept_for_a_year(app: App) -> None:
    newest = ask(app, "/assets/thinlens-search.js")
    digest = hashlib.sha256(newest.body).hexdigest()[:16]
    build = ask(app, f"/assets/thinlens-search.{digest}.js")

    assert (build.status, build.body) == (200, newest.body)
    assert build.headers == {**newest.headers, "cache-control": "public, max-age=31536000, immutable"}
    assert newest.headers["cache-control"].startswith("public, max-age=60,")


def test_a_build_that_is_no_longer_here_leads_to_the_newest(app: App) -> None:
    answer = ask(app, "/assets/thinlens-search.0123456789abcdef.js")

    assert (answer.status, answer.body) == (307, b"")
    # Relative, so that it leads there below a stage or a base path too.
    assert answer.headers["location"] == "thinlens-search.js"
    assert answer.headers["cache-control"].startswith("public, max-age=60,")


def test_the_servers_start_and_end_are_answered(app: App) -> None:
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app({"type": "lifespan"}, receive, send))

    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


def test_a_websocket_is_closed(app: App) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app({"type": "websocket", "path": "/"}, receive, send))

    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_the_openapi_document_tells_the_truth(app: App) -> None:
    document = ask(app, "/openapi.json").json()
    schemas = document["components"]["schemas"]
    for name, shape in {
        "SearchAnswer": shapes.SearchAnswer,
        "SimilarAnswer": shapes.SimilarAnswer,
        "CollectionAnswer": shapes.CollectionAnswer,
        "FacetsAnswer": shapes.FacetsAnswer,
        "Column": shapes.ColumnAnswer,
        "Health": shapes.HealthAnswer,
        "Result": shapes.Result,
        "Photo": shapes.PhotoAnswer,
        "Caption": shapes.CaptionAnswer,
    }.items():
        assert list(schemas[name]["properties"]) == list(get_type_hints(shape))
        assert schemas[name]["required"] == [key for key in get_type_hints(shape) if key != "duplicates"]
    query, weight, mode, unwanted, *_ = document["paths"]["/v1/search"]["get"]["parameters"]
    assert query["schema"] == unwanted["schema"]
    assert (mode["schema"]["enum"], mode["schema"]["default"]) == (list(MODES), Query(texts=("a",)).mode)
    assert query["schema"]["maxItems"] == weight["schema"]["maxItems"] == MAX_TEXTS
    assert query["schema"]["items"]["maxLength"] == MAX_QUERY_LENGTH
    assert weight["schema"]["items"]["maximum"] == MAX_WEIGHT
    k = document["components"]["parameters"]["k"]["schema"]
    assert (k["minimum"], k["maximum"], k["default"]) == (1, MAX_K, DEFAULT_K)
    assert document["components"]["parameters"]["offset"]["schema"]["maximum"] == MAX_OFFSET
    assert document["components"]["parameters"]["order"]["schema"]["enum"] == list(ORDERS)
    photos = {parameter.get("name"): parameter for parameter in document["paths"]["/v1/photos"]["get"]["parameters"]}
    assert photos["order"]["schema"]["enum"] == list(BY_DATE)
    assert photos["offset"]["schema"]["maximum"] == MAX_OFFSET
    assert schemas["FacetsAnswer"]["properties"]["folders"]["maxItems"] == MOST_FOLDERS
    assert schemas["ValueCounts"]["maxItems"] == SHOWN_VALUES
    assert document["components"]["schemas"]["Type"]["enum"] == list(TYPES)
    orientation = document["components"]["parameters"]["orientation"]["schema"]
    assert (orientation["items"]["enum"], orientation["maxItems"]) == (list(ORIENTATIONS), MAX_VALUES)
    where = document["components"]["parameters"]["where"]["schema"]
    assert (where["items"]["maxLength"], where["maxItems"]) == (MAX_VALUE_LENGTH, MAX_VALUES)
    for path in document["paths"]:
        assert ask(app, path.replace("{id}", "x"), method="OPTIONS").status == 204
