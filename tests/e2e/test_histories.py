"""The widget and the page's address: where it can't be written, where a router owns it, where two ask for it."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.e2e.elsewhere import Elsewhere

WIDGET = "<thinlens-search></thinlens-search>"
REFUSED = """<script>
  window.asked = 0;
  history.pushState = history.replaceState = () => {
    window.asked += 1;
    throw new DOMException("Attempt to use history.pushState() more than 100 times per 30 seconds", "SecurityError");
  };
</script>"""


def find(place: Page | FrameLocator | Locator, query: str = "dog") -> None:
    """Search for something."""
    place.get_by_role("searchbox").fill(query)
    place.get_by_role("searchbox").press("Enter")
    expect(place.get_by_role("status")).to_have_text("12 photos")


def asked(page: Page) -> str:
    return urlsplit(page.url).query


@pytest.mark.parametrize(
    ("source", "sandbox"),
    [("srcdoc", ""), ("srcdoc", "sandbox='allow-scripts'"), ("src", "sandbox='allow-scripts'")],
)
def test_it_searches_in_any_frame(elsewhere: Elsewhere, source: str, sandbox: str) -> None:
    inside = elsewhere.framed(f"<!doctype html><html lang='en'>{WIDGET}")
    content = inside if source == "srcdoc" else f"data:text/html,{inside}"
    page = elsewhere.open(f'<iframe width="900" height="600" {sandbox} {source}="{escape(content)}"></iframe>')
    frame = page.frame_locator("iframe")
    find(frame)
    frame.get_by_role("button", name="caption of 3.jpg. Relevance 0.87").click()
    expect(frame.get_by_role("dialog")).to_contain_text("4 of 12")
    frame.get_by_role("button", name="Close").click()
    find(frame, "dogs")
    assert asked(page) == ""


def test_what_is_shared_in_a_frame_without_an_address_is_the_photos_own(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(f'<iframe width="900" height="600" srcdoc="{escape(elsewhere.framed(WIDGET))}"></iframe>')
    frame = page.frame_locator("iframe")
    find(frame)
    frame.get_by_role("button", name="caption of 3.jpg. Relevance 0.87").click()
    frame.locator("body").evaluate("() => { navigator.share = (what) => { parent.shared = what.url; }; }")
    frame.get_by_role("button", name="Share").click()
    assert page.evaluate("shared") == f"{elsewhere.endpoint}photos/3.jpg"


def test_it_searches_where_the_history_takes_no_more(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(REFUSED + WIDGET)
    find(page)
    assert page.evaluate("asked") > 0
    page.evaluate("location.hash = 'top'")  # as a link to a part of the page does
    page.wait_for_timeout(100)
    expect(page.get_by_role("searchbox")).to_have_value("dog")
    page.evaluate("() => { delete history.pushState; delete history.replaceState; }")
    find(page, "cat")
    assert asked(page) == "q=cat"
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("")


ROUTERS = {
    "Vue Router": ("/start", {"back": None, "current": "/start", "position": 3}, {"current": "/start?q=dog"}),
    "Vue Router with a base": ("/app/start?page=2", {"current": "/start?page=2"}, {"current": "/start?page=2&q=dog"}),
    "Vue Router with hashes": ("/app#/start", {"current": "/start"}, {"current": "/start"}),
    "Next.js": (
        "/start",
        {"url": "/start", "as": "/start", "options": {"shallow": False}},
        {"url": "/start?q=dog", "as": "/start?q=dog"},
    ),
    "React Router": ("/start", {"usr": {"from": "/start"}, "key": "art", "idx": 1}, {}),
    "a number": ("/start", 7, 7),
    "none": ("/start", None, None),
}


@pytest.mark.parametrize(("path", "state", "moved"), ROUTERS.values(), ids=ROUTERS)
def test_what_a_router_keeps_of_the_address_is_that_of_the_search(
    elsewhere: Elsewhere, path: str, state: object, moved: object
) -> None:
    page = elsewhere.open(WIDGET, path=path[1:])
    page.evaluate("state => history.replaceState(state, '')", state)
    find(page)
    expected = {**state, **moved} if isinstance(state, dict) and isinstance(moved, dict) else moved
    assert page.evaluate("history.state") == expected


def test_another_route_and_back_leads_to_the_search(elsewhere: Elsewhere) -> None:
    """As Vue Router 4 does: it writes the state anew before it leaves, and where that says it is."""
    page = elsewhere.open(
        f"""<div id="view"></div><script>
          const show = () => {{
            const widget = `{elsewhere.framed(WIDGET).partition("</script>")[2]}`;
            view.innerHTML = location.pathname === "/about" ? "about" : widget;
          }};
          const leave = () => {{
            history.replaceState(history.state, "", history.state.current);
            history.pushState({{ current: "/about" }}, "", "/about");
            show();
          }};
          history.replaceState({{ current: location.pathname }}, "");
          addEventListener("popstate", show);
          show();
        </script>"""
    )
    find(page)
    page.evaluate("leave()")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("dog")
    expect(page.get_by_role("status")).to_have_text("12 photos")
    assert asked(page) == "q=dog"


def test_a_page_says_what_is_searched_for(elsewhere: Elsewhere) -> None:
    page = elsewhere.open("<thinlens-search no-history query=' a dog '></thinlens-search>", path="start?q=of+the+host")
    expect(page.get_by_role("searchbox")).to_have_value("a dog")
    expect(page.get_by_role("status")).to_have_text("12 photos")
    with page.expect_request("**/v1/search?q=a+cat&*"):
        page.locator("thinlens-search").evaluate("widget => widget.setAttribute('query', 'a cat')")
    expect(page.get_by_role("searchbox")).to_have_value("a cat")
    page.locator("thinlens-search").evaluate("widget => widget.removeAttribute('query')")
    expect(page.get_by_role("searchbox")).to_have_value("")
    assert asked(page) == "q=of+the+host"


def test_what_is_typed_goes_on_though_the_page_repeats_it(elsewhere: Elsewhere) -> None:
    """As a page does that keeps the query itself."""
    page = elsewhere.open(
        f"""{WIDGET}<script>
          const widget = document.querySelector("thinlens-search");
          widget.addEventListener("thinlens-search", ({{ detail }}) => widget.setAttribute("query", detail.query));
        </script>"""
    )
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "/v1/search" in request.url else None)
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("status")).to_have_text("12 photos")
    page.wait_for_timeout(300)
    assert len(searches) == 1


def test_the_address_goes_before_what_a_page_begins_with(elsewhere: Elsewhere) -> None:
    widget = "<thinlens-search query='a dog'></thinlens-search>"
    page = elsewhere.open(widget)
    expect(page.get_by_role("searchbox")).to_have_value("a dog")
    find(page, "a cat")
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("a cat")


def test_of_two_on_a_page_one_can_have_the_address(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(
        "<thinlens-search id='one'></thinlens-search><thinlens-search id='two' no-history></thinlens-search>"
    )
    one, two = page.locator("#one"), page.locator("#two")
    find(one)
    find(two, "cat")
    assert asked(page) == "q=dog"
    page.reload()
    expect(one.get_by_role("status")).to_have_text("12 photos")
    expect(one.get_by_role("searchbox")).to_have_value("dog")
    expect(two.get_by_role("searchbox")).to_have_value("")
    page.go_back()
    expect(one.get_by_role("searchbox")).to_have_value("")


def test_two_on_a_page_may_each_have_parameters_of_their_own(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(
        "<thinlens-search id='one' parameter='animals'></thinlens-search>"
        "<thinlens-search id='two' parameter='photos'></thinlens-search>",
        path="start?q=of+the+host&order=9",
    )
    one, two = page.locator("#one"), page.locator("#two")
    find(two, "cat")
    find(one)
    two.get_by_role("combobox").select_option("newest")
    page.wait_for_url("**/start?q=of+the+host&order=9&photos=cat&animals=dog&photos-order=newest")
    page.reload()
    expect(one.get_by_role("searchbox")).to_have_value("dog")
    expect(two.get_by_role("searchbox")).to_have_value("cat")
    expect(two.get_by_role("combobox")).to_have_value("newest")
    page.go_back()
    expect(two.get_by_role("combobox")).to_have_value("")
    expect(one.get_by_role("searchbox")).to_have_value("dog")
    page.go_back()
    expect(one.get_by_role("searchbox")).to_have_value("")
    expect(two.get_by_role("searchbox")).to_have_value("cat")
