"""The README's picture of the search page, taken anew: python -m tests.e2e.picture [QUERY].

It shows only sample photographs that are in the public domain.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from export.samples import copy_samples
from tests.e2e.browser import chromium, installed_chromium
from tests.e2e.processes import THINLENS, free_port, run_thinlens, running

PICTURE = Path(__file__).parents[2] / ".github/search-page.png"
QUERY = "a cat looking at the camera"
NOT_PUBLIC_DOMAIN = ("china.jpg", "flower.jpg", "motorcycle_left.png")


def main(query: str) -> None:
    """Index the samples, search for the query in the browser, and write the picture."""
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
            page = browser.new_page(viewport={"width": 1000, "height": 460})
            page.goto(address)
            page.get_by_role("searchbox").fill(query)
            page.get_by_role("button", name="Search").click()
            page.get_by_role("listitem").first.wait_for()
            page.wait_for_function("() => [...document.images].every((image) => image.complete && image.naturalWidth)")
            page.wait_for_timeout(500)  # pictures fade in
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or QUERY)
