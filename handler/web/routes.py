"""The routes: which path answers what.

Knows the HTTP interface (openapi.json describes it) and the searcher; knows nothing of ASGI.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from handler.empty_collection import EmptyCollection
from handler.errors import BundleChangedError, PhotoNotFoundError, Problem, QueryError
from handler.search.filters import Filters
from handler.search.pictures.picture_query import PictureQuery, image_bytes
from handler.search.query import Query, read_mode
from handler.search.searcher import Searcher
from handler.search.selection import BY_DATE, DEFAULT_K, ORDERS, Selection
from handler.settings import Settings
from handler.web.requests import Parameters, Request
from handler.web.responses import YEAR_S, Response, content, json_body, see, uncached_json

SearcherSource = Callable[[], Searcher | EmptyCollection]

SEARCH = "/v1/search"
PHOTO_PREFIX = "/v1/photos/"
_PAGING = ("k", "offset", "min_relevance", "order", "dedupe", "bundle")
_TEXTS = ("q", "weight", "not")
_DATES = ("taken_from", "taken_to")
_FILTERS = ("folder", "orientation", "type", "where")
_HANDLER = Path(__file__).parents[1]


# What the page is spoken in; handler/widget/src/languages.js says when.
LANGUAGES = ("de", "en", "es", "fr", "ja", "nl", "pt", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that is served as it is: the only ones there are stand in ASSETS."""

    file: str
    media_type: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return _HANDLER / self.file


