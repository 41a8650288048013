"""A collection browsed by date: all of it laid out, little of it there; and one of its photos at large."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.answers import PICTURE, facets, result

MONTHS: list[dict[str, Any]] = [
    {"month": f"{year}-{month:02}", "count": 1 + 97 * month} for year in range(2024, 2010, -1) for month in (12, 7, 1)
]
UNDATED = 130
TOTAL = sum(month["count"] for month in MONTHS) + UNDATED

Asked = list[dict[str, list[str]]]


@pytest.fixture
def asked(page: Page) -> Asked:
    """Has the page served a collection of many photos; returns what is asked of /v1/photos."""
    asked: Asked = []

    def photos(route: Route) -> None:
        wanted = parse_qs(urlsplit(route.request.url).query)
        asked.append(wanted)
        start, size = int(wanted.get("offset", ["0"])[0]), int(wanted["k"][0])
        found = [
            {
                **result(f"album/{place}.jpg", matched=None, taken="2024-12-24T18:00:00"),
                "captions": [{"text": f"photo {place}"}],
            }
            for place in range(start, min(start + size, TOTAL))
        ]
        body: dict[str, Any] = {"photos": found, "suggestions": [], "bundle": "0123", "total": TOTAL}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    page.route("**/v1/photos?*", photos)
    page.route(
        "**/v1/facets*",
        lambda route: route.fulfill(json=facets(bundle="0123", total=TOTAL, months=MONTHS, undated=UNDATED)),
    )
    page.route("**/thumbnails/**", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))
    page.route("**/photos/album/**", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))
    return asked


def browse(page: Page, order: str = "newest") -> Locator:
    """Open the collection by date; returns its tiles."""
    page.goto(page.url.partition("?")[0] + f"?order={order}")
    expect(page.locator(".browse .open").first).to_be_visible()
    return page.get_by_role("listitem")


def test_all_photos_are_laid_out_and_few_are_there(page: Page, asked: Asked) -> None:
    tiles = browse(page)
    expect(page.get_by_role("status")).to_have_text(f"{TOTAL:,} photos")
    expect(page.locator(".browse h2").first).to_have_text("December 2024")
    expect(page.locator(".browse h2").last).to_have_text("Without a date")
    expect(tiles.first).to_have_attribute("aria-setsize", str(TOTAL))
    height = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.get_by_role("button", name=f"photo {TOTAL - 1}. December 24, 2024", exact=True)
    expect(last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight") == height
    page.wait_for_timeout(300)
    assert tiles.count() <= 400
    assert {wanted["bundle"][0] for wanted in asked if "bundle" in wanted} == {"0123"}
    assert sum(int(wanted["k"][0]) for wanted in asked if "order" in wanted) <= 1_500


@pytest.mark.parametrize("width", [390, 1000, 1900])
def test_a_month_has_exactly_the_room_that_its_photos_take(page: Page, asked: Asked, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    browse(page)
    block = page.locator(".browse ol").first
    expect(block.get_by_role("listitem")).to_have_count(60)
    box, tile = block.bounding_box(), block.get_by_role("listitem").last.bounding_box()
    assert box is not None
    assert tile is not None
    assert abs(box["y"] + box["height"] - 4 - tile["y"] - tile["height"]) < 1


def test_oldest_first_turns_the_months_around(page: Page, asked: Asked) -> None:
    browse(page, "oldest")
    heads = page.locator(".browse h2")
    expect(heads.first).to_have_text("January 2011")
    expect(heads.last).to_have_text("Without a date")
    assert asked[-1]["order"] == ["oldest"]


def test_the_start_leads_to_all_photos_and_filters_narrow_them_down(page: Page, asked: Asked) -> None:
    page.reload()
    page.get_by_role("button", name="All photos by date").click()
    page.wait_for_url("**/?order=newest")
    expect(page.get_by_role("button", name=re.compile("^photo 0"))).to_be_focused()
    page.get_by_role("button", name="Filters", exact=True).click()
    with page.expect_request("**/v1/photos?*type=jpeg*"):
        page.get_by_role("dialog").get_by_role("button", name="JPEG").click()
    page.keyboard.press("Escape")
    page.wait_for_url("**/?order=newest&filter=type%3Ajpeg")
    expect(page.locator(".browse .open").first).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("button", name="All photos by date")).to_be_visible()


def test_the_keyboard_walks_over_months_and_to_both_ends(page: Page, asked: Asked) -> None:
    browse(page)
    page.get_by_role("searchbox").press("ArrowDown")
    for key, number in (("ArrowRight", 1), ("ArrowDown", 7), ("End", TOTAL - 1), ("ArrowLeft", TOTAL - 2), ("Home", 0)):
        page.keyboard.press(key)
        expect(page.get_by_role("button", name=f"photo {number}. December 24, 2024", exact=True)).to_be_focused()
    assert page.locator(".browse [tabindex='0']").count() == 1


def test_at_large_it_goes_on_beyond_what_is_there(page: Page, asked: Asked) -> None:
    browse(page)
    page.locator(".browse .open").nth(58).click()
    dialog = page.get_by_role("dialog")
    for number in range(59, 130):
        page.keyboard.press("ArrowRight")
        expect(dialog.locator(".told")).to_have_text(f"photo {number}")
    expect(dialog).to_contain_text(f"130 of {TOTAL:,}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("^photo 129\\."))).to_be_focused()


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ({"status": 409, "json": {"type": "urn:thinlens:problem:bundle-changed"}}, "The collection has changed"),
        ({"status": 500, "json": {"type": "urn:thinlens:problem:internal-error"}}, "Something went wrong"),
    ],
)
def test_photos_that_do_not_come_are_no_dead_end(
    page: Page, asked: Asked, response: dict[str, Any], words: str
) -> None:
    page.route("**/v1/photos?*order*", lambda route: route.fulfill(**response))
    page.goto(page.url.partition("?")[0] + "?order=newest")
    expect(page.get_by_role("status")).to_contain_text(words)


def test_nothing_moves_on_its_own(page: Page, asked: Asked) -> None:
    page.add_init_script(
        """window.shifts = [];
        new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((entry) => entry.value)))
          .observe({ type: "layout-shift", buffered: true });"""
    )
    browse(page)
    for place in (900, 5_000, 20_000, 100):
        page.evaluate("place => scrollTo(0, place)", place)
        page.wait_for_timeout(500)
    assert page.evaluate("window.shifts") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(page: Page, asked: Asked, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    browse(page)
    assert Axe().run(page).response["violations"] == []
