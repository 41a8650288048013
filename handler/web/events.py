"""Events: what Amazon's front doors hand to a function, turned into requests of an ASGI app, and its answers back.

Knows API Gateway's HTTP APIs and function URLs (payload format 2.0), REST APIs (1.0) and load balancers, and leaves all
other kinds (Lambda@Edge) to Mangum. An app that never waits needs no event loop: importing Mangum, and with it asyncio,
costs a cold start as much as making the encoder's session, so that happens with the first event that wants it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus, unquote

from handler.web.app import App
from handler.web.requests import Scope

Event = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What an event asks for; the path is not percent-encoded, the query string is."""

    method: str
    path: str
    query_string: str
    headers: list[tuple[str, str]]
    many_headers: bool


def create_handler(app: App) -> Callable[[Event, object], Answer]:
    """The function that Lambda calls with an event and its context."""

    @cache
    def mangum() -> Callable[[Event, object], Answer]:
        from mangum import Mangum
        from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

        text_types = [*DEFAULT_TEXT_MIME_TYPES, "application/problem+json"]
        return Mangum(app, lifespan="off", text_mime_types=text_types)  # type: ignore[return-value]

    def handler(event: Event, context: object) -> Answer:
        if event.get("version") != "2.0" and "httpMethod" not in event:
            return mangum()(event, context)
        request = _read(event)
        messages: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            messages.append(message)

        _run(app(_scope(request), receive, send))
        start, *bodies = messages
        body = b"".join(message.get("body", b"") for message in bodies)
        return _answer(start, body, many_headers=request.many_headers)

    return handler


def _run(coroutine: Any) -> None:
    """Run a coroutine that awaits nothing but what is there already."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the app waited for something, which takes an event loop")


def _read(event: Event) -> _Request:
    context = event.get("requestContext") or {}
    if event.get("version") == "2.0":
        http = context["http"]
        return _Request(
            method=http["method"],
            path=unquote(http["path"]),
            query_string=event.get("rawQueryString") or "",
            headers=list((event.get("headers") or {}).items()),
            many_headers=False,
        )
    # A load balancer hands the query on as it was sent, API Gateway decodes it.
    encoded = "elb" in context
    many_headers = event.get("multiValueHeaders")
    return _Request(
        method=event["httpMethod"],
        path=unquote(event["path"]),
        query_string=_query_string(_pairs(event, "multiValueQueryStringParameters", "queryStringParameters"), encoded),
        headers=_pairs(event, "multiValueHeaders", "headers"),
        many_headers=encoded and many_headers is not None,
    )


def _pairs(event: Event, many: str, single: str) -> list[tuple[str, str]]:
    """Names and values, from the form in which a name has several values if the event holds it."""
    if event.get(many):
        return [(name, value) for name, values in event[many].items() for value in values]
    return list((event.get(single) or {}).items())


def _query_string(pairs: Iterable[tuple[str, str]], encoded: bool) -> str:
    if encoded:
        return "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def _scope(request: _Request) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "path": request.path,
        "query_string": request.query_string.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers],
    }


def _answer(start: Mapping[str, Any], body: bytes, *, many_headers: bool) -> Answer:
    """The answer as all of them take it; text goes as text, whatever else in base64."""
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    try:
        text, is_base64 = body.decode(), False
    except UnicodeDecodeError:
        text, is_base64 = base64.b64encode(body).decode(), True
    answer = {"statusCode": start["status"], "body": text, "isBase64Encoded": is_base64}
    # A load balancer that sends several values for a header wants them so, too, and takes no others.
    if many_headers:
        return {**answer, "multiValueHeaders": {name: [value] for name, value in headers.items()}}
    return {**answer, "headers": headers}
