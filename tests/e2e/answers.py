"""Answers of a server that need no server: what a test wants the widget to be told."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

# One grey pixel.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)
RED = "ff0000"
ANYBODY = {"access-control-allow-origin": "*"}


def result(photo_id: str = "a.jpg", **changes: object) -> dict[str, Any]:
    """One result; what a test doesn't care about is filled in."""
    return {
        "id": photo_id,
        "relevance": 0.5,
        "caption": f"caption of {photo_id}",
        "caption_kind": "caption",
        "matched": f"caption of {photo_id}",
        "matched_in": "meaning",
        "marks": [],
        "url": f"/photos/{photo_id}",
        "thumbnail_url": f"/thumbnails/{photo_id}",
        "preview_url": f"/previews/{photo_id}.webp",
        "width": 400,
        "height": 300,
        "taken": None,
        "placeholder": RED * 12,
        **changes,
    }


def answer(
    results: Sequence[dict[str, Any]],
    *,
    next_offset: int | None = None,
    perhaps: Sequence[dict[str, Any]] = (),
    corrected: str | None = None,
) -> dict[str, Any]:
    """The answer to a search that found these, and more from an offset on."""
    return {
        "query": "anything",
        "bundle": "0123456789abcdef",
        "took_ms": 1.0,
        "no_relevant_results": not results,
        "next_offset": next_offset,
        "results": list(results),
        "perhaps": list(perhaps),
        "corrected": corrected,
    }


def facets(**changes: object) -> dict[str, Any]:
    """What `GET /v1/facets` counts; what a test doesn't care about is filled in."""
    return {
        "query": "anything",
        "bundle": "0123456789abcdef",
        "took_ms": 1.0,
        "total": 6,
        "months": [{"month": "2024-05", "count": 3}, {"month": "2023-12", "count": 2}],
        "undated": 1,
        "folders": [{"folder": "holidays/rome", "count": 4}],
        "orientations": [{"value": "landscape", "count": 6}],
        "types": [{"value": "jpeg", "count": 6}],
        "columns": [{"column": "rating", "values": [{"value": 4, "count": 2}], "others": 0}],
        **changes,
    }


def give(
    page: Page,
    results: Sequence[dict[str, Any]],
    *,
    perhaps: Sequence[dict[str, Any]] = (),
    corrected: str | None = None,
) -> None:
    """Answer every search and every wish for similar photos with these, and every picture with a grey pixel."""
    body = answer(results, perhaps=perhaps, corrected=corrected)
    for path in ("search", "similar"):
        page.route(f"**/v1/{path}?*", lambda route: route.fulfill(json=body, headers=ANYBODY))
    for folder in ("thumbnails", "photos"):
        page.route(f"**/{folder}/*", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))


PHOTOS = [result(f"{number}.jpg", relevance=round(0.9 - number / 100, 2)) for number in range(12)]


def photo(page: Page, number: int) -> Locator:
    return page.locator(".open").nth(number)


def find(page: Page, photos: list[dict[str, Any]]) -> None:
    """Search for something that finds these."""
    give(page, photos)
    page.get_by_role("searchbox").fill("dog")
    expect(photo(page, 0)).to_have_accessible_name(re.compile(re.escape(photos[0]["caption"])))


def hold(page: Page, path: str = "search") -> list[Route]:
    """The requests that wait for an answer; a test answers them when it likes."""
    held: list[Route] = []
    page.route(f"**/v1/{path}?*", lambda route: held.append(route))
    return held
