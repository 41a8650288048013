"""Responses: problem documents and what is kept for how long."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from handler.web.responses import content, json_body, problem

LOCKED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def test_a_problem_says_what_is_wrong_with_which_parameter() -> None:
    response = problem(HTTPStatus.BAD_REQUEST, "invalid-parameter", "k is 0 (expected 1 to 100)", parameter="k")

    assert response.status == 400
    assert response.headers == {**LOCKED, "content-type": "application/problem+json", "cache-control": "no-store"}
    assert json.loads(response.body) == {
        "type": "urn:thinlens:problem:invalid-parameter",
        "title": "Bad Request",
        "status": 400,
        "detail": "k is 0 (expected 1 to 100)",
        "parameter": "k",
    }


def test_what_a_client_holds_is_not_sent_again() -> None:
    response = content(b"body", media_type="text/css", etag='"abc"', max_age_s=5).not_modified()

    assert response.status == 304
    assert response.body == b""
    cache = "public, max-age=5, stale-while-revalidate=5, stale-if-error=86400"
    assert response.headers == {**LOCKED, "cache-control": cache, "etag": '"abc"'}


def test_json_is_utf8_without_spaces_and_without_nan() -> None:
    assert json_body({"id": "日本", "relevance": 0.5}) == '{"id":"日本","relevance":0.5}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_body(float("nan"))
