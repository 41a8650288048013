"""The first moments of the page: what is typed before its texts are there, what it fetches, and that nothing moves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.answers import PHOTOS, give

SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((entry) => entry.value)))
  .observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture
def arriving(browser: Browser) -> Iterator[Page]:
    """A page that is not open yet."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    give(page, PHOTOS)
    yield page
    context.close()


def hold_texts(page: Page) -> list[Route]:
    """The requests for texts, which wait."""
    held: list[Route] = []
    page.route("**/languages/*.json", lambda route: held.append(route))
    return held


def let_go(page: Page, held: list[Route]) -> None:
    while not held:
        page.wait_for_timeout(10)
    for route in held:
        route.continue_()


@pytest.mark.parametrize("pause_ms", [0, 300])
def test_no_key_is_lost_that_is_typed_before_the_texts_are_there(arriving: Page, address: str, pause_ms: int) -> None:
    held = hold_texts(arriving)
    arriving.add_init_script(SHIFTS)
    arriving.goto(address, wait_until="commit")
    expect(arriving.locator("thinlens-search input[type=search]")).to_be_focused()
    arriving.keyboard.type("a do")
    arriving.wait_for_timeout(pause_ms)
    let_go(arriving, held)
    arriving.keyboard.type("g")
    box = arriving.get_by_role("searchbox", name="Search photos by description")
    expect(box).to_have_value("a dog")
    expect(box).to_be_focused()
    arriving.wait_for_url("**/?q=a+dog")
    expect(arriving.get_by_role("status")).to_have_text("12 photos")
    arriving.wait_for_timeout(600)  # beyond the half second in which shifts count as the reader's own
    assert arriving.evaluate("window.shifts") == []


def test_texts_are_fetched_once_and_early(arriving: Page, address: str) -> None:
    asked: Counter[str] = Counter()
    arriving.on("request", lambda request: asked.update([request.url.rpartition("/")[2]]))
    arriving.goto(address)
    expect(arriving.get_by_role("searchbox", name="Search photos by description")).to_be_focused()
    assert asked["en.json"] == 1
    initiators = arriving.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('en.json'))"
        ".map(({ initiatorType }) => initiatorType)"
    )
    assert initiators == ["link"]


@pytest.mark.parametrize("number", [1, 2, 6])
def test_few_photos_fill_the_window_and_are_sharp(arriving: Page, address: str, number: int) -> None:
    """What is a third of the window or more is not two thirds white; a thumbnail would be too small for it."""
    give(arriving, PHOTOS[:number])
    with arriving.expect_request("**/previews/0.jpg.webp"):
        arriving.goto(address + "/?q=dog")
    expect(arriving.get_by_role("listitem")).to_have_count(number)
    boxes = [tile.bounding_box() for tile in arriving.get_by_role("listitem").all()]
    shown = sum(box["width"] * min(box["height"], 900 - box["y"]) for box in boxes if box and box["y"] < 900)
    assert shown > 1200 * 900 / 3


def test_of_many_photos_no_preview_is_fetched(arriving: Page, address: str) -> None:
    previews: list[str] = []
    arriving.on("request", lambda request: previews.append(request.url) if "/previews/" in request.url else None)
    arriving.goto(address + "/?q=dog")
    expect(arriving.locator("img.there")).to_have_count(12)
    assert previews == []


def test_a_preview_that_is_not_there_leaves_the_thumbnail(arriving: Page, address: str) -> None:
    give(arriving, PHOTOS[:2])
    arriving.route("**/previews/*", lambda route: route.fulfill(status=404))
    arriving.goto(address + "/?q=dog")
    picture = arriving.locator("img.there").first
    expect(picture).to_have_attribute("src", re.compile(r"/thumbnails/0\.jpg$"))
