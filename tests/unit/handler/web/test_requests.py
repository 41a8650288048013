"""Requests: parameters are decoded strictly, and every fault is the client's."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import QueryError
from handler.web.requests import Parameters, Request

ALLOWED = ("q", "k", "min_relevance")


def request(query_string: bytes = b"", **scope: object) -> Request:
    return Request.from_scope(
        {"method": "GET", "path": "/v1/search", "query_string": query_string, "headers": [], **scope}
    )


@pytest.mark.parametrize(
    ("query_string", "expected"),
    [
        (b"", {}),
        (b"q=a+dog%20runs", {"q": "a dog runs"}),
        (b"q=%2B%26%3D&k=5", {"q": "+&=", "k": "5"}),
        (b"q=%F0%9F%90%95", {"q": "🐕"}),
        ("q=été".encode(), {"q": "été"}),
        (b"q", {"q": ""}),
        (b"&&q=a=b&", {"q": "a=b"}),
        (b"%71=a", {"q": "a"}),
        (b"q=%00", {"q": "\x00"}),
    ],
)
def test_decodes(query_string: bytes, expected: dict[str, str]) -> None:
    found = request(query_string).parameters(ALLOWED)
    assert found == Parameters({name: [value] for name, value in expected.items()})


@pytest.mark.parametrize(
    ("query_string", "parameter", "message"),
    [
        (b"q=%", "q", "q is not percent-encoded UTF-8"),
        (b"q=%zz", "q", "q is not percent-encoded UTF-8"),
        (b"q=%e9", "q", "q is not percent-encoded UTF-8"),
        (b"q=\xff", "q", "q is not percent-encoded UTF-8"),
        (b"q=%ed%a0%80", "q", "q is not percent-encoded UTF-8"),
        (b"%zz=1", "%zz", "%zz is not percent-encoded UTF-8"),
        (b"q=a&q=b", "q", "q is given more than once"),
        (b"q=a&limit=5", "limit", "Unknown parameter 'limit' (expected q, k, min_relevance)"),
        (b"Q=a", "Q", "Unknown parameter 'Q' (expected q, k, min_relevance)"),
        (b"q[]=a", "q[]", "Unknown parameter 'q[]' (expected q, k, min_relevance)"),
        (b"x" * 200, "x" * 80, f"Unknown parameter '{'x' * 80}' (expected q, k, min_relevance)"),
    ],
)
def test_refuses(query_string: bytes, parameter: str, message: str) -> None:
    with pytest.raises(QueryError) as error:
        request(query_string).parameters(ALLOWED)
    assert (error.value.parameter, str(error.value)) == (parameter, message)


def test_says_that_no_parameter_is_expected() -> None:
    with pytest.raises(QueryError, match=r"^Unknown parameter 'q' \(expected none\)$"):
        request(b"q=a").parameters(())


@pytest.mark.parametrize("value", ["", " 5", "5.0", "1e1", "0x5", "٥", "½", "five", "1_0", "9" * 5000, "-", "NaN"])
def test_refuses_what_is_no_whole_number(value: str) -> None:
    with pytest.raises(QueryError, match=r"^k is '.{0,80}' \(expected a whole number\)$"):
        Parameters({"k": [value]}).integer("k", 10)


@pytest.mark.parametrize(
    "value", ["", "nan", "inf", "-inf", "1e", "e1", "1e1.5", "1e9999", "٠.٥", "0,5", "1_0", ".", "9" * 5000, "0x1"]
)
def test_refuses_what_is_no_number(value: str) -> None:
    with pytest.raises(QueryError, match=r"^min_relevance is '.{0,80}' \(expected a number\)$"):
        Parameters({"min_relevance": [value]}).decimal("min_relevance")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0.0), ("1", 1.0), ("0.25", 0.25), (".5", 0.5), ("-1", -1.0), ("1e-7", 1e-7), ("2.5E+1", 25.0)],
)
def test_reads_numbers(value: str, expected: float) -> None:
    assert Parameters({"min_relevance": [value]}).decimal("min_relevance") == expected


def test_defaults_and_missing_values() -> None:
    nothing = Parameters({})

    assert (nothing.integer("k", 10), nothing.decimal("min_relevance")) == (10, None)
    with pytest.raises(QueryError, match=r"^q is missing$"):
        nothing.text("q")


@given(st.binary(max_size=200))
def test_any_query_string_is_decoded_or_refused(query_string: bytes) -> None:
    with contextlib.suppress(QueryError):
        parameters = request(query_string).parameters(ALLOWED)
        assert set(parameters.values) <= set(ALLOWED)
        "".join(value for values in parameters.values.values() for value in values).encode()


@pytest.mark.parametrize(
    ("root_path", "path", "expected"),
    [
        ("", "/v1/search", "/v1/search"),
        ("/prod", "/prod/v1/search", "/v1/search"),
        ("/prod/", "/prod/v1/search", "/v1/search"),
        ("/prod", "/prod", "/"),
        ("/prod", "/v1/search", "/v1/search"),
        ("/v", "/v1/search", "/v1/search"),
    ],
)
def test_the_path_is_the_one_below_the_mount(root_path: str, path: str, expected: str) -> None:
    assert request(root_path=root_path, path=path).path == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ('W/"abc"', True),
        ('"abc"', True),
        ('"x", W/"abc"', True),
        ("*", True),
        ('W/"abcd"', False),
        ("abc", False),
        ("", False),
    ],
)
def test_knows_what_the_client_holds(known: str, expected: bool) -> None:
    headers = [(b"If-None-Match", known.encode())]
    assert request(headers=headers).has('W/"abc"') is expected


def test_headers_that_are_given_twice_are_one_list() -> None:
    headers = [(b"if-none-match", b'"a"'), (b"IF-NONE-MATCH", b'"b"')]
    assert request(headers=headers).headers == {"if-none-match": '"a", "b"'}
