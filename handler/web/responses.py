"""Responses: what goes back to a client, and the problem documents (RFC 9457) among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self

# What no answer needs is forbidden to all of them; the page allows itself a little more.
LOCKED_CSP = "default-src 'none'; frame-ancestors 'none'"
# No address: whoever deploys the function decides where it is, and a type must be the same everywhere.
PROBLEM_TYPES = "urn:thinlens:problem:"
# An answer that is out of date is better than none while the function is away.
STALE_IF_ERROR_S = 86_400
YEAR_S = 31_536_000
COMMON_HEADERS = {
    "content-security-policy": LOCKED_CSP,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Status, headers (names lower-case) and body."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes = b""

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        return replace(self, headers={**self.headers, **headers})

    def not_modified(self) -> Self:
        """The same without a body, for a client that holds it already."""
        headers = {name: value for name, value in self.headers.items() if name != "content-type"}
        return replace(self, status=HTTPStatus.NOT_MODIFIED, headers=headers, body=b"")


def content(body: bytes, *, media_type: str, etag: str, max_age_s: int) -> Response:
    """An answer that may be kept for `max_age_s` seconds, and asked for again by its etag.

    For as long again a cache may give it at once and ask for a new one meanwhile (RFC 5861).
    """
    headers = {**COMMON_HEADERS, "content-type": media_type, "cache-control": _for_a_while(max_age_s), "etag": etag}
    return Response(status=HTTPStatus.OK, headers=headers, body=body)


def _for_a_while(max_age_s: int) -> str:
    fresh = f"max-age={max_age_s}, stale-while-revalidate={max_age_s}, stale-if-error={STALE_IF_ERROR_S}"
    return f"public, {fresh}" if max_age_s else "no-cache"


def see(location: str, *, max_age_s: int) -> Response:
    """What was asked for is somewhere else, for now; `location` may be relative to the address that was asked."""
    headers = {**COMMON_HEADERS, "location": location, "cache-control": _for_a_while(max_age_s)}
    return Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)


def json_body(value: object) -> bytes:
    """UTF-8 JSON without spaces."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def uncached_json(value: object) -> Response:
    """An answer that is true only now."""
    headers = {**COMMON_HEADERS, "content-type": "application/json", "cache-control": "no-store"}
    return Response(status=HTTPStatus.OK, headers=headers, body=json_body(value))


def no_content(headers: Mapping[str, str]) -> Response:
    """An answer that is only its headers."""
    return Response(status=HTTPStatus.NO_CONTENT, headers={**COMMON_HEADERS, **headers})


def problem(status: HTTPStatus, name: str, detail: str, *, parameter: str | None = None) -> Response:
    """A problem document.

    Args:
        status: What HTTP calls it.
        name: What kind of problem it is; handler/README.md lists them.
        detail: What is wrong, for people.
        parameter: The query parameter that is wrong, if one is.
    """
    document: dict[str, object] = {
        "type": f"{PROBLEM_TYPES}{name}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
    }
    if parameter is not None:
        document["parameter"] = parameter
    headers = {
        **COMMON_HEADERS,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
    }
    return Response(status=status, headers=headers, body=json_body(document))
