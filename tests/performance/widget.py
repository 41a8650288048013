"""The page: how soon what is asked for is on the screen, how evenly all photos scroll, and what Lighthouse says."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

from export.photos.samples import copy_samples
from tests.e2e.browser import chromium, installed_chromium
from tests.e2e.processes import THINLENS, free_port, run_thinlens, running
from tests.performance import lighthouse
from tests.performance.browsing import Browsing, browse
from tests.performance.made_up_gallery import PHOTOS, RESULTS, made_up_gallery
from tests.performance.report import ROOT, Table, spread

ROUNDS = 10
SETTLED_MS = 3_000
POINTED_MS = 300
PRESSED_MS = 80
SLOWDOWNS = (1, 6)
# Notes when a click or an answer came, and when what came of it was drawn: an urgent task that a frame's callback posts
# runs right after that frame.
OBSERVE = """
  window.times = { shift: 0 };
  const note = (name) => { window.times[name] ??= performance.now(); };
  const drawn = (name) => requestAnimationFrame(() =>
    scheduler.postTask(() => note(name), { priority: "user-blocking" }));
  const when = (root, selector, name) => new MutationObserver((_, observer) => {
    if (!root.querySelector(selector)) return;
    observer.disconnect();
    drawn(name);
  }).observe(root, { childList: true, subtree: true });
  const { fetch } = window;
  window.fetch = async (...request) => {
    const response = await fetch(...request);
    const { shadowRoot } = document.querySelector("thinlens-search");
    const [, path] = /\\/v1\\/(\\w+)/.exec(request[0]) ?? [];
    if (path === "photos") shadowRoot.addEventListener("load", () => drawn("opened"), true);
    if (path === "search") {
      note("answered");
      when(shadowRoot, "[aria-label*='Relevance']", "result");
      shadowRoot.addEventListener("load", () => drawn("picture"), true);
    }
    if (path === "facets") {
      note("counted");
      when(shadowRoot, ".groups button", "counts");
    }
    return response;
  };
  addEventListener("click", (event) => {
    window.times.clicked ??= event.timeStamp;
    when(document.querySelector("thinlens-search").shadowRoot, ".sheet:popover-open", "sheet");
  }, true);
  new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { window.times.shift += value; }))
    .observe({ type: "layout-shift", buffered: true });
"""

PICTURE_CAME = """() => new Promise((resolve) => {
  const { shadowRoot } = document.querySelector("thinlens-search");
  if (shadowRoot.querySelector("img.there")) resolve();
  shadowRoot.addEventListener("load", resolve, { capture: true, once: true });
})"""
FILTERS = """() => {
  const { shadowRoot } = document.querySelector("thinlens-search");
  const { x, y } = shadowRoot.querySelector(".filters button").getBoundingClientRect();
  return [x + 9, y + 9];
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visits:
    """What was measured of several visits."""

    opened_ms: list[float] = field(default_factory=list)
    result_ms: list[float] = field(default_factory=list)
    picture_ms: list[float] = field(default_factory=list)
    sheet_ms: list[float] = field(default_factory=list)
    counts_ms: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)


def measure(folder: Path) -> Table:
    """Open the page, search, filter and browse, in a fresh browser context each time; and ask Lighthouse."""
    program = installed_chromium()
    if program is None:
        raise SystemExit("No Chromium on this machine (Debian: apt-get install chromium)")
    with made_up_gallery() as address, chromium(program) as browser:
        visits = [_visits(browser, address, slowdown) for slowdown in SLOWDOWNS]
        browsing = [browse(browser, address, slowdown) for slowdown in SLOWDOWNS]
    size = len(gzip.compress((ROOT / "handler/widget/thinlens-search.js").read_bytes(), mtime=0))
    return Table(
        title="The widget",
        how=(
            f"{ROUNDS} visits in Chromium, each in a fresh context, the processor slowed down by the browser, to a "
            f"made-up gallery of {PHOTOS:,} photos that answers at once: opening the page, a search for {RESULTS} "
            "photos, its filters; then all photos by date, scrolled by 3,000 pixels a second and leapt through. "
            "Something is there when the frame that shows it was drawn; nothing else looks into the page meanwhile. "
            "Median and quartiles; of layout shift, requests, bytes (as sent, up to the first picture, and without "
            "pictures) and memory the most. "
            f"The module has {size:,} bytes gzipped, all in all. Lighthouse {lighthouse.VERSION} looks at `thinlens "
            "serve`, as it does at a phone."
        ),
        header=("", "processor as it is", f"{SLOWDOWNS[1]} times slower", "aim"),
        rows=[*_rows(visits, browsing), *_marks(folder, program)],
    )


