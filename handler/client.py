"""A client of the HTTP interface, with nothing but the standard library.

Example:
    for photo in Client("https://photos.example.org/").search("a dog on a beach", k=3, folder="2024")["results"]:
        print(photo["relevance"], photo["url"])
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from handler.search.answers import CollectionAnswer, FacetsAnswer, PhotoAnswer, Result, SearchAnswer, SimilarAnswer

Parameter = str | float | bool | list[str] | list[float] | None


class ProblemError(Exception):
    """The server's refusal (RFC 9457): `type` is for programs, the error's text for people."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(document.get("detail", f"the server answered {status}"))
        self.status = status
        self.type: str = document.get("type", "about:blank")
        self.parameter: str | None = document.get("parameter")


class Client:
    """Asks one deployment; parameters are those of openapi.json, `without` for `not`.

    Every method raises ProblemError where the server refuses, and OSError where there is no answer.
    """

    def __init__(self, endpoint: str, *, timeout_s: float = 20.0) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout_s = timeout_s

    def search(self, q: str | list[str], *, without: Parameter = None, **parameters: Parameter) -> SearchAnswer:
        """The photos that a text describes, or several texts."""
        return cast(SearchAnswer, self._get("/v1/search", {"q": q, "not": without, **parameters}))

    def search_by_picture(
        self, pixels: bytes, q: str | list[str] | None = None, *, without: Parameter = None, **parameters: Parameter
    ) -> SearchAnswer:
        """The photos that are like a picture, and that texts describe too if there are some.

        Args:
            pixels: The picture as a square, of as many pixels a side as `collection()` says in `image_side`, squashed
                or cropped as `image_fit` says: rows from top to bottom, a byte each of red, green and blue for each
                pixel.
            q: Texts.
            without: What photos should not show.
            parameters: Others, such as `image_weight`.
        """
        return cast(SearchAnswer, self._ask("/v1/search", {"q": q, "not": without, **parameters}, pixels))

    def all_results(self, q: str | list[str], **parameters: Any) -> Iterator[Result]:
        """All results of a search, page by page, and all of one bundle."""
        offset: int | None = 0
        while offset is not None:
            answer = self.search(q, **{"k": 100, **parameters, "offset": offset})
            yield from answer["results"]
            offset = answer["next_offset"]
            parameters["bundle"] = answer["bundle"]

    def similar(self, photo_id: str, **parameters: Parameter) -> SimilarAnswer:
        """The photos that are like a photo."""
        return cast(SimilarAnswer, self._get("/v1/similar", {"id": photo_id, **parameters}))

    def photo(self, photo_id: str) -> PhotoAnswer:
        """Everything that is known of a photo."""
        return cast(PhotoAnswer, self._get(f"/v1/photos/{quote(photo_id)}", {}))

    def collection(self, **parameters: Parameter) -> CollectionAnswer:
        """What there is to search."""
        return cast(CollectionAnswer, self._get("/v1/photos", parameters))

    def all_photos(self, order: str = "newest", **parameters: Any) -> Iterator[PhotoAnswer]:
        """All photos that the filters leave, by the date on which they were taken, page by page and of one bundle."""
        offset: int | None = 0
        while offset is not None:
            answer = self.collection(**{"k": 100, **parameters, "order": order, "offset": offset})
            yield from answer["photos"]
            offset = answer["next_offset"]
            parameters["bundle"] = answer["bundle"]

    def facets(
        self, q: str | list[str] | None = None, *, without: Parameter = None, **parameters: Parameter
    ) -> FacetsAnswer:
        """How many of the photos that a search finds, or of all, there are of each month, folder, type and value."""
        return cast(FacetsAnswer, self._get("/v1/facets", {"q": q, "not": without, **parameters}))

    def _get(self, path: str, parameters: dict[str, Parameter]) -> object:
        return self._ask(path, parameters, None)

    def _ask(self, path: str, parameters: dict[str, Parameter], body: bytes | None) -> object:
        given = {name: value for name, value in parameters.items() if value is not None}
        values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
        address = f"{self._endpoint}{path}?{urlencode(values, doseq=True)}"
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
            # CloudFront in front of a function URL signs the body by this.
            headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        try:
            with urlopen(Request(address, data=body, headers=headers), timeout=self._timeout_s) as response:
                return json.load(response)
        except HTTPError as error:
            with error:
                raise ProblemError(error.code, _document(error.read())) from None


def _document(body: bytes) -> dict[str, Any]:
    """A problem document; empty where a gateway has said something else."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
