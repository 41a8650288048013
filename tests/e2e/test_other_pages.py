"""The widget in pages that were not made for it: under their styles, among their shortcuts, moved between documents."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.answers import photo
from tests.e2e.elsewhere import Elsewhere

WIDGET = "<thinlens-search></thinlens-search>"
# What a page may say of its own text, and of pictures in it.
INHERITED = {
    "letter-spacing": "3px",
    "word-spacing": "9px",
    "text-transform": "uppercase",
    "text-indent": "40px",
    "text-align": "right",
    "text-shadow": "red 1px 1px",
    "white-space": "pre",
    "word-break": "break-all",
    "line-height": "3",
    "font": "italic small-caps bold 9px monospace",
    "font-stretch": "expanded",
    "font-feature-settings": "'smcp'",
    "cursor": "wait",
    "hyphens": "auto",
    "tab-size": "2",
    "quotes": "'x' 'y'",
    "list-style": "square inside",
    "image-rendering": "pixelated",
    "image-orientation": "none",
    "stroke-dasharray": "1",
    "color": "red",
    "-webkit-text-fill-color": "red",
}
# Of each kind of thing that is said or shown: every property that it has, as "property of kind: value".
KINDS = ["input", ".status", ".caption", ".relevance", ".more", "select", "svg", "img", ".told", ".sheet h2"]
STYLES = """(widget, kinds) => kinds.flatMap((kind) => {
  const styles = getComputedStyle(widget.shadowRoot.querySelector(kind));
  const names = [...styles].filter((name) => !name.startsWith("--"));
  return names.map((name) => `${name} of ${kind}: ${styles.getPropertyValue(name)}`);
})"""
SHORTCUTS = """<script>
  window.heard = [];
  for (const type of ["keydown", "keypress", "keyup"]) {
    document.addEventListener(type, ({ key }) => window.heard.push(`${type} ${key}`));
  }
</script>"""


def find(page: Page) -> None:
    page.get_by_role("searchbox").fill("dog")
    expect(page.get_by_role("status")).to_have_text("12 photos")
    expect(page.locator(".caption")).to_have_count(12)


def styles(page: Page) -> set[str]:
    find(page)
    page.locator("img.there").first.wait_for()
    page.wait_for_timeout(300)  # until it is there, which takes two tenths of a second
    found = set(page.locator("thinlens-search").evaluate(STYLES, KINDS))
    assert len(found) > len(KINDS) * 200
    return found


@pytest.mark.parametrize(
    "rules",
    [
        "html { font-size: 62.5% }",
        f"body {{ {'; '.join(f'{name}: {value}' for name, value in INHERITED.items())} }}",
        "* { letter-spacing: 3px; text-transform: uppercase; line-height: 3; font-size: 9px; text-align: right }",
    ],
    ids=["a small rem", "inherited", "of everything"],
)
def test_text_and_pictures_are_as_they_are_elsewhere(elsewhere: Elsewhere, rules: str) -> None:
    plain = styles(elsewhere.open(WIDGET))
    assert styles(elsewhere.open(f"<style>{rules}</style>{WIDGET}")) - plain == set()


def test_text_has_the_size_of_other_pages(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(f"<style>html {{ font-size: 62.5% }}</style>{WIDGET}")
    find(page)
    expect(page.get_by_role("searchbox")).to_have_css("font-size", "16px")
    expect(page.locator(".caption").first).to_have_css("font-size", "14px")


def test_what_is_meant_to_be_themed_is(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(
        """<style>
          body { visibility: hidden }
          thinlens-search { --thinlens-font: 20px/2 serif; --thinlens-ink: rgb(1, 2, 3) }
          thinlens-search::part(caption) { letter-spacing: 5px }
        </style>"""
        + WIDGET
    )
    box = page.locator("thinlens-search input[type=search]")
    expect(box).to_be_hidden()
    page.evaluate("document.body.style.visibility = 'visible'")
    expect(box).to_be_visible()
    find(page)
    expect(box).to_have_css("font-size", "20px")
    expect(box).to_have_css("font-family", "serif")
    expect(box).to_have_css("color", "rgb(1, 2, 3)")
    expect(page.locator(".caption").first).to_have_css("letter-spacing", "5px")


def heard(page: Page) -> list[str]:
    """What the page's own shortcuts have heard since they were asked last."""
    return list(page.evaluate("heard.splice(0)"))


