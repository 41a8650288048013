"""What the editor's tests share: an indexed folder, what asks its app as the page does, and whether it was changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from export.gallery.indexing import index_photos
from export.gallery.serving import create_gallery
from export.library.library import Library
from tests.functional.export.galleries import fake_models, records

PHOTOS = ["blue.png", "green.png", "red.png"]
HOST = "127.0.0.1:8000"


class Served:
    """An indexed folder, and what asks its app as the page does."""

    def __init__(self, base: Path, *, host: str = "127.0.0.1") -> None:
        self.base, self.out = base, base / "out"
        self.app: ASGIApp = create_gallery(self.out, host=host)

    def index(self) -> str:
        return index_photos(self.base / "photos", self.out, workers=1, models=fake_models(self.base / "models")).bundle

    async def ask(self, method: str, path: str, host: str = HOST, **request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **request)

    def get(self, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self.ask("GET", path, **request))

    def post(self, body: object, **request: Any) -> httpx.Response:
        return asyncio.run(self.ask("POST", "/v1/corrections", json=body, **request))

    def found(self, query: str) -> list[str]:
        return [result["id"] for result in self.get("/v1/search", params={"q": query, "k": 10}).json()["results"]]


def unchanged(served: Served) -> bool:
    """Whether nothing that could be corrected was."""
    with Library.open(served.out) as library:
        hidden = library.photos.hidden()
    of_all = records(served.out)
    return not hidden and [*of_all] == PHOTOS and not any(r.captions[0].edited or r.columns for r in of_all.values())
