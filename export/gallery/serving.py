"""Serving: the gallery on this machine, which is the handler's own app with photos and pictures of them beside it.

It knows files and addresses; what is answered is the handler's. Served is an output folder, of which only photos of the
bundle in service, their thumbnails and previews can be had, or a folder that bundles were published to; and only to
browsers on this machine, unless another address than its own is listened on. Photos of an output folder can be
corrected from this machine alone: nobody is asked for a password.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from export.bundles.bundling import CURRENT
from export.errors import ExportError, ServingError
from export.gallery.editor.editor import Editor
from export.gallery.previews_on_demand import PreviewsOnDemand
from export.gallery.vision_in_service import vision_of
from export.library.library import Library
from export.photos.kept_pictures import Thumbnails
from export.photos.unicode_names import locate
from export.storage.media_types import media_type
from handler.bundle.bundle import Bundle
from handler.bundle.photos.addresses import PHOTOS, PREVIEWS, THUMBNAILS
from handler.errors import BundleError, PhotoNotFoundError, in_words
from handler.search.searcher import Searcher
from handler.service import Service
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.store.pointer import POINTER_KEY
from handler.store.store import deliver, open_store
from handler.web.app import create_app
from handler.web.responses import problem

HOST = "127.0.0.1"
_EVERY_ADDRESS = ("0.0.0.0", "::")
BODY_WITHIN_S = 10.0
# zlib's own choice between size and time: a page of results takes a millisecond.
COMPRESSION = 6
"""Seconds that a client may take to send a picture."""
# A page elsewhere that has its own name resolve to this machine must not read the photos here (DNS rebinding).
_HOSTS = ["127.0.0.1", "localhost"]
_PUBLISHED_PHOTO = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}(\.[^/.]+)?")
_PICTURE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.(jpg|webp)")
_FILE_HEADERS = {
    "cache-control": "private, max-age=60",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}
FindFile = Callable[[str], Awaitable[Response]]
"""Answers with the file that the rest of an address names."""

_log = logging.getLogger(__name__)


class SearcherInService:
    """Gives the searcher over the bundle that is in service now; a bundle that can't be opened isn't taken over."""

    def __init__(self, out: Path) -> None:
        """Open the bundle in service; raises BundleError, and OutputError where its models aren't known."""
        self._link = out / CURRENT
        self._vision = vision_of(out)
        self._seen = self._target()
        self._searcher = self._open()

    def __call__(self) -> Searcher:
        if (target := self._target()) != self._seen:
            self._seen = target
            try:
                self._searcher = self._open()
            except BundleError as error:
                _log.warning("the bundle from before stays in service: %s", error)
        return self._searcher

    def _open(self) -> Searcher:
        bundle = open_bundle(self._link)
        return Searcher(bundle, media_url="/", vision=self._vision, makes_previews=True)

    def _target(self) -> Path:
        return self._link.resolve()


class Gallery:
    """An ASGI application: the handler's app, and below some of its addresses files, which are found by the rest."""

    def __init__(self, app: ASGIApp, files: Mapping[str, FindFile]) -> None:
        self._app = app
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not starlette's routes: their patterns stop at a newline, which the name of a photo may hold.
        path = str(scope.get("path", ""))
        find = next((find for prefix, find in self._files.items() if path.startswith(prefix)), None)
        if scope["type"] != "http" or find is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            response = await find(path.split("/", 2)[2])
        else:
            response = _problem(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
        await response(scope, receive, send)


class _IndexedFiles:
    """The photos that were indexed, of which only those of the bundle in service can be had, and pictures of them."""

    def __init__(self, out: Path, root: Path | None, searcher: SearcherInService) -> None:
        self._thumbnails = Thumbnails(out)
        self._previews = PreviewsOnDemand(out)
        self._root = root
        self._searcher = searcher

    async def photo(self, photo_id: str) -> Response:
        try:
            self._searcher().photo(photo_id)
        except PhotoNotFoundError as error:
            return _problem(HTTPStatus.NOT_FOUND, str(error))
        except BundleError:
            _log.exception("what is known of a photo can't be read")
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "what is known of this photo can't be read")
        if self._root is None:
            return _problem(HTTPStatus.NOT_FOUND, "the folder that was indexed isn't known")
        return _file(locate(self._root, photo_id), media_type(photo_id))

    async def thumbnail(self, name: str) -> Response:
        if (content := self._thumbnails.content(name)) is None:
            return _problem(HTTPStatus.NOT_FOUND, "no such thumbnail")
        return _file(self._thumbnails.path(content), "image/jpeg")

    async def preview(self, name: str) -> Response:
        try:
            # Making one takes a fifth of a second, in which others are answered.
            data = await run_in_threadpool(self._previews.read, name)
        except (ExportError, OSError) as error:
            return _problem(HTTPStatus.NOT_FOUND, str(error))
        return Response(data, media_type=media_type(name), headers=_FILE_HEADERS)


