"""The widget: how soon an answer is on the screen, on a fast and on a slow device, and what it takes to get there."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Browser, Page

from export.photos.samples import copy_samples
from tests.e2e.answers import answer, result
from tests.e2e.browser import chromium, installed_chromium
from tests.e2e.processes import THINLENS, free_port, run_thinlens, running
from tests.performance.report import ROOT, Table, spread

ROUNDS = 15
SLOWDOWNS = (1, 6)
RESULTS = 48
# Notes when the answer is there, and when what came of it was drawn: a task that a frame's callback posts runs after
# that frame.
OBSERVE = """
  window.times = { shift: 0 };
  const note = (name) => { window.times[name] ??= performance.now(); };
  const drawn = (name) => requestAnimationFrame(() => setTimeout(() => note(name)));
  const { fetch } = window;
  window.fetch = async (...request) => {
    const response = await fetch(...request);
    const { shadowRoot } = document.querySelector("thinlens-search");
    if (String(request[0]).includes("/v1/photos")) {
      shadowRoot.addEventListener("load", () => drawn("opened"), true);
    } else {
      note("answered");
      new MutationObserver(() => shadowRoot.querySelector("[aria-label*='caption of']") && drawn("result"))
        .observe(shadowRoot, { childList: true, subtree: true });
      shadowRoot.addEventListener("load", () => drawn("picture"), true);
    }
    return response;
  };
  new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { window.times.shift += value; }))
    .observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visits:
    """What was measured of several visits."""

    result_ms: list[float] = field(default_factory=list)
    picture_ms: list[float] = field(default_factory=list)
    opened_ms: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)


def measure(folder: Path) -> Table:
    """Open the page and search, in a fresh browser context each time."""
    copy_samples(folder / "photos")
    run_thinlens("index", folder / "photos", "--out", folder / "out").check_returncode()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    serve = [THINLENS, "serve", "--out", str(folder / "out"), "--port", str(port)]
    program = installed_chromium()
    if program is None:
        raise SystemExit("No Chromium on this machine (Debian: apt-get install chromium)")
    with running(serve, ready=f"{address}/healthz", log=folder / "serve.log"), chromium(program) as browser:
        found = _results(address)
        visits = [_visit(browser, address, found, slowdown) for slowdown in SLOWDOWNS]
    size = len(gzip.compress((ROOT / "handler/widget/thinlens-search.js").read_bytes(), mtime=0))
    return Table(
        title="The widget",
        how=(
            f"{ROUNDS} visits in Chromium, each in a fresh context, the processor slowed down by the browser: opening "
            f"the page, then a search that finds {RESULTS} photos with placeholders; thumbnails from `thinlens serve`. "
            "A result is there when the frame that shows it was drawn. Median and quartiles; of layout shift and "
            "requests (up to the first picture, and without pictures) the most. The module has "
            f"{size:,} bytes gzipped, all in all."
        ),
        header=(
            "processor",
            "opening to first picture, ms",
            "requests",
            "answer to first result, ms",
            "answer to first picture, ms",
            "layout shift",
        ),
        rows=[
            (
                "as it is" if slowdown == 1 else f"{slowdown} times slower",
                spread(visit.opened_ms, 0),
                str(max(visit.requests)),
                spread(visit.result_ms, 0),
                spread(visit.picture_ms, 0),
                f"{max(visit.shift):.3f}",
            )
            for slowdown, visit in zip(SLOWDOWNS, visits, strict=True)
        ],
    )


def _results(address: str) -> list[dict[str, Any]]:
    """Results with real thumbnails, over and over until there are enough."""
    with urlopen(f"{address}/v1/photos?k=100") as response:
        photos = json.load(response)["photos"]
    taken = ("url", "thumbnail_url", "width", "height", "placeholder")
    return [
        result(f"{number}.jpg", **{name: photos[number % len(photos)][name] for name in taken})
        for number in range(RESULTS)
    ]


def _visit(browser: Browser, address: str, found: list[dict[str, Any]], slowdown: int) -> _Visits:
    visits = _Visits()
    for _ in range(ROUNDS):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        times = _open(page, address, found, visits)
        visits.result_ms.append(times["result"] - times["answered"])
        visits.picture_ms.append(times["picture"] - times["answered"])
        visits.opened_ms.append(times["opened"])
        visits.shift.append(times["shift"])
        context.close()
    return visits


def _open(page: Page, address: str, found: list[dict[str, Any]], visits: _Visits) -> dict[str, float]:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/thumbnails/" not in request.url else None)
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer(found)))
    page.add_init_script(OBSERVE)
    page.goto(address)
    page.locator("img.there").first.wait_for()
    visits.requests.append(len(requests))
    page.wait_for_timeout(1_000)
    page.get_by_role("searchbox").fill("anything")
    page.locator("[aria-label*='caption of'] img.there").first.wait_for()
    page.wait_for_timeout(1_000)
    times: dict[str, float] = page.evaluate("window.times")
    return times
