"""POST /v1/search: a picture as the question, over HTTP and from events; and bodies that are none."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.web.app import App, create_app
from handler.web.bodies import Message
from handler.web.events import create_handler
from tests.e2e.events import function_url_event, http_api_event, load_balancer_event
from tests.functional.handler.artefacts import PHOTOS
from tests.functional.handler.client import Answer, ask
from tests.functional.handler.visions import PIXELS, SIDE, found_vision, picture_of, write_vision_folder

TYPE = {"Content-Type": "application/octet-stream"}
MESSAGE_LIMIT = 100


@pytest.fixture(scope="module")
def sighted(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    bundle = open_bundle(bundle_folder)
    shown = bundle.encoder.encode([photo.seen for photo in PHOTOS])
    return Searcher(bundle, vision=found_vision(write_vision_folder(tmp_path_factory.mktemp("seen") / "vision", shown)))


@pytest.fixture(scope="module")
def app(sighted: Searcher) -> App:
    return create_app(lambda: sighted, Settings(bundle="unused", cors_origins=("*",)), body_within_s=0.2)


def messages(body: bytes, *, size: int = 1 << 20) -> Iterator[Message]:
    """A body in parts."""
    parts = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    for number, part in enumerate(parts, start=1):
        yield {"type": "http.request", "body": part, "more_body": number < len(parts)}


def post(
    app: App, body: bytes, query: str = "", headers: dict[str, str] | None = None, *, size: int = 1 << 20
) -> Answer:
    given = {name.lower(): value for name, value in (TYPE if headers is None else headers).items()}
    return ask(app, f"/v1/search?{query}", method="POST", headers=given, body=messages(body, size=size))


def kind(answer: Answer) -> tuple[int, str]:
    """Status and type of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.status, answer.json()["type"].removeprefix("urn:thinlens:problem:")


@pytest.mark.parametrize("size", [1 << 20, 7])
def test_a_picture(app: App, size: int) -> None:
    answer = post(app, picture_of(1), size=size)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    body = answer.json()
    assert (body["query"], body["results"][0]["id"], body["results"][0]["matched"]) == ("", "animals/dog.jpg", "visual")


def test_a_picture_with_all_that_may_be_asked(app: App) -> None:
    query = (
        "q=a+dog&weight=100&image_weight=0.5&not=snow&k=1&offset=0&min_relevance=0&dedupe=true&folder=animals&type=jpeg"
    )
    answer = post(app, picture_of(0), query, {"Content-Type": "Application/Octet-Stream; charset=binary"})

    assert [result["id"] for result in answer.json()["results"]] == ["animals/dog.jpg"]
    assert (answer.json()["query"], answer.json()["next_offset"]) == ("a dog", 1)


def test_a_picture_is_asked_of_one_bundle(app: App, sighted: Searcher) -> None:
    assert post(app, picture_of(0), f"bundle={sighted.bundle.id}").status == 200
    assert kind(post(app, picture_of(0), "bundle=0123456789abcdef")) == (409, "bundle-changed")


@pytest.mark.parametrize(
    ("query", "parameter", "problem"),
    [
        ("image_weight=0", "image_weight", "invalid-parameter"),
        ("image_weight=heavy", "image_weight", "invalid-parameter"),
        ("image_weight=1&image_weight=2", "image_weight", "repeated-parameter"),
        ("weight=1", "weight", "contradictory-parameters"),
        ("q=", "q", "invalid-parameter"),
        ("k=0", "k", "invalid-parameter"),
        ("image=1", "image", "unknown-parameter"),
    ],
)
def test_parameters_that_can_not_be(app: App, query: str, parameter: str, problem: str) -> None:
    answer = post(app, picture_of(0), query)

    assert kind(answer) == (400, problem)
    assert answer.json()["parameter"] == parameter


def test_the_weight_of_a_picture_is_no_parameter_of_a_get(app: App) -> None:
    assert kind(ask(app, "/v1/search?q=dog&image_weight=1")) == (400, "unknown-parameter")


@pytest.mark.parametrize("size", [0, 1, PIXELS - 1])
def test_too_few_bytes(app: App, size: int) -> None:
    answer = post(app, bytes(size))

    assert kind(answer) == (400, "invalid-image")
    assert f"{size} bytes (expected {PIXELS}: {SIDE} x {SIDE} pixels" in answer.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "1000000000000"}, {"Content-Length": "junk"}])
def test_too_many_bytes(app: App, headers: dict[str, str]) -> None:
    assert kind(post(app, bytes(PIXELS + 1), headers={**TYPE, **headers})) == (413, "image-too-large")


def test_a_body_that_says_that_it_is_too_long_is_not_read(app: App) -> None:
    headers = {"content-type": "application/octet-stream", "content-length": str(PIXELS + 1)}
    assert kind(ask(app, "/v1/search", method="POST", headers=headers)) == (413, "image-too-large")


def test_a_body_without_an_end_is_read_no_further_than_a_picture_goes(app: App) -> None:
    read = 0

    def endless() -> Iterator[Message]:
        nonlocal read
        while read < MESSAGE_LIMIT:
            read += 1
            yield {"type": "http.request", "body": bytes(10), "more_body": True}

    answer = ask(app, "/v1/search", method="POST", headers={"content-type": "application/octet-stream"}, body=endless())
    assert kind(answer) == (413, "image-too-large")
    assert read == PIXELS // 10 + 1


