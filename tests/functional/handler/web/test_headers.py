"""Headers and the log: HEAD, OPTIONS, CORS, what caches hold, and what is written down of a request."""

from __future__ import annotations

import json
import logging

import pytest

from handler.search.searcher import Searcher
from handler.web.app import App
from tests.functional.handler.client import ask
from tests.functional.handler.web.apps import LOCKED, make

# What a front door asks for, and what asks for nothing that has changed.
KEYS = "If-None-Match, Authorization, X-Api-Key"


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
        ("/v1/search", "GET, HEAD, POST, OPTIONS", f"{KEYS}, Content-Type, X-Amz-Content-Sha256"),
        ("/v1/similar", "GET, HEAD, OPTIONS", KEYS),
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
