"""The Python client against `thinlens serve`."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from urllib.error import URLError

import pytest

from export.pictures.decoding import decode_photo
from handler.client import Client, ProblemError
from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, Gallery
from tests.e2e.processes import free_port


@pytest.fixture
def asked(address: str) -> Client:
    return Client(f"{address}/")


def test_a_search_and_what_is_known_of_its_photo(asked: Client) -> None:
    answer = asked.search(COFFEE_CAPTION, k=1, dedupe=True, type=["png", "jpeg"])

    (result,) = answer["results"]
    assert (result["id"], result["relevance"], result["duplicates"]) == (COFFEE, 1.0, 0)
    photo = asked.photo(result["id"])
    assert (photo["type"], photo["captions"][0]["edited"], photo["captions"][0]["model"]) == ("png", True, None)


def test_all_results_page_by_page(asked: Client) -> None:
    total = asked.collection(k=1)["total"]
    found = [result["id"] for result in asked.all_results(["cat", "cup"], weight=[2, 1], k=4, min_relevance=0)]

    assert len(found) == len(set(found)) == total > 8
    without = [result["id"] for result in asked.all_results("cat", without=COFFEE_CAPTION, min_relevance=0)]
    assert set(found) - set(without) >= {COFFEE}
    assert COFFEE not in [result["id"] for result in asked.similar(COFFEE, min_relevance=0)["results"]]


def test_a_picture(asked: Client, gallery: Gallery) -> None:
    collection = asked.collection(k=1)
    assert collection["image_queries"]
    side = collection["image_side"] or 0
    pixels = decode_photo(gallery.photos / COFFEE, image_size=side).pixels.tobytes()

    alone = asked.search_by_picture(pixels, k=1)
    together = asked.search_by_picture(pixels, COFFEE_CAPTION, k=1, image_weight=2, without="cat")
    assert [answer["results"][0]["id"] for answer in (alone, together)] == [COFFEE, COFFEE]
    assert (alone["query"], together["query"]) == ("", COFFEE_CAPTION.lower())
    with pytest.raises(ProblemError, match="The picture has 3 bytes") as error:
        asked.search_by_picture(b"abc")
    assert (error.value.status, error.value.type) == (400, "urn:thinlens:problem:invalid-image")


def test_a_refusal(asked: Client) -> None:
    with pytest.raises(ProblemError, match="Unknown parameter 'kk'") as error:
        asked.search("cat", kk=3)
    refusal = error.value
    assert (refusal.status, refusal.type) == (400, "urn:thinlens:problem:unknown-parameter")
    assert refusal.parameter == "kk"
    with pytest.raises(ProblemError, match="No photo has the id"):
        asked.photo("nothing.jpg")


@pytest.fixture
def gateway() -> Iterator[str]:
    """A gateway that speaks of its own troubles, in its own format."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(502)
            self.end_headers()
            self.wfile.write(b"<h1>Bad Gateway</h1>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_somebody_else_answers_or_nobody(gateway: str) -> None:
    with pytest.raises(ProblemError, match="the server answered 502") as error:
        Client(gateway).search("cat")
    assert (error.value.status, error.value.type) == (502, "about:blank")
    with pytest.raises(URLError):
        Client(f"http://127.0.0.1:{free_port()}").search("cat")
