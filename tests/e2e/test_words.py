"""Where the words of a query stand in what is known of a photo: said on the tile and at large, and marked."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.e2e.answers import answer, give, result

SOAP = {"matched": "HAND SOAP", "matched_in": "text", "marks": [[5, 9]]}
HOSTILE = "<img src=x onerror=window.hurt=1>"


def find(page: Page, *photos: dict[str, Any]) -> Locator:
    """Search for something that finds these; returns the tiles."""
    give(page, photos)
    page.get_by_role("searchbox").fill("soap")
    expect(page.locator(".open")).to_have_count(len(photos))
    return page.get_by_role("listitem")


def large(page: Page, number: int = 0) -> Locator:
    page.locator(".open").nth(number).click()
    return page.get_by_role("dialog")


def test_words_in_a_photo_are_said_below_it_and_at_large(page: Page) -> None:
    tile = find(page, result("a.jpg", **SOAP)).first
    expect(tile.locator(".open")).to_have_accessible_name(
        "caption of a.jpg. Text in the photo: HAND SOAP. Relevance 0.50"
    )
    expect(tile.locator(".words")).to_have_text("Text in the photo: HAND SOAP")
    expect(tile.locator("mark")).to_have_text(["SOAP"])
    dialog = large(page)
    expect(page.get_by_role("dialog", name="caption of a.jpg")).to_be_visible()
    expect(dialog.locator(".words")).to_have_text("Text in the photo: HAND SOAP")
    expect(dialog.locator("mark")).to_have_text(["SOAP"])
    expect(dialog).not_to_contain_text("Found by")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"matched_in": "name", "matched": "soap-2024.jpg"}, "File name: soap-2024.jpg"),
        ({"matched_in": "column", "columns": {"keywords": ["tv", "soap"]}}, "Keyword: soap"),
        ({"matched_in": "column", "columns": {"title": "soap"}}, "Title: soap"),
        ({"matched_in": "column", "columns": {"description": "soap"}}, "Description: soap"),
        ({"matched_in": "column", "columns": {"brand {words}": "soap"}}, "brand {words}: soap"),
        ({"matched_in": "column", "columns": {}}, "Keyword: soap"),
    ],
)
def test_the_line_says_where_they_stand(page: Page, changes: dict[str, Any], line: str) -> None:
    tile = find(page, result("a.jpg", **{"matched": "soap", "marks": [[0, 4]], **changes})).first
    expect(tile.locator(".words")).to_have_text(line)
    expect(tile.locator("mark")).to_have_text(["soap"])
    expect(large(page).locator(".words")).to_have_text(line)


def test_words_of_a_caption_are_marked_in_it(page: Page) -> None:
    caption = {"matched": "a soap on a rope", "matched_in": "caption", "marks": [[2, 6], [12, 16]]}
    tile = find(page, result("a.jpg", **caption)).first
    expect(tile.locator(".words")).to_have_count(0)
    dialog = large(page)
    expect(dialog.locator(".told mark")).to_have_text(["soap", "rope"])
    expect(page.get_by_role("dialog", name="a soap on a rope")).to_be_visible()
    expect(dialog.locator(".words")).to_be_hidden()
    expect(dialog).to_contain_text("Found by its caption")


def test_a_function_that_says_nothing_of_words_is_shown_as_ever(page: Page) -> None:
    tiles = find(page, result("a.jpg"), result("b.jpg", matched="visual", matched_in="meaning", marks=[]))
    expect(tiles.locator(".words")).to_have_count(0)
    expect(page.locator("mark")).to_have_count(0)
    expect(large(page)).to_contain_text("Found by its caption")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog")).to_contain_text("Found by how it looks")
    expect(page.get_by_role("dialog").locator(".words")).to_be_hidden()


def test_the_line_of_one_photo_does_not_stay_for_the_next(page: Page) -> None:
    find(page, result("a.jpg", **SOAP), result("b.jpg"))
    expect(large(page).locator(".words")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog").locator(".words")).to_be_hidden()
    expect(page.get_by_role("dialog").locator("mark:visible")).to_have_count(0)


def test_in_a_page_of_a_newspaper_the_word_is_in_sight(page: Page) -> None:
    words = ["word"] * 10_000
    words[5_000] = "soap"
    text = " ".join(words)
    tile = find(page, result("a.jpg", matched=text, matched_in="text", marks=[[25_000, 25_004]])).first
    mark, box = tile.locator("mark").bounding_box(), tile.bounding_box()
    assert mark is not None
    assert box is not None
    assert mark["x"] + mark["width"] <= box["x"] + box["width"]
    expect(tile.locator("mark")).to_have_text("soap")
    dialog = large(page)
    expect(dialog.locator("mark")).to_have_text("soap")
    assert len(dialog.locator(".words").inner_text()) < 500


def test_a_narrow_photo_shows_the_words_rather_than_where_they_stand(page: Page) -> None:
    photos = [result(f"{number}.jpg", width=300, height=500, **SOAP) for number in range(8)]
    tile = find(page, *photos).first
    expect(tile.locator(".where")).to_be_hidden()
    expect(tile.locator("mark")).to_be_visible()
    expect(tile.locator(".words")).to_have_attribute("title", "Text in the photo: HAND SOAP")


def test_what_stands_in_a_photo_is_never_run(page: Page) -> None:
    hostile = {"matched": HOSTILE, "matched_in": "column", "marks": [[0, 4]], "columns": {HOSTILE: HOSTILE}}
    tile = find(page, result("a.jpg", **hostile)).first
    expect(tile.locator(".words")).to_have_text(f"{HOSTILE}: {HOSTILE}")
    expect(tile.locator("mark")).to_have_text(["<img"])
    expect(large(page).locator(".words")).to_have_text(f"{HOSTILE}: {HOSTILE}")
    assert page.evaluate("window.hurt") is None


def test_words_that_are_read_from_right_to_left_stay_whole(page: Page) -> None:
    arabic = {"matched": "صابون SOAP", "matched_in": "text", "marks": [[0, 5]]}
    tile = find(page, result("a.jpg", **arabic)).first
    mark, where = tile.locator("mark").bounding_box(), tile.locator(".where").bounding_box()
    assert mark is not None
    assert where is not None
    expect(tile.locator("mark")).to_have_text("صابون")
    assert mark["x"] > where["x"] + where["width"]


def test_nothing_moves_when_the_lines_come(page: Page) -> None:
    """The place of a tile's line is kept before the tile is furnished, frames later."""
    photos = [result(f"{number}.jpg", **(SOAP if number % 3 == 0 else {})) for number in range(48)]
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer(photos)))
    page.add_init_script(
        """window.heights = new Set();
        (function look() {
          const list = document.querySelector("thinlens-search")?.shadowRoot?.querySelector("ol:has(li)");
          if (list) window.heights.add(list.clientHeight);
          requestAnimationFrame(look);
        })();"""
    )
    page.goto(page.url + "?q=soap")
    expect(page.locator(".like")).to_have_count(48)
    page.wait_for_timeout(300)
    assert len(page.evaluate("[...window.heights]")) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_can_be_read(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    find(page, result("a.jpg", **SOAP), result("b.jpg", matched="a soap", matched_in="caption", marks=[[2, 6]]))
    assert Axe().run(page).response["violations"] == []
    large(page)
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("ArrowRight")
    assert Axe().run(page).response["violations"] == []


def test_marks_have_the_readers_colours_where_he_has_his_own(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    tile = find(page, result("a.jpg", **SOAP)).first
    page.evaluate("document.body.append(Object.assign(document.createElement('p'), { id: 'system' }))")
    page.locator("#system").evaluate(
        "p => Object.assign(p.style, { forcedColorAdjust: 'none', background: 'Mark', color: 'MarkText' })"
    )
    colours = "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    assert tile.locator("mark").evaluate(colours) == page.locator("#system").evaluate(colours)
