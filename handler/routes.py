"""The routes: which path answers what.

Knows the HTTP interface (openapi.json describes it) and the searcher; knows nothing of ASGI.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from handler.errors import PhotoNotFoundError
from handler.requests import Request
from handler.responses import Response, content, json_body, uncached_json
from handler.searcher import DEFAULT_K, Searcher
from handler.settings import Settings

SearcherSource = Callable[[], Searcher]

PHOTO_PREFIX = "/v1/photos/"
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that is served as it is: the only ones there are stand in ASSETS."""

    file: str
    media_type: str


ASSETS = {
    "/": Asset(file="widget/index.html", media_type="text/html; charset=utf-8"),
    "/assets/page.css": Asset(file="widget/page.css", media_type="text/css; charset=utf-8"),
    "/assets/thinlens-search.js": Asset(file="widget/thinlens-search.js", media_type="text/javascript; charset=utf-8"),
    "/assets/icon.svg": Asset(file="widget/icon.svg", media_type="image/svg+xml"),
    "/openapi.json": Asset(file="openapi.json", media_type="application/json"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What answers a path; `template` names it in the log, without what a client wrote."""

    template: str
    respond: Callable[[Request], Response]


class Routes:
    """The table of routes over a source of searchers, asked anew for every request."""

    def __init__(self, searcher_source: SearcherSource, settings: Settings) -> None:
        self._searcher = searcher_source
        self._settings = settings
        self._page_csp = _page_csp(settings.media_url)
        self._routes = {
            "/v1/search": self._search,
            "/v1/similar": self._similar,
            "/v1/photos": self._sample,
            "/healthz": self._health,
            **dict.fromkeys(ASSETS, self._asset),
        }

    def find(self, path: str) -> Route | None:
        if path in self._routes:
            return Route(template=path, respond=self._routes[path])
        if path.startswith(PHOTO_PREFIX) and path != PHOTO_PREFIX:
            return Route(template=f"{PHOTO_PREFIX}{{id}}", respond=self._photo)
        return None

    def _search(self, request: Request) -> Response:
        parameters = request.parameters(("q", "k", "min_relevance"))
        query = parameters.text("q")
        k = parameters.integer("k", DEFAULT_K)
        min_relevance = parameters.decimal("min_relevance")
        searcher = self._searcher()
        return self._answer(searcher.search(query, k, min_relevance), searcher)

    def _similar(self, request: Request) -> Response:
        parameters = request.parameters(("id", "k", "min_relevance"))
        photo_id = parameters.text("id")
        k = parameters.integer("k", DEFAULT_K)
        min_relevance = parameters.decimal("min_relevance")
        searcher = self._searcher()
        return self._answer(searcher.similar(photo_id, k, min_relevance), searcher)

    def _sample(self, request: Request) -> Response:
        k = request.parameters(("k",)).integer("k", DEFAULT_K)
        searcher = self._searcher()
        return self._answer(searcher.sample(k), searcher)

    def _photo(self, request: Request) -> Response:
        request.parameters(())
        searcher = self._searcher()
        photo_id = request.path.removeprefix(PHOTO_PREFIX)
        try:
            answer = searcher.photo(photo_id)
        except PhotoNotFoundError:
            # Some gateways hand a path on as it was sent, others decode it first.
            answer = searcher.photo(unquote(photo_id))
        return self._answer(answer, searcher)

    def _health(self, request: Request) -> Response:
        request.parameters(())
        bundle = self._searcher().bundle
        return uncached_json({"status": "ok", "bundle": bundle.id, "photos": bundle.manifest.counts.photos})

    def _asset(self, request: Request) -> Response:
        asset = ASSETS[request.path]
        body = _read_asset(asset.file)
        response = content(
            body,
            media_type=asset.media_type,
            etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
            max_age_s=self._settings.max_age_s,
        )
        if asset.media_type.startswith("text/html"):
            return response.with_headers({"content-security-policy": self._page_csp})
        return response

    def _answer(self, answer: object, searcher: Searcher) -> Response:
        return content(
            json_body(answer),
            media_type="application/json",
            # Weak: took_ms differs each time, what was found is the bundle's.
            etag=f'W/"{searcher.bundle.id}"',
            max_age_s=self._settings.max_age_s,
        )


@functools.cache
def _read_asset(file: str) -> bytes:
    return (_HERE / file).read_bytes()


def _page_csp(media_url: str) -> str:
    """What the page may do: its own script and style, this origin's answers, pictures over https."""
    media = urlsplit(media_url)
    origin = f" {media.scheme}://{media.netloc}" if media.netloc else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        f" img-src 'self' https:{origin}; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    )
