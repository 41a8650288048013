"""What photos can be narrowed down by: the sheet, the chips, the order, the address, and who uses them how."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.answers import answer, facets, give, result

PHOTOS = [result(f"{number}.jpg") for number in range(6)]
HOSTILE = "<img src=x onerror=window.hurt=1>"


def find(page: Page, body: dict[str, Any] | None = None) -> list[str]:
    """Search for something that can be narrowed down; returns the queries of what is asked from then on."""
    give(page, PHOTOS)
    asked: list[str] = []

    def count(route: Route) -> None:
        asked.append(route.request.url.partition("/v1/")[2])
        route.fulfill(json=body or facets())

    page.route("**/v1/facets?*", count)
    page.on(
        "request", lambda request: asked.append(request.url.partition("/v1/")[2]) if "/search?" in request.url else None
    )
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("listitem")).to_have_count(6)
    asked.clear()
    return asked


def sheet(page: Page) -> Locator:
    page.get_by_role("button", name="Filters", exact=True).click()
    return page.get_by_role("dialog")


def test_a_filter_is_chosen_from_what_there_is_and_taken_off_by_its_chip(page: Page) -> None:
    asked = find(page)
    dialog = sheet(page)
    expect(dialog.get_by_role("heading", name="6 photos")).to_be_visible()
    expect(dialog.get_by_role("heading", level=3)).to_have_text(["Date", "Folder", "Shape", "File type", "Rating"])
    names = ["20243", "20232", "holidays/rome4", "Landscape6", "JPEG6", "4 ★2"]
    expect(dialog.locator("[data-filter]")).to_have_text(names)
    dialog.get_by_role("button", name="2024 3").click()
    expect(dialog.get_by_role("button", name="2024 3")).to_have_attribute("aria-pressed", "true")
    page.wait_for_url("**/?q=dog&filter=taken%3A2024")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    with page.expect_request("**/v1/search?q=dog&dedupe=true&k=48"):
        page.get_by_role("button", name="Remove the filter 2024").click()
    page.wait_for_url("**/?q=dog")
    expect(page.get_by_role("button", name="Remove the filter")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Order")).to_be_focused()
    narrowed = "&taken_from=2024&taken_to=2024"
    assert sorted(asked) == [
        "facets?q=dog&dedupe=true",
        f"facets?q=dog&dedupe=true{narrowed}",
        "search?q=dog&dedupe=true&k=48",
        f"search?q=dog&dedupe=true&k=48{narrowed}",
    ]


def test_filters_and_order_are_in_the_address_and_back_leads_out_of_them(page: Page) -> None:
    find(page)
    sheet(page).get_by_role("button", name="4 ★").click()
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Order").select_option("Newest first")
    page.wait_for_url("**/?q=dog&filter=where%3Arating%3A4&order=newest")
    with page.expect_request("**/v1/search?q=dog&dedupe=true&k=48&order=newest&where=rating%3A4"):
        page.reload()
    expect(page.get_by_role("button", name="Remove the filter 4 ★")).to_be_visible()
    expect(page.get_by_role("combobox", name="Order")).to_have_value("newest")
    page.go_back()
    expect(page.get_by_role("combobox", name="Order")).to_have_value("")
    page.go_back()
    expect(page.get_by_role("button", name="Remove the filter")).to_have_count(0)
    expect(page.get_by_role("listitem")).to_have_count(6)


def test_the_keyboard_alone_opens_chooses_and_comes_back(page: Page) -> None:
    find(page)
    button = page.get_by_role("button", name="Filters", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    expect(page.get_by_role("dialog").get_by_role("button", name="JPEG")).to_be_visible()
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", pressed=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_the_focus_stays_where_the_reader_has_moved_it_since(page: Page) -> None:
    find(page)
    sheet(page)
    moved = page.evaluate(
        """async () => {
          const { shadowRoot } = document.querySelector("thinlens-search");
          const [box, sheet] = ["input", ".sheet"].map((name) => shadowRoot.querySelector(name));
          const closed = new Promise((tell) => sheet.addEventListener("toggle", () => setTimeout(tell)));
          sheet.querySelector(".head button").click();
          const before = shadowRoot.activeElement.textContent;
          box.focus();
          await closed;
          return [before, shadowRoot.activeElement === box];
        }"""
    )
    assert moved == ["Filters", True]


def test_what_filters_leave_nothing_of_is_said_and_they_can_be_taken_off(page: Page) -> None:
    find(page)
    page.route("**/v1/search?*type=jpeg*", lambda route: route.fulfill(json=answer([])))
    sheet(page).get_by_role("button", name="JPEG").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No photo fits these filters.").last).to_be_visible()
    page.get_by_role("button", name="Remove the filters").click()
    expect(page.get_by_role("listitem")).to_have_count(6)
    page.wait_for_url("**/?q=dog")


def test_what_is_like_a_photo_is_not_narrowed_down(page: Page) -> None:
    find(page)
    page.route("**/v1/photos/**", lambda route: route.fulfill(json={**PHOTOS[0], "captions": []}))
    sheet(page).get_by_role("button", name="JPEG").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More like this").first.click()
    expect(page.get_by_role("button", name="Filters", exact=True)).to_be_hidden()
    page.wait_for_url(re.compile(r"\?q=dog&similar=0.jpg$"))


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ({"json": {"months": [7]}}, "The answer could not be read."),
        ({"body": "<html>"}, "The answer could not be read."),
        ({"status": 503, "json": {"type": "urn:thinlens:problem:no-collection"}}, "The collection cannot be read"),
        ({"status": 404, "json": {"detail": "no such path"}}, "The server said: no such path"),
    ],
)
def test_what_cannot_be_counted_is_said_in_the_sheet_and_the_photos_stay(
    page: Page, response: dict[str, Any], words: str
) -> None:
    find(page)
    page.route("**/v1/facets?*", lambda route: route.fulfill(**response))
    expect(sheet(page).get_by_role("heading")).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(page.get_by_role("listitem")).to_have_count(6)


def test_what_a_collection_calls_its_folders_and_columns_is_never_run(page: Page) -> None:
    column = {"column": HOSTILE, "values": [{"value": HOSTILE, "count": 1}], "others": 0}
    find(page, facets(folders=[{"folder": HOSTILE, "count": 1}], columns=[column]))
    dialog = sheet(page)
    dialog.get_by_role("button", name=HOSTILE).last.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=f"Remove the filter {HOSTILE}")).to_be_visible()
    assert page.evaluate("window.hurt") is None


def test_on_a_phone_it_is_a_sheet_from_below(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    find(page)
    dialog = sheet(page)
    expect(dialog.get_by_role("button", name="2024")).to_be_visible()
    box = dialog.bounding_box()
    assert box is not None
    assert (box["width"], box["y"] + box["height"]) == (390, 800)
    assert box["height"] <= 600
    page.touchscreen.tap(195, 60)
    expect(dialog).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_nothing_moves_when_filters_come_and_go(page: Page) -> None:
    find(page)
    before = page.get_by_role("listitem").first.bounding_box()
    for name in ("2024", "holidays/rome", "Landscape", "JPEG", "4 ★"):
        sheet(page).get_by_role("button", name=name).click()
        page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Remove the filter")).to_have_count(5)
    expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("listitem")).to_have_count(6)
    assert page.get_by_role("listitem").first.bounding_box() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    find(page)
    dialog = sheet(page)
    dialog.get_by_role("button", name="2024").click()
    expect(dialog.get_by_role("button", pressed=True)).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("Escape")
    assert Axe().run(page).response["violations"] == []
