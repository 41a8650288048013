"""The widget in browsers that lack something, or have it forbidden: it takes itself away, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.answers import photo
from tests.e2e.elsewhere import WIDGET as FILES
from tests.e2e.elsewhere import Elsewhere

WIDGET = "<thinlens-search></thinlens-search>"
REFUSE = "() => { throw new DOMException('', 'SecurityError'); }"
# A browser that is older than those that are supported, and what people forbid it.
MISSING = {
    "what is newer": """
      for (const name of ["any", "timeout"]) delete AbortSignal[name];
      for (const name of ["toReversed", "toSorted", "findLast"]) delete Array.prototype[name];
      delete window.matchMedia;
      delete URL.canParse;
      delete Crypto.prototype.subtle;
    """,
    "canvases, which are null": "HTMLCanvasElement.prototype.getContext = () => null",
    "canvases, which throw": f"HTMLCanvasElement.prototype.getContext = {REFUSE}",
    "pixels and storage": f"const refuse = {REFUSE};"
    """
      CanvasRenderingContext2D.prototype.putImageData = refuse;
      for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, { get: refuse });
    """,
}


@pytest.mark.parametrize("without", MISSING.values(), ids=MISSING)
def test_it_is_searched_looked_at_and_browsed_without(elsewhere: Elsewhere, without: str) -> None:
    page = elsewhere.open(f"<script>{without}</script>{WIDGET}")
    box, status = page.get_by_role("searchbox"), page.get_by_role("status")
    box.fill("dog")
    box.press("Enter")
    expect(status).to_have_text("12 photos")
    expect(page.locator(".caption")).to_have_count(12)
    expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".field")).to_have_css("border-radius", "999px")
    photo(page, 3).click()
    lightbox = page.get_by_role("dialog", name="caption of 3.jpg")
    expect(lightbox).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="caption of 4.jpg")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("dialog", name="6 photos")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    box.fill("")
    page.get_by_role("button", name="All photos by date").click()
    expect(page.locator(".browse").get_by_role("button", name="caption of 0.jpg")).to_be_visible()
    expect(status).to_have_text("6 photos")


def shared(page: Page, before: str) -> None:
    """Search, open a photo, and press the button that gives it away."""
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("status")).to_have_text("12 photos")
    photo(page, 3).click()
    page.evaluate(before)
    page.get_by_role("button", name="Share").click()


@pytest.mark.parametrize(
    "sharing",
    ["undefined", "() => Promise.reject(new DOMException('', 'NotAllowedError'))"],
    ids=["without a way to share", "where sharing is forbidden"],
)
def test_a_photo_is_given_away_by_the_next_best_way(elsewhere: Elsewhere, sharing: str) -> None:
    copying = "{ writeText: async (text) => { window.copied = text; } }"
    page = elsewhere.open(WIDGET)
    shared(
        page,
        f"""() => {{
          Object.defineProperty(navigator, "share", {{ configurable: true, value: {sharing} }});
          Object.defineProperty(navigator, "clipboard", {{ configurable: true, value: {copying} }});
        }}""",
    )
    expect(page.get_by_text("Address copied")).to_be_visible()
    address = page.evaluate("copied")
    assert address == f"{elsewhere.host.origin}/start?photo=3.jpg"
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text(address)).to_be_visible()


def test_it_can_be_imported_where_there_is_no_page(tmp_path: Path) -> None:
    """As frameworks do that render on a server."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine (Debian: apt-get install nodejs)")
    module = shutil.copy(FILES / "thinlens-search.js", tmp_path / "widget.mjs")
    code = f"import({str(module)!r}).then(() => console.log('imported'))"
    run = subprocess.run([node, "-e", code], capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr) == ("imported\n", "")
