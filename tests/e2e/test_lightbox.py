"""One photo at large: its preview, near and far, given away, taken home, and found again in its folder."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.answers import give, result
from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, Gallery


@pytest.fixture
def lightbox(page: Page) -> Locator:
    """The photo of a cup of coffee at large, its preview there."""
    page.goto(page.url + "?" + urlencode({"q": COFFEE_CAPTION}))
    page.get_by_role("button", name=f"{COFFEE_CAPTION}. Relevance 1.00").click()
    lightbox = page.get_by_role("dialog", name=COFFEE_CAPTION)
    large(lightbox).evaluate("image => image.decode()")
    return lightbox


def large(lightbox: Locator) -> Locator:
    return lightbox.locator(".large img").last


def test_a_preview_is_shown_and_zooming_brings_the_photo_itself(page: Page, lightbox: Locator) -> None:
    picture, stage = large(lightbox), lightbox.locator(".stage")
    assert re.search(r"/previews/.*\.webp$", str(picture.evaluate("image => image.currentSrc")))
    expect(picture).to_have_accessible_name(COFFEE_CAPTION)
    near = picture.bounding_box()
    page.keyboard.press("+")
    expect(lightbox.get_by_role("button", name="Zoom out")).to_be_visible()
    picture.evaluate("image => image.decode()")
    assert str(picture.evaluate("image => image.currentSrc")).endswith("/photos/" + quote(COFFEE))
    expect(stage).to_be_focused()  # so that the arrow keys move around in it
    room = stage.bounding_box()
    far = picture.bounding_box()
    assert near is not None
    assert far is not None
    assert room is not None
    assert far["width"] == pytest.approx(2 * room["width"], abs=1)
    left = stage.evaluate("stage => stage.scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "left => document.querySelector('thinlens-search').shadowRoot.querySelector('.stage').scrollLeft > left",
        arg=left,
    )
    expect(lightbox).to_contain_text(re.compile("^1 of "))
    lightbox.get_by_role("button", name="Zoom out").click()
    assert picture.bounding_box() == near
    picture.dblclick()
    expect(lightbox.get_by_role("button", name="Zoom out")).to_be_visible()


def test_a_preview_that_is_not_there_leaves_the_thumbnail_in_its_own_size(page: Page) -> None:
    give(page, [result("a.jpg", width=4000, height=3000), result("b.jpg")])
    page.get_by_role("searchbox").fill("dog")
    page.get_by_role("button", name="caption of a.jpg. Relevance 0.50").click()
    lightbox = page.get_by_role("dialog")
    shown = lightbox.get_by_role("img", name="caption of a.jpg")
    expect(shown).to_have_css("width", "320px")  # of a picture of one pixel, once the other didn't come
    page.keyboard.press("+")
    lightbox.get_by_role("button", name="Next photo").click()
    expect(lightbox.get_by_role("button", name="Zoom in")).to_be_visible()


def test_its_address_is_copied_and_shows_it_again(page: Page, lightbox: Locator) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lightbox.get_by_role("button", name="Share").click()
    expect(lightbox.get_by_text("Address copied")).to_be_visible()
    address = str(page.evaluate("navigator.clipboard.readText()"))
    assert parse_qs(urlsplit(address).query) == {"photo": [COFFEE]}
    page.goto(address)
    again = page.get_by_role("dialog", name=COFFEE_CAPTION)
    expect(again).to_be_visible()
    page.keyboard.press("Escape")
    expect(again).to_be_hidden()
    assert urlsplit(page.url).query == ""


def test_it_is_shared_by_what_the_device_has_for_that(page: Page, lightbox: Locator) -> None:
    page.evaluate("navigator.share = async (what) => { window.shared = what; }")
    lightbox.get_by_role("button", name="Share").click()
    shared = page.evaluate("window.shared")
    assert shared["title"] == COFFEE_CAPTION
    assert parse_qs(urlsplit(shared["url"]).query) == {"photo": [COFFEE]}


def test_the_photo_itself_is_downloaded(page: Page, lightbox: Locator, gallery: Gallery, tmp_path: Path) -> None:
    with page.expect_download() as download:
        lightbox.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "photo")
    assert download.value.suggested_filename == Path(COFFEE).name
    assert (tmp_path / "photo").read_bytes() == (gallery.photos / COFFEE).read_bytes()


def test_its_folder_leads_to_the_photos_that_lie_beside_it(page: Page, lightbox: Locator) -> None:
    folder = str(Path(COFFEE).parent)
    lightbox.get_by_role("button", name=f"Folder: {folder}").click()
    expect(lightbox).to_be_hidden()
    expect(page.get_by_role("button", name=f"Remove the filter {folder}")).to_be_visible()
    expect(page.locator(".browse").get_by_role("listitem")).to_have_count(1)
    assert parse_qs(urlsplit(page.url).query) == {"filter": [f"folder:{folder}"]}


def test_where_photos_are_not_published_the_preview_is_what_there_is(page: Page) -> None:
    """The address of such a photo is that of its thumbnail (handler/README.md), which nobody wants to take home."""
    unpublished = {"url": "/thumbnails/a.jpg", "thumbnail_url": "/thumbnails/a.jpg", "preview_url": "/previews/a.webp"}
    give(page, [result("holidays/a.jpg", **unpublished)])
    page.get_by_role("searchbox").fill("dog")
    page.get_by_role("button", name="caption of holidays/a.jpg. Relevance 0.50").click()
    links = page.get_by_role("dialog").get_by_role("link")
    expect(links).to_have_text(["Download", "Open the photo"])
    for link in links.all():
        expect(link).to_have_attribute("href", re.compile(r"^http://.*/previews/a\.webp$"))
