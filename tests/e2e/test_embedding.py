"""The widget in a page of another origin, under a policy that allows it the least, and dressed as its host likes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.answers import give, result
from tests.e2e.browser import no_complaints
from tests.e2e.conftest import COFFEE_CAPTION, Gallery
from tests.e2e.elsewhere import Site, site
from tests.e2e.processes import THINLENS, free_port, running

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "handler/widget/thinlens-search.js"
EXAMPLE = ROOT / "infra/embed.html"
PHOTOS = [result(f"{number}.jpg") for number in range(8)]

Embed = Callable[..., Page]


@pytest.fixture(scope="module")
def host() -> Iterator[Site]:
    with site() as host:
        yield host


@pytest.fixture(scope="module")
def endpoint(host: Site, gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a search that pages of the host may ask, with its closing slash."""
    address = f"http://127.0.0.1:{free_port()}/"
    command = [THINLENS, "serve", "--out", str(gallery.out), "--port", str(urlsplit(address).port)]
    log = tmp_path_factory.mktemp("serve") / "serve.log"
    origins = {"THINLENS_CORS_ORIGINS": host.origin}
    with running(command, ready=f"{address}healthz", log=log, environment=origins):
        yield address


@pytest.fixture(scope="module")
def integrity() -> str:
    """What a page says of the module, so that its browser runs no other."""
    return f"sha384-{base64.b64encode(hashlib.sha384(MODULE.read_bytes()).digest()).decode()}"


