"""Events: what Amazon's front doors hand to a function, turned into requests of an ASGI app, and its answers back.

Knows API Gateway's HTTP APIs and function URLs (payload format 2.0), REST APIs (1.0), load balancers and VPC Lattice,
and leaves Lambda@Edge to Mangum. Whatever else wakes the function (a schedule, a warm-up) asks how it is. An app that
never waits needs no event loop: importing Mangum, and with it asyncio, costs a cold start as much as making the
encoder's session, so that happens with the first event that wants it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from handler.web.app import App
from handler.web.requests import Scope

Event = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What an event asks for; the path is not percent-encoded, the query string is.

    Attributes:
        shown: The path as people see it, where a REST API tells it.
        stage: Of the API, which HTTP APIs put before the path.
        proxy: The part of the path that a greedy route leaves, without its first slash.
        body: What was sent.
    """

    method: str
    path: str
    query_string: str
    headers: list[tuple[str, str]]
    many_headers: bool
    shown: str = ""
    stage: str = ""
    proxy: str = ""
    body: bytes = b""


def create_handler(app: App, base_path: str = "") -> Callable[[Any, object], Answer]:
    """The function that Lambda calls with an event and its context.

    Args:
        app: Answers.
        base_path: Where a front door serves the app without saying so in its events, such as "/gallery".
    """

    @cache
    def mangum() -> Callable[[Event, object], Answer]:
        from mangum import Mangum
        from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

        text_types = [*DEFAULT_TEXT_MIME_TYPES, "application/problem+json"]
        return Mangum(app, lifespan="off", text_mime_types=text_types)  # type: ignore[return-value]

    def handler(event: Any, context: object) -> Answer:
        if _is_edge(event):
            return mangum()(event, context)
        request = _read(event) or _HOW_IT_IS
        root = _root(request, base_path, app)
        if (request.path == root and root) or (request.path == "/" and _lacks_slash(request.shown)):
            return _with_slash(request)
        messages: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            messages.append(message)

        _run(app(_scope(request, root), receive, send))
        start, *bodies = messages
        body = b"".join(message.get("body", b"") for message in bodies)
        return _answer(start, body, many_headers=request.many_headers)

    return handler


def _is_edge(event: Any) -> bool:
    """Whether an event is of Lambda@Edge; other events have records too, of queues and buckets for instance."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    first = _mapping(records[0]) if isinstance(records, list) and records else {}
    return _mapping(_mapping(first.get("cf")).get("request")).keys() >= {"headers", "method", "querystring", "uri"}


def _run(coroutine: Any) -> None:
    """Run a coroutine that awaits nothing but what is there already."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the app waited for something, which takes an event loop")


def _read(event: Any) -> _Request | None:
    """What an event asks for; None where it is no request. Null is nothing, wherever it stands."""
    if not isinstance(event, Mapping):
        return None
    context = _mapping(event.get("requestContext"))
    http = _mapping(context.get("http"))
    # A load balancer hands the query on as it was sent, API Gateway decodes it.
    encoded = "elb" in context
    method = http.get("method") or event.get("httpMethod") or event.get("method")
    path = http.get("path") or event.get("path") or event.get("raw_path")  # the latter: VPC Lattice's first version
    if not isinstance(method, str) or not isinstance(path, str):
        return None
    query = event.get("rawQueryString")
    if "method" in event:  # VPC Lattice, which sends the query with the path
        path, _, query = path.partition("?")
    if not isinstance(query, str) or not query:
        names = ("queryStringParameters", "query_string_parameters")
        query = _query_string(_pairs(event, "multiValueQueryStringParameters", *names), encoded)
    stage, proxy = context.get("stage"), _mapping(event.get("pathParameters")).get("proxy")
    return _Request(
        method=method,
        path=unquote(path),
        shown=str(context.get("path") or ""),
        stage=stage if isinstance(stage, str) else "",
        proxy=unquote(proxy) if isinstance(proxy, str) else "",
        query_string=query,
        headers=_pairs(event, "multiValueHeaders", "headers"),
        many_headers=encoded and event.get("multiValueHeaders") is not None,
        body=_body(event),
    )


_HOW_IT_IS = _Request(method="GET", path="/healthz", query_string="", headers=[], many_headers=False)


def _root(request: _Request, base_path: str, app: App) -> str:
    """What stands before the app's own path: the base path, the stage of an HTTP API, or what a mapping adds."""
    path = request.path
    roots = [base_path] if base_path else []
    if request.stage not in ("", "$default"):
        roots.append(f"/{request.stage}")
    if request.proxy and path.endswith(f"/{request.proxy}"):
        roots.append(path.removesuffix(f"/{request.proxy}"))
    if request.shown == path:  # a REST API below a domain of its own, where no stage is shown
        roots.append("/" + path[1:].partition("/")[0])
    for root in roots:
        leads = path == root or (path.startswith(f"{root}/") and app.knows(path.removeprefix(root)))
        if root and leads and not app.knows(path):
            return root
    return ""


def _lacks_slash(shown: str) -> bool:
    return bool(shown) and not shown.endswith("/")


def _with_slash(request: _Request) -> Answer:
    """The page's own addresses are relative, so it is at home behind a slash alone."""
    last = (request.shown or request.path).rpartition("/")[2]
    location = f"{quote(last)}/" + (f"?{request.query_string}" if request.query_string else "")
    return {"statusCode": 308, "headers": {"location": location}, "body": "", "isBase64Encoded": False}


def _mapping(value: Any) -> Event:
    return value if isinstance(value, Mapping) else {}


def _body(event: Event) -> bytes:
    """What was sent; bytes that are no text come in base64, and what isn't that after all is nothing."""
    body = event.get("body")
    if not isinstance(body, str):
        return b""
    if event.get("isBase64Encoded") is not True and event.get("is_base64_encoded") is not True:  # the latter: Lattice
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        return b""


def _pairs(event: Event, *names: str) -> list[tuple[str, str]]:
    """Names and values, from the first that the event holds: the one in which a name has several values goes first."""
    pairs: Event = next(filter(None, (_mapping(event.get(name)) for name in names)), {})
    return [
        (str(name), str(value))
        for name, values in pairs.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]


def _query_string(pairs: Iterable[tuple[str, str]], encoded: bool) -> str:
    if encoded:
        return "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join("=".join(quote_plus(part, errors="surrogatepass") for part in pair) for pair in pairs)


def _scope(request: _Request, root: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "root_path": root,
        "path": request.path,
        # Half a character is no UTF-8, which the app says; of a header it reads none that may hold one.
        "query_string": request.query_string.encode("utf-8", "surrogatepass"),
        "headers": [
            (name.lower().encode("utf-8", "replace"), value.encode("utf-8", "replace"))
            for name, value in request.headers
        ],
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
