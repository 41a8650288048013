"""What the end-to-end tests share: a gallery made by the real command, a server over it, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from export.photos.samples import copy_samples
from tests.e2e.browser import chromium, firefox, installed_chromium, installed_firefox, no_complaints
from tests.e2e.elsewhere import Elsewhere, search, site
from tests.e2e.processes import THINLENS, free_port, run_thinlens, running

COFFEE = "été 2024 & 100%/café #1.png"
# A person's own words for it, so that what finds it doesn't depend on how good the models are.
COFFEE_CAPTION = "An espresso in a red cup on a wooden table"
# Something that none of the sample photographs shows.
NOT_THERE = "a spreadsheet of quarterly revenue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Photos, and what `thinlens index` and `thinlens caption` made of them."""

    photos: Path
    out: Path


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The sample photographs, one in a folder with a difficult name, and a file that is no photo."""
    folder = tmp_path_factory.mktemp("gallery")
    photos, out = folder / "photos", folder / "out"
    copy_samples(photos)
    (photos / COFFEE).parent.mkdir()
    shutil.move(photos / "coffee.png", photos / COFFEE)
    (photos / "broken.jpg").write_bytes(b"no photo")
    indexed = run_thinlens("index", photos, "--out", out)
    assert indexed.returncode == 0, indexed.stderr
    corrected = run_thinlens("caption", COFFEE, COFFEE_CAPTION, "--out", out)
    assert corrected.returncode == 0, corrected.stderr
    return Gallery(photos=photos, out=out)


@pytest.fixture(scope="session")
def address(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `thinlens serve` over the gallery, without a closing slash."""
    port = free_port()
    command = [THINLENS, "serve", "--out", str(gallery.out), "--port", str(port)]
    log = tmp_path_factory.mktemp("serve") / "serve.log"
    address = f"http://127.0.0.1:{port}"
    with running(command, ready=f"{address}/healthz", log=log):
        yield address


@contextmanager
def open_browser(name: str) -> Iterator[Browser]:
    """Chromium or Firefox; without it, what needs it is skipped."""
    open_it, program, package = {
        "chromium": (chromium, installed_chromium(), "chromium"),
        "firefox": (firefox, installed_firefox(), "firefox-esr"),
    }[name]
    if program is None:
        pytest.skip(f"no {name.capitalize()} on this machine (Debian: apt-get install {package})")
    with open_it(program) as browser:
        yield browser


# Not for the session: as long as Playwright lives, no other test can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with open_browser("chromium") as browser:
        yield browser


# A module that asks for it asks for no other: two can't be there at once.
@pytest.fixture(scope="module", params=["chromium", "firefox"])
def each_browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """One after the other."""
    with open_browser(request.param) as browser:
        yield browser


@pytest.fixture(scope="module")
def somewhere(each_browser: Browser) -> Iterator[Elsewhere]:
    """Pages of others with the widget, in each browser."""
    context = each_browser.new_context(viewport={"width": 1000, "height": 800}, locale="en")
    with search() as endpoint, site() as host:
        host.policy = "frame-ancestors 'self'"
        yield Elsewhere(page=context.new_page(), host=host, endpoint=endpoint)
    context.close()


@pytest.fixture
def elsewhere(somewhere: Elsewhere) -> Iterator[Elsewhere]:
    """The same; a script error fails the test."""
    with no_complaints(somewhere.page):
        yield somewhere


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The search page, just opened; a script error or a refused resource fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    with no_complaints(page):
        page.goto(address)
        yield page
    context.close()


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx.Client]:
    """An HTTP client of that server."""
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client
