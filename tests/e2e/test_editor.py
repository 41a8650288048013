"""Correcting photos in the page of `thinlens serve`: by the keyboard alone, said to screen readers, found at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from export.library.library import Library
from export.photos.samples import copy_samples
from tests.e2e.browser import no_complaints
from tests.e2e.processes import THINLENS, free_port, run_thinlens, running

PHOTOS = 11


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder of this module's own: it is changed."""
    folder = tmp_path_factory.mktemp("corrected")
    copy_samples(folder / "photos")
    indexed = run_thinlens("index", folder / "photos", "--out", folder / "out")
    assert indexed.returncode == 0, indexed.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def home(out: Path) -> Iterator[str]:
    port = free_port()
    home = f"http://127.0.0.1:{port}"
    command = [THINLENS, "serve", "--out", str(out), "--port", str(port)]
    with running(command, ready=f"{home}/healthz", log=out.parent / "serve.log"):
        yield home


@pytest.fixture
def page(browser: Browser, home: str) -> Iterator[Page]:
    """All photos by date, in English; a script error or a refused resource fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en")
    page = context.new_page()
    with no_complaints(page):
        page.goto(f"{home}/?order=newest")
        expect(tiles(page)).to_have_count(PHOTOS)
        yield page
    context.close()


def tiles(page: Page) -> Locator:
    return page.locator(".open")


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Corrections")


def slotted(page: Page) -> Locator:
    """What stands beside the buttons of the photo at large."""
    return page.locator("[slot=actions]")


def button(page: Page, name: str) -> Locator:
    return bar(page).get_by_role("button", name=name)


def reach(page: Page, target: Locator) -> None:
    """Press the Tab key until something has the focus."""
    for _ in range(40):
        if target.evaluate("element => element === element.getRootNode().activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab key leads to {target}")


def check(page: Page) -> None:
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


def test_a_caption_is_corrected_by_keyboard_and_found_at_once(page: Page, home: str) -> None:
    tiles(page).nth(2).focus()
    photo_id = str(tiles(page).nth(2).get_attribute("value"))
    page.keyboard.press("Enter")
    lightbox = page.get_by_role("dialog")
    pencil = slotted(page).get_by_role("button", name="Correct the caption")
    line = slotted(page).get_by_role("textbox", name="Caption")
    reach(page, pencil)
    page.keyboard.press("Enter")
    expect(line).to_be_focused()
    check(page)
    before = line.input_value()
    page.keyboard.type("+-Not this")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    expect(pencil).to_be_focused()
    expect(lightbox).to_contain_text(before)
    expect(lightbox).to_contain_text("3 of 11")  # the keys were for the line alone
    page.keyboard.press("Enter")
    expect(line).to_have_value(before)
    page.keyboard.type("Seventeen purple umbrellas")
    page.keyboard.press("Enter")
    expect(slotted(page).locator("[aria-live]")).to_have_text("Caption saved")
    expect(lightbox.locator("[part=caption]")).to_have_text("Seventeen purple umbrellas")
    expect(lightbox).not_to_contain_text("Described by a model")
    expect(pencil).to_be_focused()
    page.keyboard.press("Escape")
    expect(tiles(page).nth(2)).to_have_accessible_name("Seventeen purple umbrellas")
    page.get_by_role("searchbox").fill("seventeen purple umbrellas")
    expect(tiles(page).first).to_have_attribute("value", photo_id)
    expect(tiles(page).first).to_have_accessible_name("Seventeen purple umbrellas. Relevance 1.00")
    caption = httpx.get(f"{home}/v1/photos/{photo_id}").json()["captions"][0]
    assert (caption["text"], caption["edited"]) == ("Seventeen purple umbrellas", True)


def test_what_cannot_be_saved_is_said_in_place(page: Page, out: Path) -> None:
    tiles(page).first.click()
    lightbox = slotted(page)
    lightbox.get_by_role("button", name="Correct the caption").click()
    line = lightbox.get_by_role("textbox", name="Caption")
    line.fill("")
    page.keyboard.press("Enter")
    expect(line).to_have_js_property("validity.valueMissing", True)
    line.fill("A caption that waits")
    with Library.open(out):
        page.keyboard.press("Enter")
        expect(lightbox.locator("[aria-live]")).to_contain_text("Another run of thinlens, such as 'thinlens index'")
    expect(line).to_have_value("A caption that waits")
    page.route("**/v1/corrections", lambda route: route.abort())
    line.press("Enter")
    expect(lightbox.locator("[aria-live]")).to_contain_text("The server does not answer.")


def test_photos_are_hidden_and_shown_again_by_keyboard(page: Page) -> None:
    ids = [str(tile.get_attribute("value")) for tile in tiles(page).all()]
    reach(page, button(page, "Select photos"))
    page.keyboard.press("Enter")
    expect(bar(page).locator("[aria-live]")).to_have_text("Choose photos; with Shift a whole range.")
    tiles(page).nth(1).focus()
    page.keyboard.press("Space")
    expect(tiles(page).nth(1)).to_be_checked()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(3)
    expect(bar(page).locator("[aria-live]")).to_have_text("3 photos selected")
    page.keyboard.press("Enter")
    expect(tiles(page).nth(3)).not_to_be_checked()
    check(page)
    reach(page, button(page, "Hide"))
    page.keyboard.press("Enter")
    expect(bar(page).locator("[aria-live]")).to_have_text("2 photos hidden")
    expect(tiles(page)).to_have_count(PHOTOS - 2)
    expect(button(page, "Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tiles(page)).to_have_count(PHOTOS)
    expect(bar(page).locator("[aria-live]")).to_have_text("Undone")
    expect(button(page, "Select photos")).to_be_focused()

    page.keyboard.press("Escape")
    expect(page.get_by_role("checkbox")).to_have_count(0)
    tiles(page).nth(4).click()
    slotted(page).get_by_role("button", name="Hide").click()
    expect(bar(page).locator("[aria-live]")).to_have_text("1 photo hidden")
    expect(tiles(page)).to_have_count(PHOTOS - 1)
    page.reload()
    expect(tiles(page)).to_have_count(PHOTOS - 1)
    reach(page, button(page, "Hidden photos"))
    page.keyboard.press("Enter")
    hidden = page.get_by_role("dialog", name="1 hidden photo")
    expect(hidden.get_by_role("listitem")).to_have_count(1)
    check(page)
    reach(page, hidden.get_by_role("button", name=f"Show again: {ids[4]}"))
    page.keyboard.press("Enter")
    expect(hidden).to_be_hidden()
    expect(bar(page).locator("[aria-live]")).to_have_text("1 photo is shown again")
    expect(tiles(page)).to_have_count(PHOTOS)


def test_all_that_was_found_gets_a_keyword_and_loses_it_again(page: Page, home: str) -> None:
    def given(keyword: str) -> int:
        return int(httpx.get(f"{home}/v1/facets", params={"where": f"keywords:{keyword}"}).json()["total"])

    reach(page, button(page, "Select photos"))
    page.keyboard.press("Enter")
    reach(page, button(page, "Select all"))
    page.keyboard.press("Enter")
    expect(bar(page).locator("[aria-live]")).to_have_text(f"{PHOTOS} photos selected")
    reach(page, button(page, "Add keyword"))
    page.keyboard.press("Enter")
    expect(bar(page).get_by_role("textbox", name="Keyword")).to_be_focused()
    check(page)
    page.keyboard.press("Escape")
    expect(button(page, "Add keyword")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Holiday")
    page.keyboard.press("Enter")
    expect(bar(page).locator("[aria-live]")).to_have_text(f"“Holiday” added to {PHOTOS} photos")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(PHOTOS)  # for another keyword
    assert given("holiday") == PHOTOS
    page.goto(f"{home}/?filter=where:keywords:holiday")
    expect(tiles(page)).to_have_count(PHOTOS)
    button(page, "Select photos").click()
    button(page, "Select all").click()
    button(page, "Add keyword").click()
    page.keyboard.type("holiday")
    page.keyboard.press("Enter")
    expect(bar(page).locator("[aria-live]")).to_have_text("“holiday” added to 0 photos")
    page.goto(f"{home}/?order=oldest")
    button(page, "Select photos").click()
    tiles(page).first.click()
    button(page, "Add keyword").click()
    page.keyboard.type("beach")
    page.keyboard.press("Enter")
    button(page, "Undo").click()
    expect(bar(page).locator("[aria-live]")).to_have_text("Undone")
    assert given("beach") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(browser: Browser, home: str, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme="dark" if scheme == "dark" else "light", locale="de"
    )
    page = context.new_page()
    with no_complaints(page):
        page.goto(f"{home}/?order=newest")
        region = page.get_by_role("region", name="Korrekturen")
        region.get_by_role("button", name="Fotos auswählen").click()
        tiles(page).first.click()
        expect(region.locator("[aria-live]")).to_have_text("1 Foto ausgewählt")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        check(page)
    context.close()
