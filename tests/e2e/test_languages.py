"""The page in the languages that it speaks: which one it takes, that it says all in it, and what it does without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from handler.web.routes import LANGUAGES
from tests.e2e.answers import answer, give, result
from tests.e2e.browser import no_complaints

WIDGET = Path(__file__).parents[2] / "handler/widget"
PLACEHOLDERS = {
    language: json.loads((WIDGET / f"languages/{language}.json").read_text(encoding="utf-8"))["placeholder"]
    for language in LANGUAGES
}
PHOTOS = [result(f"{number}.jpg", relevance=0.9, caption=f"#{number}", matched=f"#{number}") for number in range(8)]
# All that the page says or shows: its texts, and what it tells those who don't see them.
SAID = """(widget) => {
  const said = [];
  for (const element of widget.shadowRoot.querySelectorAll("*")) {
    for (const name of ["aria-label", "aria-description", "title", "alt", "placeholder"]) {
      if (element.getAttribute(name)) said.push(element.getAttribute(name));
    }
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
  }
  return said.join("\\n");
}"""

Abroad = Callable[..., Page]


@pytest.fixture
def abroad(browser: Browser, address: str) -> Iterator[Abroad]:
    """Opens the page in a browser of other languages; a script error or a refused resource fails the test."""
    with ExitStack() as stack:

        def open_page(*languages: str, width: int = 1200, query: str = "", page_says: str = "") -> Page:
            context = browser.new_context(locale=languages[0], viewport={"width": width, "height": 900})
            stack.callback(context.close)
            preferred = json.dumps(languages)
            context.add_init_script(f"Object.defineProperty(navigator, 'languages', {{ get: () => {preferred} }})")
            page = context.new_page()
            if page_says:
                html = (WIDGET / "index.html").read_text(encoding="utf-8").replace("<html>", f"<html {page_says}>")
                page.route(address + "/", lambda route: route.fulfill(body=html, content_type="text/html"))
            stack.enter_context(no_complaints(page))
            page.goto(f"{address}/{query}")
            return page

        yield open_page


def say_language(page: Page, of: str, tag: str | None) -> None:
    """Change the language of an element, while the page is shown."""
    change = "(element, tag) => tag === null ? element.removeAttribute('lang') : element.setAttribute('lang', tag)"
    page.locator(of).evaluate(change, tag)


@pytest.mark.parametrize(
    ("languages", "tag", "spoken"),
    [
        (("de-AT", "en"), "de-AT", "de"),
        (("pt-BR",), "pt-BR", "pt"),
        (("fi-FI", "sv", "nl-BE", "en"), "nl-BE", "nl"),
        (("zh-TW", "zh", "en"), "zh", "zh"),
        (("en-GB", "de"), "en-GB", "en"),
        (("fi-FI",), "en", "en"),
    ],
)
def test_the_page_of_thinlens_serve_speaks_its_readers_language(
    abroad: Abroad, languages: tuple[str, ...], tag: str, spoken: str
) -> None:
    page = abroad(*languages)
    expect(page.get_by_placeholder(PLACEHOLDERS[spoken])).to_be_focused()
    expect(page.locator("html")).to_have_attribute("lang", tag)


def test_a_page_that_says_its_language_is_not_asked_for_another(abroad: Abroad) -> None:
    page = abroad("de", page_says="lang='fr-CA'")
    expect(page.get_by_placeholder(PLACEHOLDERS["fr"])).to_be_focused()
    expect(page.locator("html")).to_have_attribute("lang", "fr-CA")


def test_the_closest_language_is_spoken_and_followed_when_it_changes(page: Page) -> None:
    def spoken(language: str) -> None:
        expect(page.get_by_placeholder(PLACEHOLDERS[language])).to_be_visible()

    spoken("en")
    say_language(page, "html", "de-CH")
    spoken("de")
    say_language(page, "main", "nl")
    spoken("nl")
    say_language(page, "html", "ja")
    spoken("nl")
    say_language(page, "thinlens-search", "pt")
    spoken("pt")
    say_language(page, "thinlens-search", None)
    spoken("nl")
    say_language(page, "main", "tlh")  # not spoken here
    spoken("en")
    say_language(page, "main", None)
    spoken("ja")


def test_a_language_is_said_through_shadows_too(page: Page) -> None:
    page.evaluate(
        """() => {
          const card = document.createElement("section");
          card.lang = "fr";
          card.attachShadow({ mode: "open" }).append(document.querySelector("thinlens-search"));
          document.querySelector("main").append(card);
        }"""
    )
    expect(page.get_by_placeholder(PLACEHOLDERS["fr"])).to_be_visible()
    say_language(page, "section[lang]", "es")
    expect(page.get_by_placeholder(PLACEHOLDERS["es"])).to_be_visible()


def test_a_change_of_language_leaves_the_reader_where_he_is(page: Page) -> None:
    give(page, PHOTOS, perhaps=[result("unsure.jpg", relevance=0.3)])
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("status")).to_have_text("8 photos, and 1 perhaps")
    say_language(page, "html", "de")
    expect(page.get_by_role("status")).to_have_text("8 Fotos und vielleicht noch 1")
    expect(page.get_by_role("searchbox")).to_have_value("dog")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("button", name="#0. Relevanz 0,90")).to_be_visible()


def test_of_two_changes_the_later_one_counts(page: Page) -> None:
    held: list[Route] = []
    page.route("**/languages/de.json", lambda route: held.append(route))
    say_language(page, "html", "de")
    while not held:
        page.wait_for_timeout(10)
    say_language(page, "html", "fr")
    expect(page.get_by_placeholder(PLACEHOLDERS["fr"])).to_be_visible()
    held[0].fulfill(path=WIDGET / "languages/de.json")
    page.wait_for_timeout(200)
    expect(page.get_by_placeholder(PLACEHOLDERS["fr"])).to_be_visible()


def test_a_language_is_fetched_once(abroad: Abroad) -> None:
    page = abroad("en-US")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for tag, spoken in (("en-GB", "en"), ("de", "de"), ("en", "en"), ("de-AT", "de"), ("fi", "en"), ("de", "de")):
        say_language(page, "html", tag)
        expect(page.get_by_placeholder(PLACEHOLDERS[spoken])).to_be_visible()
    assert [url.rpartition("/")[2] for url in asked if "/languages/" in url] == ["de.json"]


@pytest.mark.parametrize(
    "response",
    [{"status": 404, "json": {}}, {"body": "<html>"}, {"json": ["Foto"]}, {"json": None}],
    ids=["missing", "no JSON", "no texts", "nothing"],
)
def test_without_its_texts_english_is_spoken_and_said_to_be_english(
    browser: Browser, address: str, response: dict[str, object]
) -> None:
    page = browser.new_page(locale="de-DE")
    page.route("**/languages/de.json", lambda route: route.fulfill(**response))
    page.goto(address)
    box = page.get_by_placeholder(PLACEHOLDERS["en"])
    expect(box).to_be_focused()
    assert box.evaluate("box => box.closest('[lang]')?.lang") == "en"
    expect(page.locator("html")).to_have_attribute("lang", "de-DE")
    page.close()


def test_texts_that_never_come_are_not_waited_for(browser: Browser, address: str) -> None:
    page = browser.new_page(locale="de-DE")
    page.route("**/languages/de.json", lambda _: None)
    page.goto(address + "/?q=dog")
    expect(page.get_by_placeholder(PLACEHOLDERS["en"])).to_have_value("dog", timeout=20_000)
    page.close()


def english() -> list[str]:
    """The page's English texts, each as what stands between the places that are filled in."""
    texts = json.loads((WIDGET / "languages/en.json").read_text(encoding="utf-8")).values()
    parts = [part.strip(" .:“”,") for text in texts for part in re.split(r"\{\w+\}", text)]
    return sorted({part for part in parts if len(part) > 2})


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_nothing_is_said_in_english_that_the_language_has(abroad: Abroad, language: str) -> None:
    page = abroad(language)
    said: list[str] = []

    def listen() -> None:
        said.append(str(page.locator("thinlens-search").evaluate(SAID)))

    def find(query: str, body: object, status: int = 200) -> None:
        page.unroute("**/v1/search?*")
        page.route("**/v1/search?*", lambda route: route.fulfill(json=body, status=status))
        page.get_by_role("searchbox").fill(query)
        page.wait_for_function("query => location.search === `?q=${query}`", arg=query)
        expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")
        listen()

    page.route("**/v1/photos?*", lambda route: route.fulfill(json={"photos": [], "suggestions": ["#1"]}))
    give(page, PHOTOS)
    page.reload()
    expect(page.locator(".suggestions")).to_be_visible()
    listen()
    where = [
        {**PHOTOS[place], "matched": "#x", "matched_in": kind, "marks": [[1, 2]], "columns": columns}
        for place, (kind, columns) in enumerate(
            [
                ("text", {}),
                ("name", {}),
                ("column", {}),
                ("column", {"title": "#x"}),
                ("column", {"description": "#x"}),
                ("caption", {}),
            ]
        )
    ]
    find("1", answer([*where, {**PHOTOS[7], "duplicates": 2, "thumbnail_url": ""}], perhaps=PHOTOS[6:7], next_offset=8))
    for number in (0, 5):  # found by words, and by its caption
        page.locator(".open").nth(number).click()
        listen()
        page.keyboard.press("Escape")
    find("2", answer([{**PHOTOS[0], "matched": "visual"}], corrected="#2"))
    page.locator(".open").first.click()
    listen()
    page.keyboard.press("Escape")
    find("3", answer([], perhaps=PHOTOS))
    find("4", answer([]))
    page.get_by_role("button").and_(page.locator(".notice button")).click()
    expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")
    listen()
    for number, (kind, parameter) in enumerate(
        [
            ("photo-not-found", None),
            ("bundle-changed", None),
            ("no-collection", None),
            ("unauthorized", None),
            ("internal-error", None),
            ("invalid-parameter", "q"),
        ]
    ):
        body = {"type": f"urn:thinlens:problem:{kind}", "parameter": parameter, "detail": "The server said: English"}
        find(f"5{number}", body, status=400)
    find("6", "no object")
    page.unroute("**/v1/search?*")
    page.route("**/v1/search?*", lambda route: route.abort())
    page.get_by_role("searchbox").fill("7")
    page.wait_for_timeout(500)
    listen()
    give(page, PHOTOS)
    page.route("**/v1/photos/*", lambda route: route.fulfill(json={**PHOTOS[0], "captions": []}))
    page.goto(page.url.partition("?")[0] + "?similar=0.jpg")
    expect(page.locator(".source")).to_be_visible()
    listen()

    everything = "\n".join(said)
    alike = {"fr": {"Description", "Photos", "photos", "photo"}, "nl": {"Filters"}}.get(language, set())
    assert len(said) == 18
    found = [text for text in english() if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", everything)]
    assert set(found) <= alike


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [320, 1200])
def test_nothing_sticks_out_in_any_language(abroad: Abroad, language: str, width: int) -> None:
    page = abroad(language, width=width)
    narrow = [result(f"{number}.jpg", width=300, height=500, relevance=0.9) for number in range(3)]
    words = {"matched": "hand soap " * 30, "matched_in": "text", "marks": [[5, 9]]}
    give(page, [narrow[0], {**narrow[1], **words}, narrow[2]], perhaps=[result("p.jpg", width=300, height=500)])
    page.get_by_role("searchbox").fill("soap")
    expect(page.get_by_role("listitem")).to_have_count(4)
    expect(page.locator(".like")).to_have_count(4)
    outside = """(widget, width) => [...widget.shadowRoot.querySelectorAll("button, .line > *")]
      .filter((element) => element.getBoundingClientRect().right > width).length"""
    assert page.locator("thinlens-search").evaluate(outside, width) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for tile in page.get_by_role("listitem").all():
        assert tile.evaluate("tile => tile.querySelector('.line').scrollWidth <= tile.clientWidth")
    page.locator(".open").nth(1).click()
    dialog = page.get_by_role("dialog")
    assert dialog.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    page.keyboard.press("Escape")
    give(page, [])
    page.get_by_role("searchbox").fill("nothing")
    expect(page.locator(".notice")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
