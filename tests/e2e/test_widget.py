"""The widget and servers of every kind: slow, wrong, hostile; and people who see or move in ways of their own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.answers import RED, answer, give, result

PHOTOS = [result(f"{number}.jpg", relevance=round(0.9 - number / 100, 2)) for number in range(12)]
HOSTILE = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"


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


def until(page: Page, held: list[Route], count: int) -> None:
    """Wait until so many requests are held."""
    while len(held) < count:
        page.wait_for_timeout(10)


def test_typing_asks_once_for_each_pause(page: Page) -> None:
    held = hold(page)
    page.clock.install(time=0)
    page.clock.pause_at(1_000)
    for text in ("a", " ", "d", "og"):
        page.get_by_role("searchbox").press_sequentially(text)
        page.clock.run_for(149)
    assert held == []
    page.clock.run_for(1)
    until(page, held, 1)
    page.get_by_role("searchbox").press_sequentially(" ")  # says nothing new
    page.clock.run_for(1_000)
    assert [route.request.url.partition("?")[2] for route in held] == ["q=a+dog&dedupe=true&k=48"]


def test_a_picture_that_stays_does_not_flicker(page: Page) -> None:
    find(page, PHOTOS)
    stays = page.get_by_role("listitem").nth(3).locator("img.there")
    stays.evaluate("image => { image.kept = true; }")
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer([PHOTOS[5], {**PHOTOS[3], "relevance": 0.1}])))
    page.get_by_role("searchbox").fill("dogs")
    expect(photo(page, 1)).to_have_accessible_name("caption of 3.jpg. Relevance 0.10")
    assert photo(page, 1).locator("img.there").evaluate("image => image.kept")
    assert photo(page, 0).locator("img").evaluate("image => image.kept") is None


def test_an_earlier_answer_never_replaces_a_later_one(page: Page) -> None:
    held = hold(page)
    cancelled: list[str] = []
    page.on("requestfailed", lambda request: cancelled.append(request.url.partition("?")[2]))
    for count, query in enumerate(("early", "late"), start=1):
        page.get_by_role("searchbox").fill(query)
        until(page, held, count)
    held[1].fulfill(json=answer([result("late.jpg")]))
    held[0].fulfill(json=answer([result("early.jpg")]))
    expect(photo(page, 0)).to_have_accessible_name("caption of late.jpg. Relevance 0.50")
    page.wait_for_timeout(100)
    expect(page.get_by_role("listitem")).to_have_count(1)
    assert cancelled == ["q=early&dedupe=true&k=48"]


def test_while_it_waits_it_says_so_and_keeps_what_is_there(page: Page) -> None:
    find(page, PHOTOS)
    photos = page.locator(".wall")
    held = hold(page)
    page.get_by_role("searchbox").fill("dog on a beach")
    expect(photos).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("listitem")).to_have_count(12)
    until(page, held, 1)
    held[0].fulfill(json=answer([]))
    expect(photos).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("heading", name="Nothing relevant found")).to_be_visible()


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (
            {"body": "<html>login</html>"},
            "The answer could not be read. Perhaps something else answers at this address.",
        ),
        (
            {"json": {"results": "many"}},
            "The answer could not be read. Perhaps something else answers at this address.",
        ),
        (
            {"json": {"results": [{"id": None}]}},
            "The answer could not be read. Perhaps something else answers at this address.",
        ),
        ({"status": 502, "body": "bad gateway"}, "The server said: 502"),
        ({"status": 400, "json": {"detail": HOSTILE}}, f"The server said: {HOSTILE}"),
        ({"status": 503, "json": {"detail": "There is no collection"}}, "The server said: There is no collection"),
    ],
)
def test_a_wrong_answer_is_said_to_be_one(page: Page, response: dict[str, Any], words: str) -> None:
    page.route("**/v1/search?*", lambda route: route.fulfill(**response))
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    expect(page.get_by_text(words, exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert page.evaluate("window.hurt") is None


def test_what_a_collection_says_is_never_run(page: Page) -> None:
    hostile = result(HOSTILE, caption=HOSTILE, matched=HOSTILE, url="javascript:window.hurt=1")
    give(page, [hostile, result("b.jpg", thumbnail_url="javascript:window.hurt=1", placeholder=HOSTILE)])
    page.get_by_role("searchbox").fill(HOSTILE)
    expect(photo(page, 0)).to_have_accessible_name(f"{HOSTILE}. Relevance 0.50")
    expect(photo(page, 1)).to_contain_text("Picture not available")
    photo(page, 0).click()
    lightbox = page.get_by_role("dialog", name=HOSTILE)
    expect(lightbox).to_contain_text(HOSTILE)
    expect(lightbox.get_by_role("link")).to_have_count(0)
    page.route("**/v1/photos/**", lambda route: route.fulfill(json={**hostile, "captions": [{"text": HOSTILE}]}))
    lightbox.get_by_role("button", name="More like this").click()
    expect(page.get_by_text(f"Photos like “{HOSTILE}”")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"Photos like “{HOSTILE}”")).to_be_visible()
    assert page.evaluate("window.hurt") is None
    assert page.locator("script:not([src]), [src=x]").count() == 0


def test_a_photo_that_is_gone_is_said_to_be_gone(page: Page) -> None:
    page.goto(page.url + "?similar=gone.jpg")
    expect(
        page.get_by_text("There is no such photo here. It may have been removed or renamed.", exact=True)
    ).to_be_visible()


def test_colours_keep_the_place_of_a_picture_that_is_slow(page: Page) -> None:
    give(page, [result("a.jpg"), result("b.jpg", placeholder=None)])
    pictures: list[Route] = []
    page.route("**/thumbnails/*", lambda route: pictures.append(route))
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("listitem")).to_have_count(2)
    colours = photo(page, 0).locator("canvas")
    assert colours.evaluate("canvas => [...canvas.getContext('2d').getImageData(3, 2, 1, 1).data]") == [255, 0, 0, 255]
    assert RED == "ff0000"
    expect(photo(page, 1).locator("canvas")).to_have_count(0)
    boxes = [photo(page, number).bounding_box() for number in (0, 1)]
    until(page, pictures, 2)
    for picture in pictures:
        picture.fallback()
    photo(page, 0).locator("img.there").wait_for()
    assert [photo(page, number).bounding_box() for number in (0, 1)] == boxes


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
        assert page.evaluate("document.activeElement.localName") in ("thinlens-search", "body")
    lightbox.get_by_role("button", name="Previous photo").click()
    lightbox.get_by_role("button", name="Close").click()
    expect(photo(page, 9)).to_be_focused()


def test_less_relevant_photos_are_shown_if_wanted(page: Page) -> None:
    find(page, PHOTOS[:6])
    give(page, PHOTOS)
    with page.expect_request("**/v1/search?q=dog&dedupe=true&k=48&min_relevance=0"):
        page.get_by_role("button", name="Show less relevant photos").click()
    expect(photo(page, 6)).to_be_focused()
    expect(page.get_by_role("button", name="Show less relevant photos")).to_be_hidden()


def give_pages(page: Page) -> list[Route]:
    """Answer searches for dogs with five photos; returns the requests for the seven after them, which wait."""
    give(page, PHOTOS[:5])
    held: list[Route] = []
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer(PHOTOS[:5], next_offset=5)))
    page.route("**/v1/search?*offset=5*", lambda route: held.append(route))
    page.get_by_role("searchbox").fill("dogs")
    until(page, held, 1)
    return held


def test_more_photos_come_by_themselves_of_one_bundle(page: Page) -> None:
    held = give_pages(page)
    query = "q=dogs&dedupe=true&k=48&offset=5&bundle=0123456789abcdef"
    assert held[0].request.url.partition("?")[2] == query
    expect(page.get_by_role("button", name="Show more")).to_be_visible()
    held[0].fulfill(json=answer(PHOTOS[5:]))
    expect(page.get_by_role("listitem")).to_have_count(12)
    expect(page.get_by_role("status")).to_have_text("12 photos")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    assert len(held) == 1


def test_more_photos_that_do_not_come_leave_those_that_are_there(page: Page) -> None:
    held = give_pages(page)
    held[0].abort()
    expect(page.get_by_role("status")).to_have_text(re.compile("The server does not answer"))
    expect(page.get_by_role("listitem")).to_have_count(5)
    page.get_by_role("button", name="Show more").click()
    until(page, held, 2)
    held[1].fulfill(json=answer(PHOTOS[5:]))
    expect(photo(page, 5)).to_be_focused()


def test_many_photos_have_an_end_that_is_said(page: Page) -> None:
    many = [result(f"{number}.jpg") for number in range(60)]
    give(page, many[:48])
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer(many[:48], next_offset=48)))
    page.route("**/v1/search?*offset=48*", lambda route: route.fulfill(json=answer(many[48:])))
    page.get_by_role("searchbox").fill("dogs")
    expect(page.get_by_role("status")).to_have_text("48 photos")
    expect(page.get_by_role("listitem")).to_have_count(48)
    page.locator("li").last.scroll_into_view_if_needed()
    expect(page.get_by_role("status")).to_have_text("60 photos")
    expect(page.get_by_text("That is all.")).to_be_visible()


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


def test_near_duplicates_are_counted(page: Page) -> None:
    find(page, [result("a.jpg", duplicates=2), result("b.jpg", duplicates=0)])
    expect(photo(page, 0)).to_have_accessible_name("caption of a.jpg. Relevance 0.50. 2 near-duplicates")
    expect(photo(page, 1)).to_have_accessible_name("caption of b.jpg. Relevance 0.50")
    expect(page.get_by_text("+2", exact=True)).to_be_visible()


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
    expect(caption).to_be_visible()
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


def test_the_page_says_how_many_there_are_in_few_words(page: Page) -> None:
    find(page, PHOTOS[:1])
    expect(page.get_by_role("status")).to_have_text(re.compile("^1 photo$"))


def test_what_is_perhaps_meant_is_not_shown_as_found(page: Page) -> None:
    give(page, [result("sure.jpg")], perhaps=[result("unsure.jpg", relevance=0.3)])
    page.get_by_role("searchbox").fill("dog")
    expect(photo(page, 0)).to_have_accessible_name("caption of sure.jpg. Relevance 0.50")
    expect(photo(page, 1)).to_have_accessible_name("caption of unsure.jpg. Perhaps. Relevance 0.30")
    expect(page.get_by_role("status")).to_have_text("1 photo, and 1 perhaps")
    expect(page.get_by_role("list", name="Perhaps").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("heading", name="Perhaps these, too")).to_be_visible()
    expect(page.get_by_role("heading", name="Perhaps one of these")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(photo(page, 1)).to_be_focused()


def test_a_page_is_not_blank_where_something_is_perhaps_meant(page: Page) -> None:
    give(page, [], perhaps=[result("unsure.jpg", relevance=0.3)])
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("heading", name="Perhaps one of these")).to_be_visible()
    expect(page.get_by_text("It is not sure that any of them shows “dog”.").first).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(1)
    assert Axe().run(page).response["violations"] == []


def test_it_is_said_when_another_spelling_was_searched_for(page: Page) -> None:
    give(page, [result("elephant.jpg")], corrected="elephant")
    page.get_by_role("searchbox").fill("elefant")
    expect(page.get_by_role("heading", name="Another spelling")).to_be_visible()
    expect(page.get_by_text("These are photos of “elephant”.").first).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(1)
