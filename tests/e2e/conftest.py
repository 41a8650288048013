"""What the end-to-end tests share: a gallery made by the real command, a server over it, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from export.photos.samples import copy_samples
from tests.e2e.browser import chromium, installed_chromium, no_complaints
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


# Not for the session: as long as Playwright lives, no other test can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without it, what needs it is skipped."""
    program = installed_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with chromium(program) as browser:
        yield browser


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
