"""Pictures as questions: the command, the server, and the page in a real browser."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, Request, Route, expect

from export.pictures.decoding import decode_photo
from tests.e2e.answers import answer, result
from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, NOT_THERE, Gallery
from tests.e2e.processes import run_thinlens

CAT = "chelsea.png"
TYPE = {"content-type": "application/octet-stream"}
# What browsers and Pillow make of a picture that they shrink differs by so many levels of 255, in the mean.
NEAR = 4.0


@pytest.fixture
def changed(gallery: Gallery, tmp_path: Path) -> Path:
    """The cat, cropped, smaller, as JPEG, and lying on its side with a note of that."""
    with Image.open(gallery.photos / CAT) as image:
        width, height = image.size
        cropped = image.convert("RGB").crop((width // 10, height // 10, width * 9 // 10, height * 9 // 10))
        lying = cropped.resize((240, 160)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(tmp_path / "my cat.jpg", exif=exif, quality=80)
    return tmp_path / "my cat.jpg"


def test_the_command(gallery: Gallery, changed: Path) -> None:
    alone = run_thinlens("search", "--image", changed, "--out", gallery.out, "-k", "1", "--json")
    assert (alone.returncode, alone.stderr) == (0, "")
    found = json.loads(alone.stdout)
    assert (found["query"], found["results"][0]["id"]) == ("", CAT)

    light = ("--image-weight", "0.01")
    together = run_thinlens("search", COFFEE_CAPTION, "--image", changed, *light, "--out", gallery.out, "--json")
    assert json.loads(together.stdout)["results"][0]["id"] == COFFEE


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "QUERY is missing (expected what the photo shows, or --image FILE)"),
        (["--image", "PHOTOS/broken.jpg"], 1, "broken.jpg: not an image: begins with b'no photo'"),
        (["--image", "PHOTOS/nothing.jpg"], 1, "nothing.jpg: can't be read: No such file or directory"),
        (["--image", f"PHOTOS/{CAT}", "--image-weight", "0"], 2, "image_weight is 0 (expected above 0 to 100)"),
    ],
)
def test_the_command_says_what_is_wrong(gallery: Gallery, arguments: list[str], code: int, message: str) -> None:
    given = [argument.replace("PHOTOS", str(gallery.photos)) for argument in arguments]
    done = run_thinlens("search", *given, "--out", gallery.out)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_server(client: httpx.Client, changed: Path) -> None:
    side = client.get("/v1/photos?k=1").json()["image_side"]
    pixels = decode_photo(changed, image_size=side).pixels.tobytes()
    found = client.post("/v1/search", params={"k": 1}, content=pixels, headers=TYPE)

    assert (found.status_code, found.headers["cache-control"]) == (200, "no-store")
    assert [photo["id"] for photo in found.json()["results"]] == [CAT]
    for content, headers, status in (
        (pixels[:-1], TYPE, 400),
        (b"", TYPE, 400),
        (pixels + b"x", TYPE, 413),
        (changed.read_bytes(), {"content-type": "image/jpeg"}, 415),
    ):
        assert client.post("/v1/search", content=content, headers=headers).status_code == status


def test_a_body_that_never_ends(address: str) -> None:
    """Neither one that goes on and on, nor one of which nothing more comes, keeps the server."""
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\ncontent-type: application/octet-stream\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as endless:
        endless.sendall(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        for _ in range(8):
            endless.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")
            time.sleep(0.05)
        assert endless.recv(100).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection((host, int(port)), timeout=30) as silent:
        silent.sendall(f"{head}content-length: 196608\r\n\r\nabc".encode())
        started = time.monotonic()
        assert silent.recv(100).startswith(b"HTTP/1.1 408 ")
        assert 8 < time.monotonic() - started < 25


def choose(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Search with a picture").click()
    chooser.value.set_files(file)


def sent(page: Page, file: Path) -> Request:
    """The request that brings a picture."""
    with page.expect_request(lambda request: request.method == "POST") as request:
        choose(page, file)
    return request.value


def first(page: Page) -> object:
    return expect(page.get_by_role("listitem").first.get_by_role("button").first)


def test_choosing_a_picture(page: Page, gallery: Gallery, changed: Path) -> None:
    request = sent(page, changed)

    assert request.url.endswith("/v1/search?dedupe=true&k=48")
    pixels = np.frombuffer(request.post_data_buffer or b"", np.uint8).reshape(256, 256, 3)
    upright = decode_photo(changed, image_size=256).pixels
    assert np.abs(pixels.astype(int) - upright).mean() < NEAR
    expect(page.get_by_role("group", name="Picture: my cat.jpg")).to_be_visible()
    first = page.get_by_role("listitem").first.locator("img")
    expect(first).to_have_attribute("src", re.compile("/(thumbnails|previews)/"))
    assert page.url.endswith("/")

    page.get_by_role("searchbox").fill("a cat")
    page.wait_for_url("**/?q=a+cat")
    page.get_by_role("button", name="Remove the picture").click()
    expect(page.get_by_role("group", name="Picture: my cat.jpg")).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_picture_is_cropped_where_the_photos_were(page: Page, tmp_path: Path) -> None:
    def cropping(route: Route) -> None:
        told = route.fetch().json()
        route.fulfill(json={**told, "image_fit": "crop"})

    page.route("**/v1/photos?k=*", cropping)
    page.reload()
    wide = np.full((300, 900, 3), 255, np.uint8)
    wide[:, 300:600] = (0, 128, 0)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    request = sent(page, tmp_path / "wide.png")
    pixels = np.frombuffer(request.post_data_buffer or b"", np.uint8).reshape(256, 256, 3)
    assert np.abs(pixels[:, 2:-2].astype(int) - (0, 128, 0)).max() <= 1


def test_what_a_transparent_picture_is_on(page: Page, tmp_path: Path) -> None:
    Image.new("RGBA", (300, 200), (255, 0, 0, 0)).save(tmp_path / "nothing.png")
    request = sent(page, tmp_path / "nothing.png")
    assert set(request.post_data_buffer or b"") == {255}


def transfer(page: Page, file: Path, kind: str = "image/png") -> object:
    """What is dropped or pasted, made in the page."""
    data = base64.b64encode(file.read_bytes()).decode()
    return page.evaluate_handle(
        """([data, name, type]) => {
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type }));
          return transfer;
        }""",
        [data, file.name, kind],
    )


def test_dropping_a_picture(page: Page, gallery: Gallery) -> None:
    expect(page.get_by_role("button", name="Search with a picture")).to_be_visible()
    dragged = transfer(page, gallery.photos / CAT)
    page.dispatch_event("thinlens-search", "dragover", {"dataTransfer": dragged})
    expect(page.get_by_text("Drop a picture to search with it")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "POST") as response:
        page.dispatch_event("thinlens-search", "drop", {"dataTransfer": dragged})
    assert response.value.json()["results"][0]["id"] == CAT
    expect(page.get_by_text("Drop a picture to search with it")).to_be_hidden()


def test_pasting_a_picture(page: Page, gallery: Gallery) -> None:
    expect(page.get_by_role("button", name="Search with a picture")).to_be_visible()
    pasted = transfer(page, gallery.photos / CAT)
    with page.expect_response(lambda response: response.request.method == "POST") as response:
        page.get_by_role("searchbox").evaluate(
            """(input, clipboardData) =>
              input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, composed: true }))""",
            pasted,
        )
    assert response.value.json()["results"][0]["id"] == CAT


def test_with_the_keyboard_alone(page: Page, changed: Path) -> None:
    page.get_by_role("searchbox").focus()
    expect(page.get_by_role("button", name="Search with a picture")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Search with a picture")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Search with a picture").press("Enter")
    chooser.value.set_files(changed)
    expect(page.get_by_role("group", name="Picture: my cat.jpg")).to_be_visible()
    page.get_by_role("searchbox").focus()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Remove the picture")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Picture: my cat.jpg")).to_be_hidden()


def test_a_file_that_is_no_picture(page: Page, gallery: Gallery) -> None:
    shown = page.get_by_role("listitem")
    expect(shown).to_have_count(11)
    choose(page, gallery.photos / "broken.jpg")

    expect(page.get_by_role("heading", name="That is not a picture")).to_be_visible()
    expect(page.get_by_text("“broken.jpg” can't be read as a picture here.", exact=True)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text(re.compile("^That is not a picture"))
    expect(shown).to_have_count(11)
    page.get_by_role("searchbox").fill(COFFEE_CAPTION)
    expect(page.get_by_role("heading", name="That is not a picture")).to_be_hidden()


def test_what_is_said_where_nothing_is_like_it(page: Page, changed: Path) -> None:
    expect(page.get_by_role("button", name="Search with a picture")).to_be_visible()
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer([])))
    choose(page, changed)
    expect(page.get_by_text("No other photo here is like it.", exact=True)).to_be_visible()

    page.unroute("**/v1/search?*")
    page.route("**/v1/search?*", lambda route: route.fulfill(json=answer([], perhaps=[result("a.jpg")])))
    choose(page, changed)
    expect(page.get_by_text("It is not sure that any of them is like it.", exact=True)).to_be_visible()


def test_nothing_is_offered_where_pictures_can_not_be_asked_with(page: Page, gallery: Gallery) -> None:
    blind = {"bundle": "0" * 16, "total": 0, "suggestions": [], "columns": [], "photos": []}
    page.route(
        "**/v1/photos?*", lambda route: route.fulfill(json={**blind, "image_queries": False, "image_side": None})
    )
    page.reload()
    expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("button", name="Search with a picture")).to_be_hidden()
    refused = page.evaluate(
        """(transfer) => {
          const event = new DragEvent("dragover", { dataTransfer: transfer, bubbles: true, cancelable: true });
          return document.querySelector("thinlens-search").dispatchEvent(event);
        }""",
        transfer(page, gallery.photos / CAT),
    )
    assert refused is True  # the browser does with the file what it always does


def test_a_page_that_opens_with_an_answer_offers_it_too(page: Page) -> None:
    page.goto(f"{page.url}?q={NOT_THERE.replace(' ', '+')}")
    expect(page.get_by_role("button", name="Search with a picture")).to_be_visible()


def test_it_is_accessible(page: Page, changed: Path) -> None:
    choose(page, changed)
    expect(page.get_by_role("group", name="Picture: my cat.jpg")).to_be_visible()
    expect(page.locator(".wall")).to_have_attribute("aria-busy", "false")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
