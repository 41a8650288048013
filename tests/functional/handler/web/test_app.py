"""The app: whole answers over HTTP, and nothing that a client sends brings a 5xx."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handler
from handler.errors import BundleError, StoreError
from handler.search import answers as shapes
from handler.search.filters import MAX_VALUE_LENGTH, MAX_VALUES, ORIENTATIONS, TYPES
from handler.search.query import MAX_QUERY_LENGTH, MAX_TEXTS, MAX_WEIGHT, MODES, Query
from handler.search.searcher import Searcher
from handler.search.selection import DEFAULT_K, MAX_K, MAX_OFFSET
from handler.settings import Settings
from handler.web.app import App, create_app
from handler.web.bodies import Message
from tests.functional.handler.artefacts import PHOTOS
from tests.functional.handler.client import Answer, ask

LOCKED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
FOLDER = Path(handler.__file__).parent


def make(searcher: Searcher, **settings: Any) -> App:
    return create_app(lambda: searcher, Settings(bundle="unused", **settings))


def assert_problem(answer: Answer, status: int, title: str, kind: str, detail: str, **more: object) -> None:
    expected_type = f"urn:thinlens:problem:{kind}"
    assert answer.json() == {"type": expected_type, "title": title, "status": status, "detail": detail, **more}
    expected = {
        **LOCKED,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "content-length": str(len(answer.body)),
    }
    assert (answer.status, {**expected, **answer.headers}) == (status, {**answer.headers, **expected})


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
        "suggestions": ["dog", "snow"],
        "columns": [{"name": "stars", "kind": "number"}, {"name": "place", "kind": "text"}],
        "image_queries": False,
        "image_side": None,
        "photos": [searcher.photo(photo_id) for photo_id in spread],
    }
    assert [photo["id"] for photo in all_of_them] == ids


def test_health(app: App, searcher: Searcher) -> None:
    answer = ask(app, "/healthz")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"status": "ok", "bundle": searcher.bundle.id, "photos": len(PHOTOS)}


@pytest.mark.parametrize(
    ("target", "parameter", "detail"),
    [
        ("/v1/search", "q", "q is missing"),
        ("/v1/search?q=", "q", "The query is empty (expected a description of what the photo shows)"),
        ("/v1/search?q=%20%09%00%E2%80%8B", "q", "The query is empty (expected a description of what the photo shows)"),
        (f"/v1/search?q={'x' * 513}", "q", "The query has 513 characters (expected at most 512)"),
        (f"/v1/search?q={'x' * 60_000}", "q", "The query has 60000 characters (expected at most 512)"),
        ("/v1/search?q=%zz", "q", "q is not percent-encoded UTF-8"),
        ("/v1/search?q=%ff", "q", "q is not percent-encoded UTF-8"),
        ("/v1/search?q=a&k=0", "k", "k is 0 (expected 1 to 100)"),
        ("/v1/search?q=a&k=-1", "k", "k is -1 (expected 1 to 100)"),
        ("/v1/search?q=a&k=101", "k", "k is 101 (expected 1 to 100)"),
        ("/v1/search?q=a&k=ten", "k", "k is 'ten' (expected a whole number)"),
        ("/v1/search?q=a&k=", "k", "k is '' (expected a whole number)"),
        (f"/v1/search?q=a&k={'9' * 5000}", "k", f"k is '{'9' * 80}' (expected a whole number)"),
        ("/v1/search?q=a&k=1&k=2", "k", "k is given more than once"),
        ("/v1/search?q=a&min_relevance=nan", "min_relevance", "min_relevance is 'nan' (expected a number)"),
        ("/v1/search?q=a&min_relevance=2", "min_relevance", "min_relevance is 2.0 (expected 0 to 1)"),
        (
            "/v1/search?q=a&limit=5",
            "limit",
            "Unknown parameter 'limit' (expected mode, k, offset, min_relevance, dedupe, bundle, taken_from, taken_to,"
            " q, weight, not, folder, orientation, type, where)",
        ),
        ("/v1/similar", "id", "id is missing"),
        ("/v1/similar?id=animals/dog.jpg&k=0", "k", "k is 0 (expected 1 to 100)"),
        (
            "/v1/similar?q=dog",
            "q",
            "Unknown parameter 'q' (expected id, k, offset, min_relevance, dedupe, bundle, taken_from, taken_to,"
            " folder, orientation, type, where)",
        ),
        ("/v1/photos?k=101", "k", "k is 101 (expected 1 to 100)"),
        (
            "/v1/photos?q=dog",
            "q",
            "Unknown parameter 'q' (expected k, bundle, taken_from, taken_to, folder, orientation, type, where)",
        ),
        ("/v1/photos/animals/dog.jpg?full=1", "full", "Unknown parameter 'full' (expected none)"),
        ("/healthz?deep=1", "deep", "Unknown parameter 'deep' (expected none)"),
    ],
)
def test_bad_requests(app: App, target: str, parameter: str, detail: str) -> None:
    kinds = {
        "Unknown parameter": "unknown-parameter",
        "is missing": "missing-parameter",
        "more than": "repeated-parameter",
    }
    kind = next((kind for words, kind in kinds.items() if words in detail), "invalid-parameter")
    assert_problem(ask(app, target), 400, "Bad Request", kind, detail, parameter=parameter)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/photos/nothing.jpg",
        "/v1/photos/../../etc/passwd",
        "/v1/photos/%2e%2e%2fetc%2fpasswd",
        "/v1/photos/animals%00",
        "/v1/similar?id=nothing.jpg",
        "/v1/similar?id=",
    ],
)
def test_photos_that_are_not_there(app: App, target: str) -> None:
    answer = ask(app, target)
    assert_problem(answer, 404, "Not Found", "photo-not-found", answer.json()["detail"])
    assert answer.json()["detail"].startswith("No photo has the id ")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/search",
        "/v1",
        "/v1/search/",
        "/v1/photos/",
        "//v1/search",
        "/assets/",
        "/assets/../manifest.py",
        "/assets/languages/",
        "/assets/languages/en.json",
        "/assets/languages/../page.css",
        "/assets/%2e%2e/manifest.py",
        "/widget/index.html",
        "/index.html",
        "/\x00",
        "/%ff",
        "/\ud83d",
    ],
)
def test_paths_that_lead_nowhere(app: App, path: str) -> None:
    answer = ask(app, path.encode(errors="surrogatepass"))
    assert_problem(answer, 404, "Not Found", "no-such-path", answer.json()["detail"])
    assert answer.json()["detail"].startswith("There is nothing at '/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/v1/similar?id=animals/dog.jpg", "/", "/healthz", "/v1/photos/animals/dog.jpg"])
def test_methods_that_are_not_allowed(app: App, method: str, path: str) -> None:
    answer = ask(app, path, method=method)

    detail = f"{method} is not allowed here (expected GET, HEAD, OPTIONS)"
    assert_problem(answer, 405, "Method Not Allowed", "method-not-allowed", detail)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_methods_that_are_not_allowed_of_a_search(app: App, method: str) -> None:
    answer = ask(app, "/v1/search?q=dog", method=method)

    detail = f"{method} is not allowed here (expected GET, HEAD, POST, OPTIONS)"
    assert_problem(answer, 405, "Method Not Allowed", "method-not-allowed", detail)
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize("path", ["/", "/v1/search?q=cat", "/openapi.json", "/v1/search", "/nowhere"])
def test_head_is_get_without_the_body(app: App, path: str) -> None:
    get, head = ask(app, path), ask(app, path, method="HEAD")

    assert (head.status, head.body) == (get.status, b"")
    assert {**head.headers, "content-length": ""} == {**get.headers, "content-length": ""}
    assert int(head.headers["content-length"]) > 0


def test_options_without_cors(app: App) -> None:
    answer = ask(app, "/v1/search", method="OPTIONS", headers={"Origin": "https://a.example"})

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == {**LOCKED, "allow": "GET, HEAD, POST, OPTIONS"}


def test_cors_for_every_origin(searcher: Searcher) -> None:
    app = make(searcher, cors_origins=("*",))

    for target in ("/v1/search?q=dog", "/v1/search", "/nowhere", "/"):
        answer = ask(app, target, headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "ETag"
        assert "vary" not in answer.headers


def test_cors_for_some_origins(searcher: Searcher) -> None:
    app = make(searcher, cors_origins=("https://a.example", "http://localhost:8000"))

    allowed = ask(app, "/v1/search?q=dog", headers={"Origin": "http://localhost:8000"})
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:8000"
    assert allowed.headers["vary"] == "Origin"
    for headers in ({"Origin": "https://a.example.evil"}, {"Origin": "null"}, {}):
        other = ask(app, "/v1/search?q=dog", headers=headers)
        assert other.status == 200
        assert other.headers["vary"] == "Origin"
        assert not [name for name in other.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("path", "methods", "headers"),
    [
        ("/v1/search", "GET, HEAD, POST, OPTIONS", "If-None-Match, Content-Type, X-Amz-Content-Sha256"),
        ("/v1/similar", "GET, HEAD, OPTIONS", "If-None-Match"),
    ],
)
def test_a_preflight(searcher: Searcher, path: str, methods: str, headers: str) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = ask(make(searcher, cors_origins=("https://a.example",)), path, method="OPTIONS", headers=asked)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == {
        **LOCKED,
        "allow": methods,
        "vary": "Origin",
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": methods,
        "access-control-allow-headers": headers,
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "86400",
    }


@pytest.mark.parametrize(
    "target", ["/", "/openapi.json", "/assets/thinlens-search.js", "/v1/search?q=a", "/v1/photos/sea/surf.jpg"]
)
def test_what_the_client_holds_is_not_sent_again(app: App, target: str) -> None:
    first = ask(app, target)
    again = ask(app, target, headers={"If-None-Match": first.headers["etag"]})
    other = ask(app, target, headers={"If-None-Match": 'W/"0000000000000000"'})

    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert not {"content-type", "content-length"} & again.headers.keys()
    assert other.status == 200


def test_an_error_is_sent_whatever_the_client_holds(app: App) -> None:
    assert ask(app, "/v1/search?q=", headers={"If-None-Match": "*"}).status == 400


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
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_runs_nothing_but_its_own_files(searcher: Searcher) -> None:
    policy = ask(make(searcher, media_url="http://localhost:9000/media/"), "/").headers["content-security-policy"]
    page = (FOLDER / "widget/index.html").read_text()

    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' https: http://localhost:9000; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page
    assert re.findall("<script[^>]*>", page) == [
        '<script type="module" src="assets/page.js">',
        '<script type="module" src="assets/thinlens-search.js">',
    ]


@pytest.mark.parametrize("error", [BundleError, StoreError])
def test_what_cannot_be_read_the_client_is_told_to_come_again_for(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def no_searcher() -> Searcher:
        raise error("views.i8 is altered, at a path that is nobody's business")

    app = create_app(no_searcher, Settings(bundle="unused", cors_origins=("*",)))

    for target in ("/v1/search?q=dog", "/v1/similar?id=x", "/v1/photos", "/v1/photos/x", "/healthz"):
        answer = ask(app, target)
        detail = "What this answer needs can't be read at the moment: try again"
        assert_problem(answer, 503, "Service Unavailable", "no-collection", detail)
        assert answer.headers["retry-after"] == "10"
        assert answer.headers["access-control-allow-origin"] == "*"
    assert ask(app, "/").status == 200
    assert ask(app, "/v1/search?q=dog&k=0x").status == 400
    assert "views.i8 is altered" in caplog.text


def test_our_own_mistakes_are_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Searcher:
        raise ZeroDivisionError("secret")

    answer = ask(create_app(broken, Settings(bundle="unused", cors_origins=("*",))), "/healthz")

    assert_problem(answer, 500, "Internal Server Error", "internal-error", "Something is wrong on our side")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "secret" in caplog.text


def test_the_log_has_one_line_a_request_without_the_query(app: App, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="handler")
    ask(app, "/v1/search?q=secret")
    ask(app, "/v1/photos/secret.jpg")
    ask(app, "/secret")

    lines = [json.loads(record.message) for record in caplog.records]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/search", 200),
        ("GET", "/v1/photos/{id}", 404),
        ("GET", None, 404),
    ]
    assert set(lines[0]) == {"method", "route", "status", "bytes", "took_ms"}
    assert "secret" not in caplog.text


def test_the_log_has_the_query_if_asked_to(searcher: Searcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="handler")
    ask(make(searcher, log_queries=True), "/v1/search?q=a+dog\n\xff")
    assert json.loads(caplog.records[0].message)["query_string"] == "q=a+dog\n\xc3\xbf"


TARGETS = st.sampled_from(["/", "/v1/search", "/v1/similar", "/v1/photos", "/v1/photos/", "/healthz", "/openapi.json"])
QUERY_STRINGS = st.one_of(
    st.binary(max_size=80),
    st.lists(st.tuples(st.sampled_from([b"q", b"k", b"id", b"min_relevance"]), st.binary(max_size=20)), max_size=4).map(
        lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
    ),
)


@given(
    TARGETS,
    st.binary(max_size=40),
    QUERY_STRINGS,
    st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "\x00"]),
    st.dictionaries(st.sampled_from(["origin", "if-none-match", "host", "x-other"]), st.text(max_size=20)),
)
def test_nothing_brings_a_5xx(
    app: App, path: str, more: bytes, query_string: bytes, method: str, headers: dict[str, str]
) -> None:
    answer = ask(app, path.encode() + more + b"?" + query_string, method=method, headers=headers)
    assert answer.status in (200, 204, 304, 400, 404, 405)


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
    assert document["components"]["schemas"]["Type"]["enum"] == list(TYPES)
    orientation = document["components"]["parameters"]["orientation"]["schema"]
    assert (orientation["items"]["enum"], orientation["maxItems"]) == (list(ORIENTATIONS), MAX_VALUES)
    where = document["components"]["parameters"]["where"]["schema"]
    assert (where["items"]["maxLength"], where["maxItems"]) == (MAX_VALUE_LENGTH, MAX_VALUES)
    for path in document["paths"]:
        assert ask(app, path.replace("{id}", "x"), method="OPTIONS").status == 204
