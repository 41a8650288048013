"""The editor: an ASGI application around the gallery's, with the routes of whoever corrects, and its part of the page.

    POST /v1/corrections  {"photos": [ids], and one of "caption", "hidden", "add_keyword", "remove_keyword"}
                          -> {"bundle", "changed": [ids]}; searches are answered from that bundle from then on
    GET  /v1/hidden       -> {"total", "photos": [{"id", "thumbnail_url"}]}, those that were hidden last first

It knows requests; what a correction does is told by correction.py.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from export.errors import ExportError, LibraryInUseError, PhotosError, UnknownPhotoError
from export.gallery.correction import Corrected, correct
from export.gallery.editor.correction_request import MAX_BYTES, CorrectionRequest
from export.gallery.editor.same_origin import foreign
from export.library.library import Library
from handler.bundle.photos.addresses import thumbnail
from handler.errors import BundleError, QueryError
from handler.web.responses import COMMON_HEADERS, Response, problem, uncached_json

CORRECTIONS = "/v1/corrections"
HIDDEN = "/v1/hidden"
MAX_HIDDEN_LISTED = 200
BODY_WITHIN_S = 10.0
_PAGE = Path(__file__).parent / "page"
_MODULES = ("editor", "elements", "hidden_photos", "pencil", "selection", "server")
_ASSETS = {
    **{f"/assets/editor/{name}.js": "text/javascript; charset=utf-8" for name in _MODULES},
    "/assets/editor/editor.css": "text/css; charset=utf-8",
    "/assets/editor/texts.json": "application/json",
}
# Before the page's own scripts, so that it is there before the search box.
_PLACE = b'    <script type="module"'
_LINKS = (
    b'    <link rel="stylesheet" href="assets/editor/editor.css">\n'
    b'    <script type="module" src="assets/editor/editor.js"></script>\n'
)

_log = logging.getLogger(__name__)


class Editor:
    """An ASGI application: another one, and beside it what corrects the photos of an output folder."""

    def __init__(self, app: ASGIApp, out: Path) -> None:
        self._app = app
        self._out = out
        # Two pages may correct at once; the library is for one at a time.
        self._correcting = threading.Lock()
        self._routes: dict[str, tuple[str, Callable[[Request], Awaitable[Response]]]] = {
            CORRECTIONS: ("POST", self._correct),
            HIDDEN: ("GET", self._hidden),
            **dict.fromkeys(_ASSETS, ("GET", self._asset)),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if scope["type"] == "http" and path in self._routes:
            await _send(await self._respond(Request(scope, receive)), scope, send)
        elif scope["type"] == "http" and path == "/" and scope["method"] in ("GET", "HEAD"):
            await _send(await self._page(scope, receive), scope, send)
        else:
            await self._app(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method, respond = self._routes[request.url.path]
        allowed = (method, "HEAD") if method == "GET" else (method,)
        if request.method not in allowed:
            detail = f"{request.method[:20]} is not allowed here (expected {', '.join(allowed)})"
            refused = problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", detail)
            return refused.with_headers({"allow": ", ".join(allowed)})
        return await respond(request)

    async def _correct(self, request: Request) -> Response:
        if (reason := foreign(request.headers)) is not None:
            return problem(HTTPStatus.FORBIDDEN, "cross-origin", reason)
        given = request.headers.get("content-type", "")
        if given.partition(";")[0].strip().lower() != "application/json":
            detail = f"The body is {given[:80] or 'of no type'!r} (expected application/json)"
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
        try:
            body = await asyncio.wait_for(_read(request), BODY_WITHIN_S)
        except TimeoutError:
            detail = f"The body did not end within {BODY_WITHIN_S:g} seconds"
            return problem(HTTPStatus.REQUEST_TIMEOUT, "request-timeout", detail)
        except ClientDisconnect:
            detail = "The connection was closed before the body was whole"
            return problem(HTTPStatus.BAD_REQUEST, "invalid-correction", detail)
        if len(body) > MAX_BYTES:
            detail = f"The body is longer than {MAX_BYTES:,} bytes"
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "correction-too-large", detail)
        try:
            corrected = await run_in_threadpool(self._carry_out, CorrectionRequest.read(body))
        except (QueryError, ExportError, BundleError) as error:
            return _refusal(error)
        return uncached_json({"bundle": corrected.bundle.id, "changed": list(corrected.changed)})

    def _carry_out(self, asked: CorrectionRequest) -> Corrected:
        with self._correcting:
            return correct(asked.photos, asked.change, self._out)

    async def _hidden(self, request: Request) -> Response:  # noqa: ARG002 a route
        try:
            with Library.open_to_read(self._out) as library:
                photos = library.photos.hidden()
        except ExportError as error:
            return _refusal(error)
        listed = [
            {"id": each.id, "thumbnail_url": f"/{thumbnail(each.content)}"} for each in photos[:MAX_HIDDEN_LISTED]
        ]
        return uncached_json({"total": len(photos), "photos": listed})

    async def _asset(self, request: Request) -> Response:
        path = request.url.path
        body = (_PAGE / path.rpartition("/")[2]).read_bytes()
        headers = {**COMMON_HEADERS, "content-type": _ASSETS[path], "cache-control": "no-cache"}
        return Response(status=HTTPStatus.OK, headers=headers, body=body)

    async def _page(self, scope: Scope, receive: Receive) -> Response:
        """The page of the other application, with the editor in it."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        # A browser may hold the page without an editor, of a server that had none. The text is read, so not compressed.
        dropped = (b"if-none-match", b"accept-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
        await self._app({**scope, "method": "GET", "headers": headers}, receive, keep)
        start, *bodies = messages
        kept = {name.decode(): value.decode() for name, value in start["headers"] if name != b"etag"}
        page = b"".join(message.get("body", b"") for message in bodies).replace(_PLACE, _LINKS + _PLACE, 1)
        return Response(status=HTTPStatus(start["status"]), headers={**kept, "cache-control": "no-cache"}, body=page)


async def _read(request: Request) -> bytes:
    """The body, or as much of it as shows that it is too long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            break
    return bytes(body)


def _refusal(error: Exception) -> Response:
    """What is answered where a correction isn't carried out, or the list of what is hidden can't be read."""
    match error:
        case QueryError():
            return problem(HTTPStatus.BAD_REQUEST, "invalid-correction", str(error), parameter=error.parameter)
        case UnknownPhotoError():
            return problem(HTTPStatus.NOT_FOUND, "photo-not-found", str(error))
        case PhotosError():
            return problem(HTTPStatus.CONFLICT, "nothing-left", f"Nothing was changed: {error}")
        case LibraryInUseError():
            detail = (
                "Another run of thinlens, such as 'thinlens index', has the library open, so nothing was changed: wait "
                "for its end and try again"
            )
            return problem(HTTPStatus.LOCKED, "library-in-use", detail)
    _log.error("a correction isn't in service: %s", error)
    detail = (
        "The correction isn't in service, for no bundle can be written at the moment; what of it is in the library "
        "comes with the next bundle. The terminal where 'thinlens serve' runs says more"
    )
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-bundle", detail)


async def _send(response: Response, scope: Scope, send: Send) -> None:
    headers = {**response.headers, "content-length": str(len(response.body))}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status.value, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body})
