"""The README's pictures of the search page, taken anew: python -m tests.e2e.picture.

They show only sample photographs that are in the public domain.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from export.photos.samples import copy_samples
from tests.e2e.browser import chromium, installed_chromium
from tests.e2e.processes import THINLENS, free_port, run_thinlens, running

FOLDER = Path(__file__).parents[2] / ".github"
QUERY = "a cat looking at the camera"
NOT_PUBLIC_DOMAIN = ("china.jpg", "flower.jpg", "motorcycle_left.png")


def main() -> None:
    """Index the samples, search in the browser, and write the pictures."""
    program = installed_chromium()
    if program is None:
        sys.exit("No Chromium on this machine (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_samples(folder / "photos")
        for name in NOT_PUBLIC_DOMAIN:
            (folder / "photos" / name).unlink()
        run_thinlens("index", folder / "photos", "--out", folder / "out").check_returncode()
        address = f"http://127.0.0.1:{free_port()}"
        serve = [THINLENS, "serve", "--out", str(folder / "out"), "--port", address.rpartition(":")[2]]
        with running(serve, ready=f"{address}/healthz", log=folder / "serve.log"), chromium(program) as browser:
            _take(browser, address)


def _take(browser: Browser, address: str) -> None:
    """One of the results, light, and one of the lightbox over them."""
    page = browser.new_page(viewport={"width": 1000, "height": 560}, reduced_motion="reduce")
    page.goto(address)
    page.get_by_role("searchbox").fill(QUERY)
    page.get_by_role("button", name="Show less relevant photos").click()
    page.get_by_role("button", name="Show less relevant photos").wait_for(state="hidden")
    for picture in page.get_by_role("listitem").locator("img").all():
        picture.evaluate("image => image.decode()")
    photo = page.get_by_role("listitem").first.locator(".open")
    page.evaluate("scrollTo(0, 0)")
    photo.hover()
    page.screenshot(path=FOLDER / "search-page.jpg", quality=90)
    photo.click()
    page.get_by_role("dialog").get_by_role("img").evaluate("image => image.decode()")
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / "search-page-photo.jpg", quality=90)


if __name__ == "__main__":
    main()
