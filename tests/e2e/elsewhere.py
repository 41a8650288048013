"""A page of somebody else's, at another origin than the search: what a site that embeds the widget looks like.

And a search that answers such pages at once, with no collection behind it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.e2e.answers import ANYBODY, PHOTOS, PICTURE, answer, facets

WIDGET = Path(__file__).parents[2] / "handler/widget"
TYPES = {".js": "text/javascript", ".json": "application/json", ".css": "text/css", ".svg": "image/svg+xml"}


class Site(ThreadingHTTPServer):
    """A server of one page under one security policy, at every address but that of its style sheet."""

    daemon_threads = True
    page = ""
    styles = ""
    policy = "default-src 'none'"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that went elsewhere hangs up."""


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        kind, text = ("css", self.server.styles) if self.path == "/styles.css" else ("html", self.server.page)
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", f"text/{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


class _Search(_Handler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path.lstrip("/")
        known = {"v1/search": answer(PHOTOS), "v1/photos": _COLLECTION, "v1/facets": facets()}
        if path.startswith("assets/"):
            file = WIDGET / path.removeprefix("assets/")
            self._give(TYPES[file.suffix], file.read_bytes())
        elif path in known:
            self._give("application/json", json.dumps(known[path]).encode())
        else:
            self._give("image/png", PICTURE)

    def _give(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        for name, value in {**ANYBODY, "content-type": kind, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


_COLLECTION: dict[str, Any] = {
    "total": len(PHOTOS),
    "suggestions": ["a cat"],
    "bundle": "0123456789abcdef",
    "image_side": 8,
    "photos": [{**photo, "captions": [{"text": photo["caption"], "kind": "caption"}]} for photo in PHOTOS],
}


@contextmanager
def site() -> Iterator[Site]:
    """The site, for as long as the block lasts."""
    with _serving(_Handler) as server:
        yield server


@contextmanager
def search() -> Iterator[str]:
    """The address, with its closing slash, of a search that finds the same twelve photos whatever it is asked."""
    with _serving(_Search) as server:
        yield f"{server.origin}/"


@contextmanager
def _serving(handler: type[_Handler]) -> Iterator[Site]:
    with Site(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A window in which somebody else's page with the widget in it can be opened, whatever that page is like."""

    page: Page
    host: Site
    endpoint: str

    def open(self, body: str = "<thinlens-search></thinlens-search>", *, html: str = "", path: str = "start") -> Page:
        """Open a page of this body, whose widgets have the endpoint and are defined before what follows them runs."""
        self.host.page = f"<!doctype html><html lang='en' {html}><title>Host</title>{self.framed(body)}"
        self.page.goto(f"{self.host.origin}/{path}")
        return self.page

    def framed(self, body: str) -> str:
        """This body, with the module before it."""
        module = f"<script type='module' src='{self.endpoint}assets/thinlens-search.js' crossorigin></script>"
        return module + body.replace("<thinlens-search", f"<thinlens-search endpoint='{self.endpoint}'")
