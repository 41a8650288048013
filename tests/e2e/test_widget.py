"""The widget and servers of every kind: slow, wrong, hostile; and what it makes of their answers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.e2e.answers import PHOTOS, RED, answer, find, give, hold, photo, result

HOSTILE = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"


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
            {"json": {"results": [None]}},
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
    for link in lightbox.get_by_role("link").all():
        expect(link).to_have_attribute("href", re.compile(r"^http://[^/]*/previews/"))
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
    background = "tile => getComputedStyle(tile.querySelector('.frame')).backgroundImage"
    assert photo(page, 0).evaluate(background).count("rgb(255, 0, 0)") == 4
    assert RED == "ff0000"
    assert photo(page, 1).evaluate(background) == "none"
    boxes = [photo(page, number).bounding_box() for number in (0, 1)]
    until(page, pictures, 2)
    for picture in pictures:
        picture.fallback()
    photo(page, 0).locator("img.there").wait_for()
    assert [photo(page, number).bounding_box() for number in (0, 1)] == boxes


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


def test_near_duplicates_are_counted(page: Page) -> None:
    find(page, [result("a.jpg", duplicates=2), result("b.jpg", duplicates=0)])
    expect(photo(page, 0)).to_have_accessible_name("caption of a.jpg. Relevance 0.50. 2 near-duplicates")
    expect(photo(page, 1)).to_have_accessible_name("caption of b.jpg. Relevance 0.50")
    expect(page.get_by_text("+2", exact=True)).to_be_visible()


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
