"""Refusals: what cannot be asked is told apart and said, and nothing that a client sends brings a 5xx."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import BundleError, StoreError
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.web.app import App, create_app
from tests.functional.handler.client import ask
from tests.functional.handler.web.apps import assert_problem


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
            "Unknown parameter 'limit' (expected mode, k, offset, min_relevance, order, dedupe, bundle, taken_from,"
            " taken_to, q, weight, not, folder, orientation, type, where)",
        ),
        ("/v1/similar", "id", "id is missing"),
        ("/v1/similar?id=animals/dog.jpg&k=0", "k", "k is 0 (expected 1 to 100)"),
        (
            "/v1/similar?q=dog",
            "q",
            "Unknown parameter 'q' (expected id, k, offset, min_relevance, order, dedupe, bundle, taken_from,"
            " taken_to, folder, orientation, type, where)",
        ),
        ("/v1/photos?k=101", "k", "k is 101 (expected 1 to 100)"),
        (
            "/v1/photos?q=dog",
            "q",
            "Unknown parameter 'q' (expected k, offset, order, bundle, taken_from, taken_to, folder, orientation, type,"
            " where)",
        ),
        ("/v1/photos?order=relevance", "order", "order is 'relevance' (expected newest, oldest)"),
        ("/v1/photos?order=newest&offset=-1", "offset", "offset is -1 (expected 0 to 100000000)"),
        ("/v1/photos?offset=1", "offset", "offset is 1, but there is no order (expected newest or oldest)"),
        ("/v1/search?q=a&order=size", "order", "order is 'size' (expected relevance, newest, oldest)"),
        ("/v1/similar?id=animals/dog.jpg&order=", "order", "order is '' (expected relevance, newest, oldest)"),
        ("/v1/facets?q=", "q", "The query is empty (expected a description of what the photo shows)"),
        ("/v1/facets?q=a&min_relevance=2", "min_relevance", "min_relevance is 2.0 (expected 0 to 1)"),
        ("/v1/facets?q=a&mode=any", "mode", "mode is 'any' (expected all, words, meaning)"),
        ("/v1/facets?mode=words", "mode", "mode is given without a q"),
        ("/v1/facets?not=a", "not", "not is given without a q"),
        ("/v1/facets?dedupe=true", "dedupe", "dedupe is given without a q"),
        ("/v1/facets?weight=1", "weight", "weight is given without a q"),
        ("/v1/facets?min_relevance=0.5", "min_relevance", "min_relevance is given without a q"),
        (
            "/v1/facets?taken_from=May",
            "taken_from",
            "taken_from is 'May' (expected a date: 2024, 2024-05 or 2024-05-06)",
        ),
        (
            "/v1/facets?k=5",
            "k",
            "Unknown parameter 'k' (expected mode, min_relevance, dedupe, bundle, taken_from, taken_to, q, weight, not,"
            " folder, orientation, type, where)",
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
        "there is no order": "contradictory-parameters",
        "without a q": "contradictory-parameters",
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
        "/assets/thinlens-search.0123.js",
        "/assets/thinlens-search.0123456789abcdef.css",
        "/assets/languages/",
        "/assets/languages/xx.json",
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


@pytest.mark.parametrize("error", [BundleError, StoreError])
def test_what_cannot_be_read_the_client_is_told_to_come_again_for(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def no_searcher() -> Searcher:
        raise error("views.i8 is altered, at a path that is nobody's business")

    app = create_app(no_searcher, Settings(bundle="unused", cors_origins=("*",)))

    for target in ("/v1/search?q=dog", "/v1/similar?id=x", "/v1/photos", "/v1/photos/x", "/v1/facets", "/healthz"):
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


TARGETS = st.sampled_from(
    ["/", "/v1/search", "/v1/similar", "/v1/photos", "/v1/photos/", "/v1/facets", "/healthz", "/openapi.json"]
)
QUERY_STRINGS = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.tuples(st.sampled_from([b"q", b"k", b"id", b"min_relevance", b"order", b"offset"]), st.binary(max_size=20)),
        max_size=4,
    ).map(lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)),
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
