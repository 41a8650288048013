"""A visit by keyboard alone, and as a screen reader tells it: typing, filters, browsing, one photo and its address.

In Chromium and in Firefox.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.answers import PHOTOS, facets, give, photo, result

MANY_TABS = 40
TAKEN = "2024-12-24T12:00:00"


# Firefox gives no test its clipboard.
CLIPBOARD = """Object.defineProperties(navigator, {
  share: { value: undefined },
  clipboard: { value: { writeText: async (text) => { window.copied = text; } } },
});"""


@pytest.fixture(scope="module")
def browser(each_browser: Browser) -> Browser:
    return each_browser


@pytest.fixture
def visit(page: Page) -> Page:
    """The page over a collection that is made up, where nobody has a mouse."""
    give(page, PHOTOS)
    page.add_init_script(CLIPBOARD)
    page.route("**/v1/facets?*", _facets)
    page.route("**/v1/photos?*", _photos)
    page.get_by_role("region", name="Corrections").wait_for()  # Firefox complains of what a reload cuts off
    page.reload()
    expect(page.get_by_role("searchbox")).to_be_focused()
    return page


def _facets(route: Route) -> None:
    months = [{"month": "2024-12", "count": 70}]
    of_all = facets(total=70, months=months, undated=0)
    route.fulfill(json=facets() if "q=" in route.request.url else of_all)


def _photos(route: Route) -> None:
    asked = parse_qs(urlsplit(route.request.url).query)
    first = int(asked.get("offset", ["0"])[0])
    body: dict[str, Any] = {"total": 70, "suggestions": ["a cat"], "bundle": "0123456789abcdef", "image_side": None}
    of_all = {"matched": None, "relevance": None, "taken": TAKEN}
    shown = range(first, min(70, first + int(asked["k"][0])))
    names = [(f"{number}.jpg", [{"text": f"photo {number}", "kind": "caption"}]) for number in shown]
    route.fulfill(json={**body, "photos": [result(name, **of_all, captions=texts) for name, texts in names]})


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Press the Tab key until what is called so has the focus."""
    wanted = page.get_by_role("button", name=name, exact=True)
    for _ in range(MANY_TABS):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if wanted.count() and wanted.evaluate("element => element.getRootNode().activeElement === element"):
            return
    raise AssertionError(f"Tab doesn't lead to {name!r}")


def answered(visit: Page, address: str) -> None:
    """Wait until what this address asks for is shown: on a slow day each letter is."""
    visit.wait_for_url(address)
    expect(visit.locator(".wall")).to_have_attribute("aria-busy", "false")
    expect(visit.get_by_role("status")).to_have_text("12 photos")


def test_a_visit_by_keyboard_alone(visit: Page) -> None:
    keyboard = visit.keyboard
    keyboard.type("dog")
    answered(visit, "**/?q=dog")

    tab_to(visit, "Filters")
    keyboard.press("Enter")
    expect(visit.get_by_role("dialog", name="6 photos")).to_be_visible()
    tab_to(visit, "2024 3")
    keyboard.press("Enter")
    expect(visit.get_by_role("button", name="2024 3", pressed=True)).to_be_focused()
    keyboard.press("Escape")
    expect(visit.get_by_role("button", name="Filters", exact=True)).to_be_focused()
    tab_to(visit, "Remove the filter 2024")
    keyboard.press("Enter")
    answered(visit, "**/?q=dog")

    tab_to(visit, "caption of 0.jpg. Relevance 0.90")
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    lightbox = visit.get_by_role("dialog", name="caption of 1.jpg")
    expect(lightbox).to_be_visible()
    keyboard.press("ArrowRight")
    expect(visit.get_by_role("dialog", name="caption of 2.jpg")).to_be_visible()
    tab_to(visit, "Share")
    keyboard.press("Enter")
    expect(visit.get_by_role("dialog")).to_contain_text("Address copied")
    assert parse_qs(urlsplit(str(visit.evaluate("copied"))).query) == {"photo": ["2.jpg"]}
    tab_to(visit, "Close", back=True)
    keyboard.press("Enter")
    expect(photo(visit, 2)).to_be_focused()

    keyboard.press("/")
    keyboard.press("ControlOrMeta+a")
    keyboard.press("Delete")
    expect(visit.get_by_role("button", name="a cat")).to_be_visible()
    tab_to(visit, "All photos by date")
    keyboard.press("Enter")
    expect(visit.get_by_role("button", name="photo 0. December 24, 2024", exact=True)).to_be_focused()
    keyboard.press("End")
    expect(visit.get_by_role("button", name="photo 69. December 24, 2024", exact=True)).to_be_focused()


def test_a_visit_as_a_screen_reader_tells_it(visit: Page) -> None:
    everything = visit.locator("thinlens-search")
    expect(everything).to_match_aria_snapshot(
        """
        - search:
          - heading "thinlens" [level=1]
          - searchbox "Search photos by description"
        - button "Filters"
        - combobox "Order":
          - option "A selection" [selected]
        - status
        - list "Photos"
        - button "All photos by date"
        """
    )
    visit.keyboard.type("dog")
    expect(everything).to_match_aria_snapshot(
        """
        - search:
          - searchbox "Search photos by description": dog
          - button "Clear"
        - combobox "Order":
          - option "Most relevant first" [selected]
          - option "Newest first"
          - option "Oldest first"
        - status: 12 photos
        - list "Photos":
          - listitem:
            - button "caption of 0.jpg. Relevance 0.90"
            - 'button "More like this: caption of 0.jpg"'
        """
    )
    answered(visit, "**/?q=dog")
    tab_to(visit, "Filters")
    visit.keyboard.press("Enter")
    expect(visit.get_by_role("dialog", name="6 photos")).to_be_visible()
    tab_to(visit, "2024 3")
    visit.keyboard.press("Enter")
    expect(visit.get_by_role("dialog")).to_match_aria_snapshot(
        """
        - dialog "6 photos":
          - heading "6 photos" [level=2]
          - button "Close"
          - heading "Date" [level=3]
          - button "2024 3" [pressed]
          - button "2023 2"
          - heading "Folder" [level=3]
          - button "holidays/rome 4"
        """
    )
    visit.keyboard.press("Escape")
    answered(visit, "**/?q=dog&filter=*2024")
    expect(everything).to_match_aria_snapshot('- button "Remove the filter 2024"')
    expect(visit.get_by_role("button", name="Filters", exact=True)).to_be_focused()
    visit.keyboard.press("/")
    visit.keyboard.press("ArrowDown")
    visit.keyboard.press("Enter")
    expect(visit.get_by_role("dialog")).to_match_aria_snapshot(
        """
        - dialog "caption of 0.jpg":
          - text: 1 of 12
          - button "Zoom in"
          - button "Close"
          - img "caption of 0.jpg"
          - button "Previous photo" [disabled]
          - button "Next photo"
          - paragraph: caption of 0.jpg
          - paragraph: Found by its caption Described by a model, which may be wrong
          - button "More like this"
          - button "Share"
          - link "Download"
          - link "Open the photo"
        """
    )
    visit.keyboard.press("Escape")
    problem = {"type": "urn:thinlens:problem:no-collection"}
    visit.route("**/v1/search?*", lambda route: route.fulfill(status=503, json=problem))
    visit.keyboard.press("/")
    visit.keyboard.type("s")
    expect(visit.get_by_role("status")).to_have_text(re.compile("^That did not work. The collection cannot be read"))