def test_what_is_typed_is_nobody_elses(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(SHORTCUTS + WIDGET)
    box = page.get_by_role("searchbox")
    box.click()
    page.keyboard.type("a dog/Golf, 2 sofas?")
    for key in ("Backspace", "ArrowLeft", "Home", "ControlOrMeta+a", "Enter"):
        page.keyboard.press(key)
    expect(box).to_have_value("a dog/Golf, 2 sofas")
    assert [told for told in heard(page) if "Control" not in told and "Shift" not in told] == []
    page.get_by_role("combobox").focus()
    page.keyboard.press("n")
    assert heard(page) == []


def test_shortcuts_of_the_page_go_on(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(SHORTCUTS + WIDGET)
    find(page)
    heard(page)
    page.keyboard.press("Control+k")
    assert "keydown k" in heard(page)
    page.keyboard.press("ArrowDown")
    expect(photo(page, 0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    assert heard(page) == []
    page.keyboard.press("s")
    assert heard(page) == ["keydown s", "keypress s", "keyup s"]
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert heard(page) == []


def test_a_slash_from_elsewhere_leads_into_the_box(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(f"{SHORTCUTS}<button>Elsewhere</button>{WIDGET}")
    find(page)
    page.get_by_role("button", name="Elsewhere").focus()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("dog")


def open_photo(page: Page) -> Locator:
    find(page)
    photo(page, 3).click()
    lightbox = page.get_by_role("dialog", name="caption of 3.jpg")
    expect(lightbox).to_be_visible()
    return lightbox


@pytest.mark.parametrize("clicked", ["nothing", "the caption", "the picture"])
def test_escape_leaves_the_photo_alone(elsewhere: Elsewhere, clicked: str) -> None:
    """And not the page's own dialog around it, whichever event that follows."""
    page = elsewhere.open(SHORTCUTS + WIDGET)
    lightbox = open_photo(page)
    if clicked != "nothing":
        lightbox.locator(".told" if clicked == "the caption" else ".large").click()
    heard(page)
    for key in ("ArrowRight", "+", "ArrowRight", "-", "Tab", "ArrowLeft", "ArrowLeft", "Escape"):
        page.keyboard.press(key)
    expect(lightbox).to_be_hidden()
    expect(photo(page, 2)).to_be_focused()
    assert heard(page) == []
    page.keyboard.press("Escape")
    assert heard(page) == ["keydown Escape", "keyup Escape"]


def test_escape_leaves_the_filters_alone_and_then_the_text(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(SHORTCUTS + WIDGET)
    find(page)
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("dialog", name="6 photos")).to_be_visible()
    page.get_by_role("dialog").get_by_role("heading", name="Folder").click()
    heard(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Filters")).to_be_focused()
    page.get_by_role("searchbox").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_have_value("")
    assert heard(page) == []
    page.keyboard.press("Escape")
    assert heard(page) == ["keydown Escape", "keyup Escape"]


def test_a_modal_of_the_page_closes_after_the_photo(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(f"<dialog id='modal'>{WIDGET}</dialog><script>modal.showModal()</script>")
    open_photo(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="caption of 3.jpg")).to_be_hidden()
    assert page.evaluate("modal.open")
    expect(photo(page, 3)).to_be_focused()
    page.keyboard.press("Escape")
    assert not page.evaluate("modal.open")


def test_keys_in_what_the_page_put_into_a_slot_are_its_own(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(f"{SHORTCUTS}<thinlens-search><input slot='actions' aria-label='Note'></thinlens-search>")
    open_photo(page)
    page.get_by_role("textbox", name="Note").focus()
    heard(page)
    page.keyboard.press("a")
    assert heard(page) == ["keydown a", "keypress a", "keyup a"]


def test_a_file_that_it_takes_is_not_the_pages_too(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(
        """<script>
          window.heard = [];
          for (const type of ["dragenter", "dragover", "drop"]) addEventListener(type, () => heard.push(type));
        </script>"""
        + WIDGET
    )
    expect(page.get_by_role("button", name="Search with a picture")).to_be_visible()
    page.locator("thinlens-search").evaluate(
        """(widget) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["no picture"], "a.txt"));
          for (const type of ["dragenter", "dragover", "drop"]) {
            const travelling = { bubbles: true, composed: true, cancelable: true };
            widget.dispatchEvent(new DragEvent(type, { dataTransfer, ...travelling }));
          }
        }"""
    )
    expect(page.get_by_role("heading", name="That is not a picture")).to_be_visible()
    assert heard(page) == []


def test_it_can_be_moved_into_another_document(elsewhere: Elsewhere) -> None:
    """As portals into frames, windows and picture-in-picture do; and back."""
    page = elsewhere.open(f"{WIDGET}<iframe width='900' height='600'></iframe>")
    find(page)
    move = "document => document.body.append(window.widget)"
    page.evaluate("window.widget = document.querySelector('thinlens-search')")
    page.evaluate(f"({move})(document.querySelector('iframe').contentDocument)")
    frame = page.frame_locator("iframe")
    frame.get_by_role("searchbox").click()
    with page.expect_response("**/v1/search?q=dogs&*"):
        page.keyboard.type("s")
    expect(frame.locator(".wall")).to_have_attribute("aria-busy", "false")
    expect(frame.locator("thinlens-search")).to_have_css("display", "block")
    expect(frame.locator(".field")).to_have_css("border-radius", "999px")
    frame.get_by_role("button", name="caption of 3.jpg. Relevance 0.87").click()
    expect(frame.get_by_role("dialog")).to_be_visible()
    frame.get_by_role("button", name="Close").press("Escape")
    expect(frame.get_by_role("dialog")).to_be_hidden()
    page.evaluate(f"({move})(document)")
    expect(page.locator(".field")).to_have_css("border-radius", "999px")
    expect(page.get_by_role("searchbox")).to_have_value("dogs")


def test_it_speaks_the_language_of_the_shadow_roots_around(elsewhere: Elsewhere) -> None:
    page = elsewhere.open(
        """<div id="outer" lang="de"></div><script>
          const inner = document.createElement("div");
          outer.attachShadow({ mode: "open" }).append(inner);
          inner.attachShadow({ mode: "open" }).append(document.createElement("thinlens-search"));
          inner.shadowRoot.firstChild.setAttribute("endpoint", "ENDPOINT");
        </script>""".replace("ENDPOINT", elsewhere.endpoint)
    )
    expect(page.get_by_placeholder("Foto beschreiben")).to_be_visible()
    page.evaluate("outer.lang = 'fr'")
    expect(page.get_by_role("searchbox")).to_have_attribute("placeholder", "Décrivez une photo")