def _named(folder: Path, names: re.Pattern[str]) -> FindFile:
    """What finds the files of a folder that have a name of Thinlens's."""

    async def find(name: str) -> Response:
        if not names.fullmatch(name):
            return _problem(HTTPStatus.NOT_FOUND, "no such picture")
        return _file(folder / name, media_type(name))

    return find


def create_gallery(out: Path, *, host: str = HOST) -> ASGIApp:
    """The app over an output folder, or over a folder that bundles were published to.

    Args:
        out: The folder.
        host: What clients reach this machine by, as it is given to `listen`.

    Raises:
        BundleError: The bundle there can't be opened.
        LibraryError: There is no library beside it.
        SettingsError: An environment variable holds what it may not.
    """
    is_store = (out / POINTER_KEY).exists() and not (out / CURRENT).exists()
    gallery: ASGIApp = _published_gallery(out) if is_store else _indexed_gallery(out)
    if not is_store and not reaches_others(host) and os.access(out, os.W_OK):
        gallery = Editor(gallery, out)
    by_any_name = host in _EVERY_ADDRESS or ":" in host
    return TrustedHostMiddleware(gallery, allowed_hosts=["*"] if by_any_name else [*_HOSTS, host])


def _indexed_gallery(out: Path) -> Gallery:
    searcher = SearcherInService(out)
    with Library.open_to_read(out) as library:
        root = library.photos.root()
    settings = replace(Settings.from_environment(os.environ), bundle=str(out / CURRENT), media_url="/")
    found = _IndexedFiles(out, root, searcher)
    files = {f"/{PHOTOS}": found.photo, f"/{THUMBNAILS}": found.thumbnail, f"/{PREVIEWS}": found.preview}
    return Gallery(_compressed(create_app(searcher, settings, body_within_s=BODY_WITHIN_S)), files)


def _published_gallery(folder: Path) -> Gallery:
    settings = replace(Settings.from_environment(os.environ), bundle=str(folder), media_url="/")
    store = open_store(settings, os.environ)
    service = Service(store, Bundle.receive(deliver(store)), media_url="/", vision=vision_of(folder))
    files = {
        f"/{PHOTOS}": _named(folder / PHOTOS, _PUBLISHED_PHOTO),
        f"/{THUMBNAILS}": _named(folder / THUMBNAILS, _PICTURE),
        f"/{PREVIEWS}": _named(folder / PREVIEWS, _PICTURE),
    }
    return Gallery(_compressed(create_app(service, settings, body_within_s=BODY_WITHIN_S)), files)


def _compressed(app: ASGIApp) -> ASGIApp:
    """Answers, which are text, go out a third as long; pictures, which are files, are no shorter."""
    return GZipMiddleware(app, compresslevel=COMPRESSION)


def listen(port: int, host: str = HOST) -> socket.socket:
    """A socket on an address of this machine; port 0 takes any free one.

    Raises:
        ServingError: The address or the port can't be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise ServingError(
            f"port {port} of {host} can't be had: {in_words(error)}; choose another with --port, or with --host an "
            "address that this machine has"
        ) from error
    return listener


def reaches_others(host: str) -> bool:
    """Whether more than this machine can reach what listens there."""
    return host not in _HOSTS


def serve(gallery: ASGIApp, listener: socket.socket) -> None:
    """Serve until the process is told to end."""
    with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again once it has ended in good order
        uvicorn.Server(uvicorn.Config(gallery, log_level="warning", lifespan="off")).run(sockets=[listener])


def _file(path: Path, kind: str) -> Response:
    if not path.is_file():
        return _problem(HTTPStatus.NOT_FOUND, "the file is gone")
    return FileResponse(path, media_type=kind, headers=_FILE_HEADERS)


def _problem(status: HTTPStatus, detail: str) -> Response:
    kind = "method-not-allowed" if status is HTTPStatus.METHOD_NOT_ALLOWED else "photo-not-found"
    response = problem(status, kind, detail)
    return Response(response.body, status_code=status, headers=dict(response.headers))
