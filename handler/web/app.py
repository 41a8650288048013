"""The app: HTTP over ASGI. It turns requests into answers and errors into problem documents.

No framework: a few routes do not earn one's import time at every cold start. A search takes a few
milliseconds of one core, so it runs where it is called, without a thread of its own.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from handler.errors import BundleChangedError, BundleError, PhotoNotFoundError, QueryError, StoreError
from handler.settings import Settings
from handler.web.requests import Request, Scope
from handler.web.responses import Response, no_content, problem
from handler.web.routes import Route, Routes, SearcherSource

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

METHODS = "GET, HEAD, OPTIONS"
PREFLIGHT_MAX_AGE_S = 86_400

logger = logging.getLogger(__name__)


def create_app(searcher_source: SearcherSource, settings: Settings) -> App:
    """Make the app.

    Args:
        searcher_source: Returns the searcher to answer the next request from; it may raise
            BundleError when there is none, and the client is told to try again (503).
        settings: How this deployment answers.
    """
    return App(Routes(searcher_source, settings), settings)


class App:
    """An ASGI application (https://asgi.readthedocs.io, HTTP and lifespan)."""

    def __init__(self, routes: Routes, settings: Settings) -> None:
        self._routes = routes
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._serve(Request.from_scope(scope), send)

    def knows(self, path: str) -> bool:
        """Whether there is anything at a path."""
        return self._routes.find(path) is not None

    async def _serve(self, request: Request, send: Send) -> None:
        started = time.perf_counter()
        route = self._routes.find(request.path)
        response = self._respond(request, route)
        response = response.with_headers(self._cors(request))
        length = str(len(response.body))
        headers = {**response.headers, "content-length": length}
        if response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            del headers["content-length"]
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status.value, "headers": encoded})
        body = b"" if request.method == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})
        self._log(request, route, response, started)

    def _respond(self, request: Request, route: Route | None) -> Response:
        """Answer; every error becomes a problem document, and none of a client's doing a 5xx."""
        if route is None:
            return problem(HTTPStatus.NOT_FOUND, "no-such-path", f"There is nothing at {request.path[:200]!r}")
        if request.method == "OPTIONS":
            return no_content({"allow": METHODS})
        if request.method not in ("GET", "HEAD"):
            detail = f"{request.method[:20]} is not allowed here (expected {METHODS})"
            refusal = problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", detail)
            return refusal.with_headers({"allow": METHODS})
        try:
            response = route.respond(request)
        except QueryError as error:
            return problem(HTTPStatus.BAD_REQUEST, error.problem, str(error), parameter=error.parameter)
        except PhotoNotFoundError as error:
            return problem(HTTPStatus.NOT_FOUND, "photo-not-found", str(error))
        except BundleChangedError as error:
            return problem(HTTPStatus.CONFLICT, "bundle-changed", str(error), parameter="bundle")
        except (BundleError, StoreError) as error:
            logger.error("What an answer needs can't be read: %s", error)
            detail = "What this answer needs can't be read at the moment: try again"
            unavailable = problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-collection", detail)
            return unavailable.with_headers({"retry-after": "10"})
        except Exception:  # the outermost frame: a server's own 500 would lack CORS headers
            logger.exception("Unexpected error at %s", route.template)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Something is wrong on our side")
        etag = response.headers.get("etag")
        return response.not_modified() if etag and request.has(etag) else response

    def _cors(self, request: Request) -> dict[str, str]:
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
            headers["access-control-allow-methods"] = METHODS
            headers["access-control-allow-headers"] = "If-None-Match"
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


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and end; there is nothing to open or to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