WIDGET = "/assets/thinlens-search.js"
_HASHED_WIDGET = re.compile(r"/assets/thinlens-search\.[0-9a-f]{16}\.js")
ASSETS = {
    "/": Asset(file="widget/index.html", media_type="text/html; charset=utf-8"),
    "/assets/page.css": Asset(file="widget/page.css", media_type="text/css; charset=utf-8"),
    "/assets/page.js": Asset(file="widget/page.js", media_type="text/javascript; charset=utf-8"),
    WIDGET: Asset(file="widget/thinlens-search.js", media_type="text/javascript; charset=utf-8"),
    "/assets/icon.svg": Asset(file="widget/icon.svg", media_type="image/svg+xml"),
    "/openapi.json": Asset(file="web/openapi.json", media_type="application/json"),
    **{
        f"/assets/languages/{language}.json": Asset(
            file=f"widget/languages/{language}.json", media_type="application/json"
        )
        for language in LANGUAGES
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What answers a path; `template` names it in the log, without what a client wrote.

    Where a body may be sent to it, `most_bytes` says how long that may be, or raises why there can be none.
    """

    template: str
    respond: Callable[[Request], Response]
    most_bytes: Callable[[], int] | None = None


class Routes:
    """The table of routes over a source of searchers, asked anew for every request."""

    def __init__(self, searcher_source: SearcherSource, settings: Settings) -> None:
        self._searcher = searcher_source
        self._settings = settings
        self._page_csp = _page_csp(settings.media_url)
        self._routes = {
            "/v1/similar": self._similar,
            "/v1/photos": self._collection,
            "/v1/facets": self._facets,
            "/healthz": self._health,
            **dict.fromkeys(ASSETS, self._asset),
        }

    def find(self, path: str) -> Route | None:
        if path == SEARCH:
            return Route(template=path, respond=self._search, most_bytes=self._image_bytes)
        if path in self._routes:
            return Route(template=path, respond=self._routes[path])
        if path.startswith(PHOTO_PREFIX) and path != PHOTO_PREFIX:
            return Route(template=f"{PHOTO_PREFIX}{{id}}", respond=self._photo)
        if _HASHED_WIDGET.fullmatch(path):
            return Route(template="/assets/thinlens-search.{hash}.js", respond=self._hashed_widget)
        return None

    def _search(self, request: Request) -> Response:
        with_picture = request.method == "POST"
        once = ("mode", *(("image_weight",) if with_picture else ()), *_PAGING, *_DATES)
        parameters = request.parameters(once, repeated=(*_TEXTS, *_FILTERS))
        query = _query(parameters)
        query.check(beside_picture=with_picture)
        selection = _selection(parameters)
        searcher = self._in_service(parameters)
        if not with_picture:
            return self._answer(searcher.search(query, selection=selection), searcher, parameters)
        weight = parameters.decimal("image_weight")
        asked = PictureQuery(pixels=request.body, image_weight=1.0 if weight is None else weight, query=query)
        return uncached_json(searcher.search_by_picture(asked, selection))

    def _image_bytes(self) -> int:
        return image_bytes(self._searcher().vision().description.image_side)

    def _similar(self, request: Request) -> Response:
        parameters = request.parameters(("id", *_PAGING, *_DATES), repeated=_FILTERS)
        photo_id = parameters.text("id")
        selection = _selection(parameters)
        searcher = self._in_service(parameters)
        return self._answer(searcher.similar(photo_id, selection=selection), searcher, parameters)

    def _collection(self, request: Request) -> Response:
        parameters = request.parameters(("k", "offset", "order", "bundle", *_DATES), repeated=_FILTERS)
        k, offset = parameters.integer("k", DEFAULT_K), parameters.integer("offset", 0)
        order, filters = parameters.choice("order", BY_DATE), _filters(parameters)
        searcher = self._in_service(parameters)
        answer = searcher.collection(k, filters, order=order, offset=offset)
        return self._answer(answer, searcher, parameters, depends_on=[answer["image_side"], answer["image_fit"]])

    def _facets(self, request: Request) -> Response:
        once = ("mode", "min_relevance", "dedupe", "bundle", *_DATES)
        parameters = request.parameters(once, repeated=(*_TEXTS, *_FILTERS))
        query = _query(parameters)
        if not query.texts:
            _refuse_without_query(parameters, ("weight", "not", "mode", "min_relevance", "dedupe"))
        least, dedupe, filters = parameters.decimal("min_relevance"), parameters.flag("dedupe"), _filters(parameters)
        searcher = self._in_service(parameters)
        asked = query if query.texts else None
        answer = searcher.facets(asked, min_relevance=least, filters=filters, dedupe=dedupe)
        return self._answer(answer, searcher, parameters)

    def _photo(self, request: Request) -> Response:
        parameters = request.parameters()
        searcher = self._searcher()
        photo_id = request.path.removeprefix(PHOTO_PREFIX)
        try:
            answer = searcher.photo(photo_id)
        except PhotoNotFoundError:
            # Some gateways hand a path on as it was sent, others decode it first.
            answer = searcher.photo(unquote(photo_id))
        return self._answer(answer, searcher, parameters)

    def _health(self, request: Request) -> Response:
        request.parameters()
        searcher = self._searcher()
        return uncached_json({"status": "ok", "bundle": searcher.bundle_id, "photos": searcher.photo_count})

    def _asset(self, request: Request) -> Response:
        asset = ASSETS[request.path]
        body = _read_asset(asset.file)
        etag = f'W/"{_hash(body)}"'
        response = content(body, media_type=asset.media_type, etag=etag, max_age_s=self._settings.max_age_s)
        if asset.media_type.startswith("text/html"):
            return response.with_headers({"content-security-policy": self._page_csp})
        return response

    def _hashed_widget(self, request: Request) -> Response:
        """The widget by the hash of what it is; an earlier build is no longer here, and leads to the newest."""
        asset = ASSETS[WIDGET]
        body = _read_asset(asset.file)
        if request.path != hashed_widget(body):
            return see(WIDGET.rpartition("/")[2], max_age_s=self._settings.max_age_s)
        response = content(body, media_type=asset.media_type, etag=f'W/"{_hash(body)}"', max_age_s=YEAR_S)
        return response.with_headers({"cache-control": f"public, max-age={YEAR_S}, immutable"})

    def _in_service(self, parameters: Parameters) -> Searcher | EmptyCollection:
        """The searcher to answer from, if it is over the bundle that the client asks for."""
        searcher = self._searcher()
        bundle = parameters.optional_text("bundle")
        if bundle not in (None, searcher.bundle_id):
            raise BundleChangedError(f"The bundle in service is {searcher.bundle_id}, not {bundle[:80]!r}: begin anew")
        return searcher

    def _answer(
        self,
        answer: object,
        searcher: Searcher | EmptyCollection,
        parameters: Parameters,
        *,
        depends_on: object = None,
    ) -> Response:
        """An answer that may be kept; what it depends on beside the bundle and the parameters is in its etag."""
        return content(
            json_body(answer),
            media_type="application/json",
            etag=self._etag(searcher, parameters, depends_on),
            max_age_s=self._settings.max_age_s,
        )

    def _etag(self, searcher: Searcher | EmptyCollection, parameters: Parameters, depends_on: object) -> str:
        """The bundle's id, and a digest of whatever else the answer depends on.

        That is what was asked, in the form in which it is understood, where the photos lie, and the interface itself.
        Weak, because took_ms differs each time.
        """
        asked = {
            name: [searcher.canonical(value) for value in values] if name in ("q", "not") else values
            for name, values in parameters.values.items()
        }
        parts = json_body([sorted(asked.items()), self._settings.media_url, depends_on])
        digest = hashlib.sha256(parts + _read_asset(ASSETS["/openapi.json"].file)).hexdigest()
        return f'W/"{searcher.bundle_id}-{digest[:8]}"'


def _query(parameters: Parameters) -> Query:
    return Query(
        texts=parameters.texts("q"),
        weights=parameters.decimals("weight"),
        without=parameters.texts("not"),
        mode=read_mode(parameters.optional_text("mode")),
    )


def _refuse_without_query(parameters: Parameters, names: Sequence[str]) -> None:
    for name in names:
        if name in parameters.values:
            raise QueryError(f"{name} is given without a q", parameter=name, problem=Problem.CONTRADICTORY)


def _selection(parameters: Parameters) -> Selection:
    selection = Selection(
        k=parameters.integer("k", DEFAULT_K),
        offset=parameters.integer("offset", 0),
        min_relevance=parameters.decimal("min_relevance"),
        order=parameters.choice("order", ORDERS) or "relevance",
        dedupe=parameters.flag("dedupe"),
        filters=_filters(parameters),
    )
    selection.check()
    return selection


def _filters(parameters: Parameters) -> Filters:
    return Filters(
        folders=parameters.texts("folder"),
        taken_from=parameters.optional_text("taken_from"),
        taken_to=parameters.optional_text("taken_to"),
        orientations=parameters.texts("orientation"),
        types=parameters.texts("type"),
        where=parameters.texts("where"),
    )


def hashed_widget(module: bytes) -> str:
    """The path of a build of the widget, which never holds anything else.

    Example: "/assets/thinlens-search.4720f516e1d95f3b.js"
    """
    return f"{WIDGET.removesuffix('.js')}.{_hash(module)}.js"


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


@functools.cache
def _read_asset(file: str) -> bytes:
    return (_HANDLER / file).read_bytes()


def _page_csp(media_url: str) -> str:
    """What the page may do: its own script and style, this origin's answers, pictures over https and its own icon.

    Trusted types: browsers refuse what would turn a text into markup or script, so that no mistake of ours can.
    """
    media = urlsplit(media_url)
    origin = f" {media.scheme}://{media.netloc}" if media.netloc else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        f" img-src 'self' data: https:{origin}; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
