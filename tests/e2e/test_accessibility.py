"""The widget and people who see or move in ways of their own: by keyboard, by touch, by ear, without animation."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.answers import PHOTOS, answer, find, give, hold, photo


def test_arrow_keys_move_through_the_grid_and_tab_leaves_it(page: Page) -> None:
    find(page, PHOTOS)
    in_row = page.locator("li").evaluate_all(
        "tiles => tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length"
    )
    for key, number in (
        ("ArrowDown", 0),
        ("ArrowRight", 1),
        ("ArrowDown", 1 + in_row),
        ("ArrowLeft", in_row),
        ("ArrowUp", 0),
        ("End", 11),
        ("ArrowRight", 11),
        ("Home", 0),
    ):
        page.keyboard.press(key)
        expect(photo(page, number)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="More like this").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show less relevant photos")).to_be_focused()


def test_the_lightbox_goes_through_the_photos_and_back_to_the_last_one(page: Page) -> None:
    find(page, PHOTOS)
    photo(page, 10).click()
    lightbox = page.get_by_role("dialog")
    expect(lightbox).to_contain_text("11 of 12")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(lightbox).to_contain_text("12 of 12")
    lightbox.get_by_role("button", name="Previous photo").click()
    expect(page.get_by_role("dialog", name="caption of 10.jpg")).to_be_visible()
    for _ in range(6):  # the focus stays inside
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('thinlens-search, thinlens-search *, body')")
    lightbox.get_by_role("button", name="Previous photo").click()
    lightbox.get_by_role("button", name="Close").click()
    expect(photo(page, 9)).to_be_focused()


def test_a_slash_leads_into_the_box_unless_it_is_typed_elsewhere(page: Page) -> None:
    find(page, PHOTOS)
    photo(page, 0).focus()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("dog")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_have_value("dog/")
    page.evaluate("document.body.append(document.createElement('textarea'))")
    page.locator("textarea").press_sequentially("a/b")
    expect(page.locator("textarea")).to_have_value("a/b")
    expect(page.locator("textarea")).to_be_focused()


def test_the_focus_stays_where_it_is_led_before_what_was_typed_is_answered(page: Page) -> None:
    find(page, PHOTOS[:2])
    give(page, PHOTOS[:1])
    page.keyboard.type("s")
    page.keyboard.press("Tab")  # before what was typed is asked for
    expect(page.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("button", name="Clear")).to_be_focused()


def test_nothing_moves_on_its_own(page: Page) -> None:
    """Layout shift (https://web.dev/cls) over a whole visit in which every answer and picture is late."""
    page.add_init_script(
        """window.shifts = [];
        new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((entry) => entry.value)))
          .observe({ type: "layout-shift", buffered: true });"""
    )
    page.reload()
    give(page, PHOTOS)
    pictures: list[Route] = []
    page.route("**/thumbnails/*", lambda route: pictures.append(route))
    for query, found in (("a", PHOTOS), ("ab", PHOTOS[3:9]), ("abc", []), ("abcd", PHOTOS[:1]), ("", [])):
        held = hold(page)
        page.get_by_role("searchbox").fill(query)
        page.wait_for_timeout(700)  # beyond the half second in which shifts count as the reader's own
        for route in held:
            route.fulfill(json=answer(found))
        page.wait_for_timeout(200)
        for picture in pictures:
            picture.fallback()
        pictures.clear()
    page.wait_for_timeout(300)
    assert page.evaluate("window.shifts") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    axe = Axe()

    def check() -> None:
        report = axe.run(page)
        assert report.violations_count == 0, report.generate_report()

    expect(page.get_by_role("listitem")).to_have_count(11)
    check()
    find(page, PHOTOS)
    page.keyboard.press("ArrowDown")
    check()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    check()
    page.get_by_role("dialog").get_by_role("button", name="More like this").click()
    expect(page.get_by_text("Photos like")).to_be_visible()
    check()
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer([])))
    page.get_by_role("searchbox").fill("nothing")
    expect(page.get_by_role("heading", name="Nothing relevant found")).to_be_visible()
    check()
    page.route("**/v1/search?*", lambda route: route.abort())
    page.get_by_role("searchbox").fill("broken")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    check()


def test_what_changed_is_told_to_screen_readers(page: Page) -> None:
    find(page, PHOTOS)
    status = page.get_by_role("status")
    expect(status).to_have_text("12 photos")
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer([])))
    page.get_by_role("searchbox").fill("nothing")
    expect(status).to_have_text("Nothing relevant found. No photo here seems to show “nothing”.")
    page.route("**/v1/search?*", lambda route: route.abort())
    page.get_by_role("searchbox").fill("broken")
    expect(status).to_have_text("That did not work. The server does not answer. It may have been stopped; try again.")


def test_on_a_phone_captions_are_below_their_photos_and_a_swipe_turns_pages(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    give(page, PHOTOS)
    page.goto(address + "/?q=dog")
    caption = page.locator("li").first.locator(".caption")
    expect(page.locator(".caption")).to_have_count(len(PHOTOS))
    picture, words = page.locator("li .frame").first.bounding_box(), caption.bounding_box()
    assert picture is not None
    assert words is not None
    assert words["y"] >= picture["y"] + picture["height"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    photo(page, 0).tap()
    page.locator(".stage").evaluate(
        """(stage) => {
          for (const [type, clientX] of [["touchstart", 300], ["touchend", 100]]) {
            const touch = new Touch({ identifier: 1, target: stage, clientX });
            stage.dispatchEvent(new TouchEvent(type, { touches: [touch], changedTouches: [touch], bubbles: true }));
          }
        }"""
    )
    expect(page.get_by_role("dialog", name="caption of 1.jpg")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").tap()
    page.get_by_role("searchbox").tap()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    context.close()


def test_nothing_is_animated_for_who_wants_it_so(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    find(page, PHOTOS)
    picture = photo(page, 0).locator("img")
    expect(picture).to_have_css("transition-duration", "0s")
    assert picture.evaluate("image => image.getRootNode().getAnimations().length") == 0
