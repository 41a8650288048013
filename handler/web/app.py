"""The app: HTTP over ASGI. It turns requests into answers and errors into problem documents.

No framework: a few routes do not earn one's import time at every cold start. A search takes a few
milliseconds of one core, so it runs where it is called, without a thread of its own.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

from handler.errors import (
    BundleChangedError,
    BundleError,
    NoVisionError,
    PhotoNotFoundError,
    PictureError,
    Problem,
    QueryError,
    StoreError,
)
from handler.settings import Settings
from handler.web.bodies import Message, Receive, check_type, read_body
from handler.web.requests import Request, Scope
from handler.web.responses import Response, no_content, problem
from handler.web.routes import Route, Routes, SearcherSource

Send = Callable[[Message], Awaitable[None]]

METHODS = "GET, HEAD, OPTIONS"
METHODS_WITH_BODY = "GET, HEAD, POST, OPTIONS"
# What pages of other origins may send. The keys and tokens are for the front door (infra/README.md).
CORS_HEADERS = "If-None-Match, Authorization, X-Api-Key"
# The last is what a CDN in front of a function URL wants to sign a body by (infra/README.md).
BODY_HEADERS = "Content-Type, X-Amz-Content-Sha256"
PREFLIGHT_MAX_AGE_S = 86_400

logger = logging.getLogger(__name__)


_OF_PICTURES = {
    Problem.INVALID_IMAGE: HTTPStatus.BAD_REQUEST,
    Problem.IMAGE_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Problem.UNSUPPORTED_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Problem.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
}


def create_app(searcher_source: SearcherSource, settings: Settings, *, body_within_s: float | None = None) -> App:
    """Make the app.

    Args:
        searcher_source: Returns the searcher to answer the next request from; it may raise
            BundleError when there is none, and the client is told to try again (503).
        settings: How this deployment answers.
        body_within_s: Seconds that a client may take to send a body; None where bodies are there as a whole.
    """
    return App(Routes(searcher_source, settings), settings, body_within_s)


class App:
    """An ASGI application (https://asgi.readthedocs.io, HTTP and lifespan)."""

    def __init__(self, routes: Routes, settings: Settings, body_within_s: float | None) -> None:
        self._routes = routes
        self._settings = settings
        self._body_within_s = body_within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._serve(Request.from_scope(scope), receive, send)

    def knows(self, path: str) -> bool:
        """Whether there is anything at a path."""
        return self._routes.find(path) is not None

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        route = self._routes.find(request.path)
        response = await self._respond(request, route, receive)
        response = response.with_headers(self._cors(request, route))
        length = str(len(response.body))
        headers = {**response.headers, "content-length": length}
        if response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            del headers["content-length"]
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status.value, "headers": encoded})
        body = b"" if request.method == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})
        self._log(request, route, response, started)

    async def _respond(self, request: Request, route: Route | None, receive: Receive) -> Response:
        """Answer; every error becomes a problem document, and none of a client's doing a 5xx."""
        if route is None:
            return problem(HTTPStatus.NOT_FOUND, "no-such-path", f"There is nothing at {request.path[:200]!r}")
        if request.method == "OPTIONS":
            return no_content({"allow": _methods(route)})
        takes_body = request.method == "POST" and route.most_bytes is not None
        if request.method not in ("GET", "HEAD") and not takes_body:
            detail = f"{request.method[:20]} is not allowed here (expected {_methods(route)})"
            return _not_allowed("method-not-allowed", detail, _methods(route))
        try:
            response = route.respond(await self._with_body(request, route, receive))
        except Exception as error:  # noqa: BLE001 - the outermost frame: a server's own 500 would lack CORS headers
            return _refusal(error, route)
        etag = response.headers.get("etag")
        return response.not_modified() if etag and request.has(etag) else response

    async def _with_body(self, request: Request, route: Route, receive: Receive) -> Request:
        """The request, with its body if it is one that has one."""
        if request.method != "POST" or route.most_bytes is None:
            return request
        most_bytes = route.most_bytes()
        check_type(request)
        body = await read_body(request, receive, most_bytes=most_bytes, within_s=self._body_within_s)
        return replace(request, body=body)

    def _cors(self, request: Request, route: Route | None) -> dict[str, str]:
        """The headers that let pages of the allowed origins read the answer."""
        origins = self._settings.cors_origins
        if not origins:
            return {}
        if origins == ("*",):
            headers = {"access-control-allow-origin": "*"}
        else:
            # Whatever the origin is, caches must know that the answer depends on it.
            headers = {"vary": "Origin"}
            origin = request.headers.get("origin")
            if origin not in origins:
                return headers
            headers["access-control-allow-origin"] = origin
        headers["access-control-expose-headers"] = "ETag"
        if request.method == "OPTIONS":
            headers["access-control-allow-methods"] = _methods(route)
            takes_body = route is not None and route.most_bytes is not None
            headers["access-control-allow-headers"] = f"{CORS_HEADERS}, {BODY_HEADERS}" if takes_body else CORS_HEADERS
            headers["access-control-max-age"] = str(PREFLIGHT_MAX_AGE_S)
        return headers

    def _log(self, request: Request, route: Route | None, response: Response, started: float) -> None:
        """One JSON line, without what a client wrote unless the settings ask for it."""
        line: dict[str, object] = {
            "method": request.method[:20],
            "route": route.template if route else None,
            "status": response.status.value,
            "bytes": len(response.body),
            "took_ms": round((time.perf_counter() - started) * 1_000, 3),
        }
        if self._settings.log_queries:
            line["query_string"] = request.query_string.decode("latin-1")
        logger.info(json.dumps(line))


def _methods(route: Route | None) -> str:
    return METHODS if route is None or route.most_bytes is None else METHODS_WITH_BODY


def _refusal(error: Exception, route: Route) -> Response:
    """What is answered where there is no answer."""
    match error:
        case QueryError():
            return problem(HTTPStatus.BAD_REQUEST, error.problem, str(error), parameter=error.parameter)
        case PictureError():
            return problem(_OF_PICTURES[error.problem], error.problem, str(error))
        case NoVisionError():
            return _not_allowed("no-image-queries", str(error), METHODS)
        case PhotoNotFoundError():
            return problem(HTTPStatus.NOT_FOUND, "photo-not-found", str(error))
        case BundleChangedError():
            return problem(HTTPStatus.CONFLICT, "bundle-changed", str(error), parameter="bundle")
        case BundleError() | StoreError():
            logger.error("What an answer needs can't be read: %s", error)
            detail = "What this answer needs can't be read at the moment: try again"
            unavailable = problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-collection", detail)
            return unavailable.with_headers({"retry-after": "10"})
    logger.error("Unexpected error at %s", route.template, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Something is wrong on our side")


def _not_allowed(name: str, detail: str, methods: str) -> Response:
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, name, detail).with_headers({"allow": methods})


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and end; there is nothing to open or to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