@pytest.fixture
def embed(browser: Browser, host: Site, endpoint: str, integrity: str) -> Iterator[Embed]:
    """Opens the host's page with the widget in it; a script error or a refused resource fails the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()

    module = f'src="{endpoint}assets/thinlens-search.js" crossorigin integrity="{integrity}"'

    def open_page(attributes: str = "", *, query: str = "", html: str = "lang='en'", styles: str = "") -> Page:
        search = endpoint.rstrip("/")
        host.policy = (
            f"default-src 'none'; script-src {search}; connect-src {search}; img-src {search};"
            f" style-src {host.origin}; require-trusted-types-for 'script'; trusted-types 'none'"
        )
        host.styles = styles
        host.page = f"""<!doctype html>
            <html {html}>
            <title>Host</title>
            <link rel="stylesheet" href="/styles.css">
            <script type="module" {module}></script>
            <main><thinlens-search endpoint="{endpoint}" {attributes}></thinlens-search></main>"""
        page.goto(f"{host.origin}/{query}")
        return page

    with no_complaints(page):
        yield open_page
    context.close()


def test_it_searches_from_another_origin_and_asks_nobody_else(embed: Embed, host: Site, endpoint: str) -> None:
    page = embed()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.reload()
    page.get_by_role("searchbox").fill(COFFEE_CAPTION)
    first = page.get_by_role("button", name=f"{COFFEE_CAPTION}. Relevance 1.00")
    first.locator("img").evaluate("image => image.decode()")
    first.click()
    expect(page.get_by_role("dialog").get_by_role("img", name=COFFEE_CAPTION)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="More like this").click()
    expect(page.get_by_text(f"Photos like “{COFFEE_CAPTION}”")).to_be_visible()
    assert asked == {urlsplit(host.origin).netloc, urlsplit(endpoint).netloc}


def test_the_example_is_all_that_a_page_needs(embed: Embed, host: Site, endpoint: str) -> None:
    page = embed()
    host.policy = "frame-ancestors 'none'"
    host.page = EXAMPLE.read_text(encoding="utf-8").replace("https://photos.example.org", endpoint.rstrip("/"))
    page.reload()
    page.get_by_role("searchbox").fill(COFFEE_CAPTION)
    first = page.get_by_role("button", name=f"{COFFEE_CAPTION}. Relevance 1.00")
    first.locator("img").evaluate("image => image.decode()")


def test_a_build_by_its_hash_is_all_that_a_page_needs(embed: Embed, host: Site, endpoint: str) -> None:
    """The other line of the example."""
    example = EXAMPLE.read_text(encoding="utf-8").replace("https://photos.example.org", endpoint.rstrip("/"))
    newest, build = re.findall("<script.*?</script>", example, re.DOTALL)
    page = embed()
    host.policy = "frame-ancestors 'none'"
    host.page = example.replace(newest, build, 1)
    page.reload()
    page.get_by_role("searchbox").fill(COFFEE_CAPTION)
    expect(page.get_by_role("button", name=f"{COFFEE_CAPTION}. Relevance 1.00")).to_be_visible()
    expect(page.get_by_role("link", name="Search our photos")).to_be_hidden()


@pytest.mark.parametrize("blocked", ["by its hash", "by its origin", "by a policy", "offline"])
def test_where_the_script_cannot_run_what_stands_in_the_element_shows(
    browser: Browser, host: Site, endpoint: str, integrity: str, blocked: str
) -> None:
    search = endpoint.rstrip("/")
    host.policy = f"script-src {'https://elsewhere.example' if blocked == 'by a policy' else search}"
    right = "sha384-" + "A" * 64 if blocked == "by its hash" else integrity
    host.page = f"""<!doctype html>
        <html lang="en">
        <title>Host</title>
        <script type="module" src="{endpoint}assets/thinlens-search.js" crossorigin integrity="{right}"></script>
        <thinlens-search endpoint="{endpoint}"><a href="{endpoint}">Search our photos</a></thinlens-search>"""
    # An origin that THINLENS_CORS_ORIGINS doesn't name.
    origin = host.origin.replace("127.0.0.1", "localhost") if blocked == "by its origin" else host.origin
    page = browser.new_page()
    if blocked == "offline":
        page.route(f"{endpoint}**", lambda route: route.abort())
    page.goto(f"{origin}/")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("link", name="Search our photos")).to_be_visible()
    assert page.evaluate("customElements.get('thinlens-search')") is None
    page.close()


def test_a_module_that_was_changed_does_not_run(embed: Embed) -> None:
    page = embed()
    changed = MODULE.read_text(encoding="utf-8") + "\nwindow.changed = true;"
    headers = {"access-control-allow-origin": "*"}
    page.route(
        "**/thinlens-search.js",
        lambda route: route.fulfill(body=changed, headers=headers, content_type="text/javascript"),
    )
    page.reload()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("[window.changed, customElements.get('thinlens-search')]") == [None, None]


def test_the_host_keeps_its_address_if_it_wants_to(embed: Embed, host: Site) -> None:
    page = embed("no-history", query="?q=of+the+host")
    give(page, PHOTOS)
    expect(page.get_by_role("searchbox")).to_have_value("")
    before = page.evaluate("history.length")
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("listitem")).to_have_count(8)
    assert (page.url, page.evaluate("history.length")) == (f"{host.origin}/?q=of+the+host", before)


def test_other_parameters_of_the_host_stay(embed: Embed, host: Site) -> None:
    page = embed(query="?page=2#top")
    page.get_by_role("searchbox").fill("dog")
    page.wait_for_url(f"{host.origin}/?page=2&q=dog#top")


def test_its_events_tell_the_host_and_may_keep_the_lightbox_closed(embed: Embed) -> None:
    page = embed()
    give(page, PHOTOS)
    page.evaluate(
        """() => {
          window.told = [];
          for (const name of ["thinlens-search", "thinlens-select"]) {
            document.body.addEventListener(name, ({ type, detail }) => window.told.push([type, detail]));
          }
        }"""
    )
    page.get_by_role("searchbox").fill("dog")
    page.get_by_role("button", name="caption of 3.jpg. Relevance 0.50").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    (search, found), (select, photo) = page.evaluate("window.told")
    assert (search, found["query"], found["similar"]) == ("thinlens-search", "dog", "")
    assert [result["id"] for result in found["answer"]["results"]] == [photo["id"] for photo in PHOTOS]
    assert (select, photo["id"], photo["caption"], photo["relevance"]) == (
        "thinlens-select",
        "3.jpg",
        "caption of 3.jpg",
        0.5,
    )
    page.evaluate("document.body.addEventListener('thinlens-select', (event) => event.preventDefault())")
    page.get_by_role("button", name="caption of 2.jpg. Relevance 0.50").click()
    assert page.evaluate("window.told.length") == 3
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_it_speaks_the_languages_of_its_host(embed: Embed) -> None:
    page = embed(html="lang='de'")
    give(page, PHOTOS)
    page.get_by_placeholder("Foto beschreiben").fill("Hund")
    expect(page.get_by_role("status")).to_have_text("8 Fotos")
    expect(page.get_by_role("button", name="caption of 0.jpg. Relevanz 0,50")).to_be_visible()


def test_texts_of_the_host_go_before_those_of_its_language(embed: Embed) -> None:
    texts = '{"placeholder": "Was suchst du?", "count.one": "{count} Bild", "count.other": "{count} Bilder"}'
    page = embed(f"texts='{texts}'", html="lang='de'")
    give(page, PHOTOS)
    page.get_by_placeholder("Was suchst du?").fill("Hund")
    expect(page.get_by_role("status")).to_have_text("8 Bilder")
    expect(page.get_by_role("button", name="Ähnliche Fotos").first).to_be_visible()


def test_it_speaks_the_hosts_texts_in_a_language_that_it_does_not_know(embed: Embed) -> None:
    texts = '{"count.one": "{count} zdjęcie", "count.few": "{count} zdjęcia", "count.many": "{count} zdjęć"}'
    page = embed(f"texts='{texts}'", html="lang='pl'")
    give(page, PHOTOS)
    page.get_by_placeholder("Describe a photo").fill("pies")
    expect(page.get_by_role("status")).to_have_text("8 zdjęć")
    expect(page.get_by_role("button", name="caption of 0.jpg. Relevance 0,50")).to_be_visible()


def test_it_reads_from_right_to_left(embed: Embed) -> None:
    page = embed(html="lang='ar' dir='rtl'")
    give(page, PHOTOS)
    page.get_by_role("searchbox").fill("كلب")
    photos = page.locator(".open")
    expect(photos).to_have_count(8)
    first, second = photos.nth(0).bounding_box(), photos.nth(1).bounding_box()
    assert first is not None
    assert second is not None
    assert first["x"] > second["x"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(photos.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("2")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog", name="caption of 2.jpg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000


def test_it_wears_what_its_host_gives_it(embed: Embed) -> None:
    styles = """
        thinlens-search { --thinlens-accent: rgb(1, 2, 3); --thinlens-ground: rgb(9, 9, 9) }
        thinlens-search::part(photo) { border: 7px solid rgb(4, 5, 6) }
    """
    page = embed(styles=styles)
    give(page, PHOTOS)
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("listitem").first).to_have_css("border-top-width", "7px")
    expect(page.locator("thinlens-search")).to_have_css("background-color", "rgb(9, 9, 9)")
    bar = page.get_by_role("listitem").first.locator(".bar")
    expect(bar).to_have_css("background-image", re.compile(r"^linear-gradient\(90deg, rgb\(1, 2, 3\)"))


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(255, 255, 255)"), ("light dark", "rgb(20, 19, 18)")])
def test_it_is_dark_only_where_its_host_is(embed: Embed, scheme: str, ground: str) -> None:
    page = embed(styles=f":root {{ color-scheme: {scheme} }}")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("thinlens-search")).to_have_css("background-color", ground)


def test_it_can_be_told_of_another_endpoint_or_be_taken_out(embed: Embed, endpoint: str) -> None:
    page = embed()
    give(page, PHOTOS)
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("listitem")).to_have_count(8)
    other = f"{endpoint}other"
    with page.expect_request(f"{other}/v1/search?q=dog&dedupe=true&k=48"):
        page.locator("thinlens-search").evaluate(
            "(widget, endpoint) => widget.setAttribute('endpoint', endpoint)", f"{endpoint}other"
        )
    page.evaluate("document.querySelector('thinlens-search').remove()")
    page.go_back()
    assert page.locator("thinlens-search").count() == 0
