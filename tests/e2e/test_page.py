"""The search page and the contact sheet in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.browser import chromium, installed_chromium
from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, NOT_THERE, Gallery
from tests.e2e.processes import run_thinlens

LOADED = "image => image.complete && image.naturalWidth > 0"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = installed_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with chromium(program) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The search page, just opened; a script error or a refused resource fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(address)
    yield page
    context.close()
    assert complaints == []


def search(page: Page, query: str) -> None:
    page.get_by_role("searchbox").fill(query)
    page.get_by_role("button", name="Search").click()


def test_typing_a_description_shows_the_photo(page: Page) -> None:
    search(page, COFFEE_CAPTION)
    first = page.get_by_role("listitem").first
    picture = first.locator("img")
    expect(first).to_contain_text(COFFEE_CAPTION)
    expect(first).to_contain_text("1.00")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate(LOADED)
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"^\d+ photos? in \d+ ms$"))
    assert page.url.endswith("/?" + urlencode({"q": COFFEE_CAPTION}))
    photo_address = first.get_by_role("link").evaluate("link => link.href")
    assert photo_address.endswith("/photos/" + quote(COFFEE))


def test_an_address_with_a_query_opens_its_answer(page: Page) -> None:
    page.goto(page.url + "?" + urlencode({"q": COFFEE_CAPTION}))
    expect(page.get_by_role("searchbox")).to_have_value(COFFEE_CAPTION)
    expect(page.get_by_role("listitem").first.locator("img")).to_be_visible()


def test_the_empty_state_is_honest_and_offers_the_closest(page: Page) -> None:
    search(page, NOT_THERE)
    expect(page.get_by_role("heading", name="Nothing relevant found")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(0)
    page.get_by_role("button", name="Show the closest anyway").click()
    expect(page.get_by_role("listitem")).not_to_have_count(0)


def test_a_query_is_shown_as_text(page: Page) -> None:
    search(page, "<img src=x onerror=alert(1)>")
    expect(page.get_by_role("status")).not_to_be_empty()
    assert page.locator("img[src=x]").count() == 0


def test_a_server_that_is_gone_is_said_to_be_so_and_can_be_asked_again(page: Page) -> None:
    def refuse(route: Route) -> None:
        route.abort("connectionrefused")

    page.route("**/v1/search*", refuse)
    search(page, COFFEE_CAPTION)
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    page.unroute("**/v1/search*", refuse)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("listitem")).not_to_have_count(0)


def test_it_is_usable_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.type(COFFEE_CAPTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem")).not_to_have_count(0)


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_nothing_sticks_out_on_any_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    search(page, COFFEE_CAPTION)
    expect(page.get_by_role("listitem")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_contact_sheet_shows_every_photo(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    demo = run_thinlens("demo", gallery.photos, "--out", tmp_path / "out")
    assert demo.returncode == 0, demo.stderr
    context = browser.new_context()
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "out/contact-sheet.html").as_uri())
    figures = page.locator("figure")
    expect(figures).to_have_count(11)
    for picture in figures.locator("img").all():
        assert picture.evaluate(LOADED)
    assert [url for url in requests if not url.startswith("data:")] == [page.url]
    context.close()
