"""A gallery that isn't there: the search page over so many photos, answered as openapi.json says, from arithmetic.

It takes no time to make, and next to none to answer: what is slow then is the page.
"""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from tests.e2e.answers import answer, facets, result
from tests.performance.report import ROOT

PHOTOS = 100_000
YEARS = 20
RESULTS = 48
FOUND_FROM = 50_000
"""What is found is something else than what the page begins with."""
BUNDLE = "0123456789abcdef"
WIDGET = ROOT / "handler/widget"
_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "json": "application/json"}
_MONTHS = [f"{2025 - month // 12}-{12 - month % 12:02}" for month in range(12 * YEARS)]
_OF_A_MONTH = -(-PHOTOS // len(_MONTHS))


def _photo(number: int) -> dict[str, Any]:
    """The photo of a place in the order of dates, as `GET /v1/photos` has it; all but the shapes are alike."""
    width, height = ((400, 300), (300, 400), (400, 225), (300, 300))[number % 4]
    made = result(f"{number}.jpg", width=width, height=height, placeholder=f"{number % 4096:06x}" * 12)
    caption = f"a photo of something that takes a line to say, number {number}"
    taken = f"{_MONTHS[number // _OF_A_MONTH]}-{1 + number % 28:02}T12:00:00"
    return {**made, "caption": caption, "captions": [{"text": caption, "kind": "caption"}], "taken": taken}


def _answer(path: str, query: dict[str, str]) -> dict[str, Any]:
    if path == "/v1/facets":
        months = [
            {"month": month, "count": min(_OF_A_MONTH, PHOTOS - place * _OF_A_MONTH)}
            for place, month in enumerate(_MONTHS)
        ]
        folders = [{"folder": f"folder {number}", "count": PHOTOS // 1_000} for number in range(1_000)]
        values = [{"value": f"value {number}", "count": 20 - number} for number in range(20)]
        columns = [{"column": name, "values": values, "others": 0} for name in ("keywords", "place", "camera")]
        return facets(bundle=BUNDLE, total=PHOTOS, months=months, undated=0, folders=folders, columns=columns)
    if path == "/v1/search":
        return answer(
            [
                {**_photo(number), "matched": f"caption of {number}"}
                for number in range(FOUND_FROM, FOUND_FROM + RESULTS)
            ]
        )
    first, count = int(query.get("offset", 0)), int(query["k"])
    photos = [_photo(number) for number in range(first, min(first + count, PHOTOS))]
    return {"bundle": BUNDLE, "total": PHOTOS, "suggestions": ["a dog"], "photos": photos, "image_side": None}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        path, query = urlsplit(self.path)[2:4]
        if path.startswith("/v1/"):
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            self._send(json.dumps(_answer(path, asked)).encode(), "application/json")
        elif path.startswith("/thumbnails/"):
            self._send(self.server.thumbnail, "image/jpeg")
        elif path == "/":
            self._send((WIDGET / "index.html").read_bytes(), "text/html; charset=utf-8")
        else:
            name = (
                "thinlens-search.js" if path.startswith("/assets/thinlens-search.") else path.removeprefix("/assets/")
            )
            self._send((WIDGET / name).read_bytes(), _TYPES[name.rpartition(".")[2]])

    def _send(self, body: bytes, kind: str) -> None:
        packed = body if kind == "image/jpeg" else gzip.compress(body, mtime=0)
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(packed)))
        self.send_header("cache-control", "max-age=300")
        if packed is not body:
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        self.wfile.write(packed)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        packed = io.BytesIO()
        Image.fromarray(noise).resize((320, 240)).save(packed, "JPEG", quality=80)
        self.thumbnail = packed.getvalue()


@contextmanager
def made_up_gallery() -> Iterator[str]:
    """Its address, for as long as the block lasts."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