def test_a_body_that_does_not_come(app: App) -> None:
    started: list[Message] = [{"type": "http.request", "body": bytes(10), "more_body": True}]
    headers = {"content-type": "application/octet-stream"}
    answer = ask(app, "/v1/search", method="POST", headers=headers, body=started)

    assert kind(answer) == (408, "request-timeout")
    assert answer.json()["detail"] == "The body did not end within 0.2 seconds"


def test_a_client_that_goes_away(app: App) -> None:
    gone: list[Message] = [{"type": "http.request", "body": bytes(10), "more_body": True}, {"type": "http.disconnect"}]
    headers = {"content-type": "application/octet-stream"}
    assert kind(ask(app, "/v1/search", method="POST", headers=headers, body=gone)) == (400, "invalid-image")


@pytest.mark.parametrize("given", ["image/jpeg", "multipart/form-data; boundary=x", "application/json", "", None])
def test_another_type(app: App, given: str | None) -> None:
    answer = post(app, picture_of(0), headers={} if given is None else {"Content-Type": given})

    assert kind(answer) == (415, "unsupported-media-type")
    assert "expected application/octet-stream" in answer.json()["detail"]


def test_without_a_vision(searcher: Searcher) -> None:
    blind = create_app(lambda: searcher, Settings(bundle="unused"))
    answer = ask(blind, "/v1/search", method="POST", headers={"content-type": "application/octet-stream"})

    assert kind(answer) == (405, "no-image-queries")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["detail"] == "Nothing here can look at a picture: this was deployed without image queries"


def test_with_the_vision_of_another_captioner(bundle_folder: Path, tmp_path: Path) -> None:
    folder = write_vision_folder(tmp_path / "vision", np.eye(64, dtype=np.float32), captioners=["ab" * 32])
    other = Searcher(open_bundle(bundle_folder), vision=found_vision(folder))
    answer = post(create_app(lambda: other, Settings(bundle="unused")), picture_of(0))

    assert kind(answer) == (405, "no-image-queries")
    assert "were seen by" in answer.json()["detail"]
    assert ask(create_app(lambda: other, Settings(bundle="unused")), "/v1/photos").json()["image_queries"] is False


def test_whether_pictures_may_be_asked_with_is_in_the_etag(app: App, searcher: Searcher) -> None:
    blind = create_app(lambda: searcher, Settings(bundle="unused"))
    seeing, unseeing = ask(app, "/v1/photos"), ask(blind, "/v1/photos")

    assert (seeing.json()["image_queries"], seeing.json()["image_side"]) == (True, SIDE)
    assert (unseeing.json()["image_queries"], unseeing.json()["image_side"]) == (False, None)
    assert seeing.headers["etag"] != unseeing.headers["etag"]


def test_pages_of_other_origins_may_read_the_answer(app: App) -> None:
    answer = post(app, picture_of(0), headers={**TYPE, "Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_nothing_of_it_is_logged(sighted: Searcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked = picture_of(1)
    post(create_app(lambda: sighted, Settings(bundle="unused", log_queries=True)), asked, "q=dog")

    (record,) = [record for record in caplog.records if record.name.startswith("handler")]
    line = json.loads(record.message)
    assert line.keys() == {"method", "route", "status", "bytes", "took_ms", "query_string"}
    assert (line["method"], line["route"], line["query_string"]) == ("POST", "/v1/search", "q=dog")


@pytest.mark.parametrize("make", [http_api_event, function_url_event, load_balancer_event])
def test_events_bring_it_in_base64(sighted: Searcher, make: Callable[..., dict[str, Any]]) -> None:
    handler = create_handler(create_app(lambda: sighted, Settings(bundle="unused")))
    event = make("/v1/search", "k=1", method="POST", headers={"content-type": "application/octet-stream"})
    body = base64.b64encode(picture_of(1)).decode()

    answer = handler({**event, "body": body, "isBase64Encoded": True}, None)
    assert (answer["statusCode"], answer["headers"]["cache-control"]) == (200, "no-store")
    assert json.loads(answer["body"])["results"][0]["id"] == "animals/dog.jpg"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ({"body": None, "isBase64Encoded": False}, 400),
        ({"body": 7, "isBase64Encoded": True}, 400),
        ({"body": "%%%", "isBase64Encoded": True}, 400),
        ({"body": "ä\ud83d", "isBase64Encoded": False}, 400),
        ({"body": base64.b64encode(bytes(PIXELS + 1)).decode(), "isBase64Encoded": True}, 413),
        ({"body": "a" * (PIXELS + 1), "isBase64Encoded": False}, 413),
        ({"body": base64.b64encode(bytes(PIXELS)).decode(), "is_base64_encoded": True}, 200),  # VPC Lattice
    ],
)
def test_events_that_bring_something_else(sighted: Searcher, sent: dict[str, Any], status: int) -> None:
    handler = create_handler(create_app(lambda: sighted, Settings(bundle="unused")))
    event = function_url_event("/v1/search", method="POST", headers={"content-type": "application/octet-stream"})
    event.pop("isBase64Encoded")

    assert handler({**event, **sent}, None)["statusCode"] == status


def test_it_needs_no_event_loop_where_the_body_is_there(sighted: Searcher) -> None:
    """As in Lambda: whoever drives the coroutine finds it done at once."""
    app = create_app(lambda: sighted, Settings(bundle="unused"))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": picture_of(0), "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/search", "query_string": b"",
        "headers": [(b"content-type", b"application/octet-stream")],
    }  # fmt: skip
    coroutine = app(scope, receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert sent[0]["status"] == 200
    assert asyncio.iscoroutine(coroutine)
