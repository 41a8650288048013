"""Browsing: how evenly a page of very many photos scrolls, and how much it holds."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser

ROUNDS = 8
# Scrolls for a second as somebody does who looks for something, and counts the frames that were drawn meanwhile; then
# leaps to another place, as whoever pulls the scroll bar.
SCROLL = """async () => {
  const began = performance.now();
  let [frames, last, slowest] = [0, began, 0];
  while (last < began + 1_000) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    scrollBy(0, 3 * (now - last));
    [frames, slowest, last] = [frames + 1, Math.max(slowest, now - last), now];
  }
  const second = { frames: frames / (last - began) * 1_000, slowest };
  scrollTo(0, Math.random() * document.documentElement.scrollHeight);
  return second;
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Browsing:
    """Of each round the frames a second and the longest time between two; of all rounds the most of the rest."""

    frames_a_second: list[float]
    slowest_frame_ms: list[float]
    heap_mb: float
    nodes: int


def browse(browser: Browser, address: str, slowdown: int) -> Browsing:
    """Scroll and leap through all photos by date, the processor slowed down so many times."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.goto(f"{address}?order=newest")
    page.locator(".browse img").first.wait_for()
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    seconds: list[dict[str, float]] = []
    heaps: list[float] = []
    nodes: list[int] = []
    for _ in range(ROUNDS):
        page.wait_for_timeout(1_000)
        seconds.append(page.evaluate(SCROLL))
        metrics = {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}
        heaps.append(metrics["JSHeapUsedSize"] / 1e6)
        nodes.append(int(metrics["Nodes"]))
    context.close()
    return Browsing(
        frames_a_second=[second["frames"] for second in seconds],
        slowest_frame_ms=[second["slowest"] for second in seconds],
        heap_mb=max(heaps),
        nodes=max(nodes),
    )
