"""The search page of `thinlens serve` and the contact sheet, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, NOT_THERE, Gallery
from tests.e2e.processes import run_thinlens

LOADED = "image => image.complete && image.naturalWidth > 0"


def search(page: Page, query: str) -> None:
    page.get_by_role("searchbox").fill(query)
    page.wait_for_url("**/?" + urlencode({"q": query}) + "*")
    expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")


def photos(page: Page) -> Locator:
    """The photos shown; a photo's name is its caption and relevance."""
    return page.get_by_role("listitem").get_by_role("button").and_(page.locator(".open"))


def try_suggestion(page: Page) -> None:
    """Search for the first of the suggestions, which finds something."""
    suggestion = page.locator(".suggestions").get_by_role("button").first
    query = suggestion.inner_text()
    suggestion.click()
    expect(page.get_by_role("searchbox")).to_have_value(query)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d+ photos?"))


def test_it_begins_with_photos_of_the_collection_and_what_to_try(page: Page) -> None:
    expect(photos(page)).to_have_count(11)
    try_suggestion(page)


def test_typing_a_description_shows_the_photo(page: Page) -> None:
    page.get_by_role("searchbox").press_sequentially(COFFEE_CAPTION, delay=5)
    expect(photos(page).first).to_have_accessible_name(f"{COFFEE_CAPTION}. Relevance 1.00")
    picture = page.get_by_role("listitem").first.locator("img")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate(LOADED)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d+ photos?"))
    assert page.url.endswith("/?" + urlencode({"q": COFFEE_CAPTION}))


def test_an_address_with_a_query_opens_its_answer(page: Page) -> None:
    page.goto(page.url + "?" + urlencode({"q": COFFEE_CAPTION}))
    expect(page.get_by_role("searchbox")).to_have_value(COFFEE_CAPTION)
    expect(photos(page).first).to_be_visible()


def test_a_photo_opens_with_its_caption_and_a_link(page: Page) -> None:
    search(page, COFFEE_CAPTION)
    photos(page).first.click()
    lightbox = page.get_by_role("dialog", name=COFFEE_CAPTION)
    expect(lightbox).to_contain_text("1.00")
    expect(lightbox).to_contain_text("Found by its caption")
    large = lightbox.get_by_role("img", name=COFFEE_CAPTION)
    large.evaluate("image => image.decode()")
    assert large.evaluate(LOADED)
    link = lightbox.get_by_role("link", name="Open the photo")
    assert str(link.evaluate("link => link.href")).endswith("/photos/" + quote(COFFEE))
    page.keyboard.press("Escape")
    expect(lightbox).to_be_hidden()
    expect(photos(page).first).to_be_focused()


def test_more_like_this_and_back_again(page: Page) -> None:
    search(page, COFFEE_CAPTION)
    page.get_by_role("button", name=f"More like this: {COFFEE_CAPTION}").click()
    expect(page.get_by_text(f"Photos like “{COFFEE_CAPTION}”")).to_be_visible()
    assert page.url.endswith("?" + urlencode({"q": COFFEE_CAPTION, "similar": COFFEE}))
    expect(page.get_by_role("button", name=re.compile("Relevance"))).to_have_count(0)  # which is that of words
    page.reload()
    expect(page.get_by_text(f"Photos like “{COFFEE_CAPTION}”")).to_be_visible()
    page.go_back()
    expect(photos(page).first).to_have_accessible_name(f"{COFFEE_CAPTION}. Relevance 1.00")
    expect(page.get_by_text("Photos like")).to_be_hidden()
    page.go_forward()
    page.get_by_role("button", name="Leave photos like this").click()
    expect(photos(page).first).to_have_accessible_name(f"{COFFEE_CAPTION}. Relevance 1.00")


def test_back_leads_to_what_was_entered_not_to_what_was_typed_on_the_way(page: Page) -> None:
    box = page.get_by_role("searchbox")
    for query in ("a cat", COFFEE_CAPTION):
        box.fill("")
        box.press_sequentially(query, delay=40)
        box.press("Enter")
        page.wait_for_url("**/?" + urlencode({"q": query}))
    page.go_back()
    expect(box).to_have_value("a cat")
    page.go_back()
    expect(box).to_have_value("")
    expect(photos(page)).to_have_count(11)
    page.go_forward()
    page.go_forward()
    expect(photos(page).first).to_have_accessible_name(f"{COFFEE_CAPTION}. Relevance 1.00")


def test_the_empty_state_is_honest_and_suggests_what_there_is(page: Page) -> None:
    search(page, NOT_THERE)
    expect(page.get_by_role("heading", name="Nothing relevant found")).to_be_visible()
    expect(page.get_by_text(f"No photo here seems to show “{NOT_THERE}”.", exact=True)).to_be_visible()
    expect(photos(page)).to_have_count(0)
    page.get_by_role("button", name="Show the closest anyway").click()
    expect(photos(page)).not_to_have_count(0)
    expect(photos(page).first).to_be_focused()
    search(page, NOT_THERE + " again")
    try_suggestion(page)


def test_words_that_it_does_not_know_are_said_to_be_unknown(page: Page) -> None:
    search(page, "ᚠᛇᚻ")
    page.get_by_role("button", name="Show the closest anyway").click()
    expect(page.get_by_text("No word of “ᚠᛇᚻ” is known to this search.", exact=True)).to_be_visible()


def test_it_is_usable_with_the_keyboard_alone(page: Page) -> None:
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(COFFEE_CAPTION)
    expect(photos(page).first).to_have_accessible_name(f"{COFFEE_CAPTION}. Relevance 1.00")
    page.keyboard.press("ArrowDown")
    expect(photos(page).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=f"More like this: {COFFEE_CAPTION}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Photos like “{COFFEE_CAPTION}”")).to_be_visible()


def test_a_query_is_shown_as_text(page: Page) -> None:
    search(page, "<img src=x onerror=alert(1)>")
    expect(page.get_by_role("status")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("img[src=x]").count() == 0


def test_a_server_that_is_gone_is_said_to_be_so_and_can_be_asked_again(page: Page) -> None:
    def refuse(route: Route) -> None:
        route.abort("connectionrefused")

    page.route("**/v1/search*", refuse)
    search(page, COFFEE_CAPTION)
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    expect(
        page.get_by_text("The server does not answer. It may have been stopped; try again.", exact=True)
    ).to_be_visible()
    page.unroute("**/v1/search*", refuse)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(photos(page).first).to_be_focused()


def test_offline_it_waits_and_goes_on_by_itself(page: Page) -> None:
    expect(photos(page)).to_have_count(11)
    page.context.set_offline(True)
    search(page, COFFEE_CAPTION)
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    page.context.set_offline(False)
    expect(photos(page).first).to_have_accessible_name(f"{COFFEE_CAPTION}. Relevance 1.00")


@pytest.mark.parametrize("width", [320, 768, 1600, 2560])
def test_nothing_sticks_out_on_any_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for query in (COFFEE_CAPTION, NOT_THERE + " and-a-word-without-any-end" * 8):
        search(page, query)
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