def _rows(visits: list[_Visits], browsing: list[Browsing]) -> list[tuple[str, ...]]:
    return [
        ("opening to first picture, ms", *(spread(visit.opened_ms, 0) for visit in visits), ""),
        ("requests until then", *(str(max(visit.requests)) for visit in visits), ""),
        ("bytes until then", *(f"{max(visit.bytes):,}" for visit in visits), ""),
        ("answer to first result, ms", *(spread(visit.result_ms, 0) for visit in visits), "100"),
        ("answer to first picture, ms", *(spread(visit.picture_ms, 0) for visit in visits), ""),
        ("click to the sheet of filters, ms", *(spread(visit.sheet_ms, 0) for visit in visits), "50"),
        ("answer to 1,082 counts in it, ms", *(spread(visit.counts_ms, 0) for visit in visits), ""),
        ("layout shift", *(f"{max(visit.shift):.3f}" for visit in visits), "0"),
        ("browsing, frames a second", *(spread(one.frames_a_second, 0) for one in browsing), "50"),
        ("browsing, slowest frame of a second, ms", *(spread(one.slowest_frame_ms, 0) for one in browsing), ""),
        ("browsing, JavaScript heap, MB", *(f"{one.heap_mb:.0f}" for one in browsing), "100"),
        ("browsing, DOM nodes", *(f"{one.nodes:,}" for one in browsing), ""),
    ]


def _marks(folder: Path, program: str) -> list[tuple[str, ...]]:
    copy_samples(folder / "photos")
    run_thinlens("index", folder / "photos", "--out", folder / "out").check_returncode()
    address = f"http://127.0.0.1:{free_port()}"
    serve = [THINLENS, "serve", "--out", str(folder / "out"), "--port", address.rpartition(":")[2]]
    with running(serve, ready=f"{address}/healthz", log=folder / "serve.log"):
        found = lighthouse.marks(f"{address}/", program, folder)
    return [(f"Lighthouse, {name}", str(mark), "", str(lighthouse.AIM)) for name, mark in found.items()]


def _visits(browser: Browser, address: str, slowdown: int) -> _Visits:
    visits = _Visits()
    for _ in range(ROUNDS):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        times = _visit(page, address, visits)
        visits.opened_ms.append(times["opened"])
        visits.result_ms.append(times["result"] - times["answered"])
        visits.picture_ms.append(times["picture"] - times["answered"])
        visits.sheet_ms.append(times["sheet"] - times["clicked"])
        visits.counts_ms.append(times["counts"] - times["counted"])
        visits.shift.append(times["shift"])
        context.close()
    return visits


def _visit(page: Page, address: str, visits: _Visits) -> dict[str, float]:
    sent: list[int] = []
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    pictures: set[str] = set()
    devtools.on(
        "Network.responseReceived", lambda event: pictures.add(event["requestId"]) if event["type"] == "Image" else None
    )
    devtools.on(
        "Network.loadingFinished",
        lambda event: sent.append(int(event["encodedDataLength"])) if event["requestId"] not in pictures else None,
    )
    # Nothing looks into the page while it is timed: what waits for an element asks for it in every frame, and whoever
    # looked for one once listens to each move of the mouse from then on.
    page.add_init_script(OBSERVE)
    page.goto(address)
    page.evaluate(PICTURE_CAME)
    visits.requests.append(len(sent))
    visits.bytes.append(sum(sent))
    page.wait_for_timeout(SETTLED_MS)
    corner = page.evaluate(FILTERS)
    page.keyboard.insert_text("anything")
    page.wait_for_timeout(SETTLED_MS)
    # As fast as a person does it: the pointer comes first, and the button is down for a moment.
    page.mouse.move(*corner)
    page.wait_for_timeout(POINTED_MS)
    page.mouse.click(*corner, delay=PRESSED_MS)
    page.wait_for_timeout(SETTLED_MS)
    times: dict[str, float] = page.evaluate("window.times")
    return times
