"""The static gallery in both browsers, from a server that knows nothing but files: searched, kept, there offline."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import no_complaints
from tests.e2e.conftest import COFFEE_CAPTION, NOT_THERE, Gallery
from tests.e2e.processes import run_thinlens
from tests.functional.export.publishing.static.sites import needs

QUERIES = (COFFEE_CAPTION, "a cat", "espresso cup", "coffee", NOT_THERE)
# Before the first answer ten megabytes are unpacked and compiled, by a busy machine too.
FIRST_ANSWER_MS = 120_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticServer:
    """A server of files, its address, and the paths that were asked of it."""

    address: str
    server: http.server.ThreadingHTTPServer
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser(each_browser: Browser) -> Browser:
    return each_browser


@pytest.fixture(scope="module")
def site(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static gallery as the real command publishes it."""
    needs("npm")
    folder = tmp_path_factory.mktemp("static") / "site"
    published = run_thinlens("publish", "--static", folder, "--out", gallery.out)
    assert published.returncode == 0, published.stderr
    assert "A static gallery of 11 photos is in" in published.stdout
    return folder


@pytest.fixture
def server(site: Path) -> Iterator[StaticServer]:
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path.partition("?")[0])
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield StaticServer(address=f"http://127.0.0.1:{server.server_port}/", server=server, asked=asked)
    server.shutdown()
    server.server_close()


@pytest.fixture
def static_page(browser: Browser, server: StaticServer) -> Iterator[Page]:
    """The page of the static gallery; a script error or what its policy refuses fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(FIRST_ANSWER_MS)
    with no_complaints(page):
        yield page
    context.close()


def answers(page: Page) -> None:
    """Let the page keep what it was answered."""
    page.add_init_script(
        "window.answers = {};"
        "addEventListener('thinlens-search', ({ detail }) => { answers[detail.query] = detail.answer; })"
    )


def answer_to(page: Page, query: str) -> list[tuple[str, float]]:
    page.get_by_role("searchbox").fill(query)
    page.wait_for_function("query => answers[query]", arg=query)
    found = page.evaluate("query => [answers[query].results, answers[query].perhaps].flat()", query)
    return [(photo["id"], photo["relevance"]) for photo in found]


def test_it_is_searched_as_the_function_is(static_page: Page, server: StaticServer, client: httpx.Client) -> None:
    elsewhere: list[str] = []
    static_page.on("request", lambda asked: elsewhere.append(asked.url) if server.address not in asked.url else None)
    answers(static_page)
    static_page.goto(server.address)
    expect(static_page.get_by_role("listitem")).to_have_count(11, timeout=FIRST_ANSWER_MS)
    for query in QUERIES:
        function = client.get("/v1/search", params={"q": query, "k": 48, "dedupe": "true"}).json()
        expected = [(photo["id"], photo["relevance"]) for photo in [*function["results"], *function["perhaps"]]]
        assert answer_to(static_page, query) == expected
    expect(static_page.get_by_role("heading", name="Nothing relevant found")).to_be_visible()
    assert elsewhere == []


def test_it_is_fetched_once_and_is_there_without_a_network(static_page: Page, server: StaticServer) -> None:
    answers(static_page)
    static_page.goto(f"{server.address}?q=coffee")
    static_page.wait_for_function("() => answers.coffee")
    files = [path for path in server.asked if path.endswith(".bin")]
    assert len(files) == len(set(files)) == 6
    server.asked.clear()
    static_page.reload()
    static_page.wait_for_function("() => answers.coffee")
    assert [path for path in server.asked if path.startswith("/gallery/")] == []
    static_page.context.set_offline(True)
    static_page.goto(f"{server.address}?q=cat")
    static_page.wait_for_function("() => answers.cat")
    assert [photo["id"] for photo in static_page.evaluate("() => answers.cat.results")] == ["chelsea.png"]
