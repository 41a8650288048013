"""Who may correct over HTTP, and what is no correction: nothing is changed then."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from export.gallery.editor.correction_request import MAX_BYTES, MAX_PHOTOS
from export.gallery.serving import create_gallery
from tests.functional.export.gallery.editor.served import HOST, Served, unchanged


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": f"https://{HOST}"}, 403),
        ({"origin": "http://localhost:8000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
    ],
)
def test_another_site_corrects_nothing(served: Served, headers: dict[str, str], status: int) -> None:
    answer = served.post({"photos": ["blue.png"], "caption": "my dog"}, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["type"] == "urn:thinlens:problem:cross-origin"
        assert unchanged(served)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_what_a_form_can_send_corrects_nothing(served: Served, media_type: str) -> None:
    body = json.dumps({"photos": ["blue.png"], "caption": "my dog"})
    answer = asyncio.run(served.ask("POST", "/v1/corrections", content=body, headers={"content-type": media_type}))
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:thinlens:problem:unsupported-media-type")
    assert unchanged(served)


def test_a_name_of_others_that_leads_here_is_refused(served: Served) -> None:
    """DNS rebinding: to the browser it is the same origin."""
    headers = {"origin": "http://evil.example:8000", "sec-fetch-site": "same-origin"}
    answer = served.post({"photos": ["blue.png"], "caption": "my dog"}, host="evil.example:8000", headers=headers)
    assert answer.status_code == 400
    assert unchanged(served)
    assert served.get("/v1/hidden", host="evil.example:8000").status_code == 400


@pytest.mark.parametrize("origins", ["*", "http://evil.example"])
def test_no_setting_lets_other_sites_ask(served: Served, monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("THINLENS_CORS_ORIGINS", origins)
    served.app = create_gallery(served.out)
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for method, path in (("OPTIONS", "/v1/corrections"), ("GET", "/v1/hidden")):
        answer = asyncio.run(served.ask(method, path, headers=headers))
        assert "access-control-allow-origin" not in answer.headers
    assert asyncio.run(served.ask("OPTIONS", "/v1/corrections")).headers["allow"] == "POST"


WRONG: list[tuple[bytes, int, str]] = [
    (b"", 400, "no JSON"),
    (b"{", 400, "no JSON"),
    (b"\xff", 400, "no JSON"),
    (b"[" * 100_000, 400, "no JSON"),
    (b"9" * 5_000, 400, "no JSON"),
    (b"[]", 400, "expected an object of photos and one of caption, hidden"),
    (b'{"photos": ["blue.png"]}', 400, "expected an object of photos and one of caption, hidden"),
    (b'{"photos": ["blue.png"], "caption": "a", "hidden": true}', 400, "expected an object of photos"),
    (b'{"photos": [], "hidden": true}', 400, "expected 1 to 10,000 ids"),
    (b'{"photos": "blue.png", "hidden": true}', 400, "expected 1 to 10,000 ids"),
    (b'{"photos": [1], "hidden": true}', 400, "expected 1 to 10,000 ids"),
    (b'{"photos": ["\\ud800"], "hidden": true}', 400, "expected 1 to 10,000 ids"),
    (json.dumps({"photos": ["x"] * (MAX_PHOTOS + 1), "hidden": True}).encode(), 400, "10,001 values"),
    (b'{"photos": ["blue.png"], "hidden": 1}', 400, "hidden is 1"),
    (b'{"photos": ["blue.png"], "caption": null}', 400, "caption is None"),
    (b'{"photos": ["blue.png"], "caption": "\\ud800"}', 400, "caption is"),
    (b'{"photos": ["blue.png", "red.png"], "caption": "a"}', 400, "for 2 photos (expected a caption for one photo"),
    (b'{"photos": ["blue.png"], "caption": " \\u200b\\u0000 "}', 400, "0 characters (expected 1 to 512)"),
    (json.dumps({"photos": ["blue.png"], "caption": "a" * 10_000}).encode(), 400, "10000 characters"),
    (b'{"photos": ["blue.png"], "add_keyword": " "}', 400, "0 characters (expected 1 to 64)"),
    (b'{"photos": ["blue.png"], "rating": 5}', 400, "rating is 5"),
    (b'{"photos": ["blue.png", "gone.png"], "hidden": true}', 404, "no photo 'gone.png'"),
    (b'{"photos": ["blue"], "caption": "a"}', 404, "no photo 'blue'"),
    (b'{"photos": ["gone.png"], "add_keyword": "a"}', 404, "no photo 'gone.png'"),
    (b'{"photos": ["\\u0000"], "hidden": false}', 404, "no photo"),
    (b'{"photos": ["' + b"a" * MAX_BYTES + b'"], "hidden": true}', 413, "longer than"),
]


def test_what_is_no_correction_changes_nothing(served: Served) -> None:
    for body, status, detail in WRONG:
        headers = {"content-type": "application/json; charset=utf-8"}
        answer = asyncio.run(served.ask("POST", "/v1/corrections", content=body, headers=headers))
        assert answer.status_code == status, body[:80]
        assert answer.headers["content-type"] == "application/problem+json"
        assert detail in answer.json()["detail"], body[:80]
    for method in ("GET", "PUT", "DELETE"):
        assert asyncio.run(served.ask(method, "/v1/corrections")).status_code == 405
    assert asyncio.run(served.ask("POST", "/v1/hidden", json={})).status_code == 405
    assert unchanged(served)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::1"])
def test_who_is_reached_over_the_network_corrects_nothing(base: Path, host: str) -> None:
    served = Served(base, host=host)
    name = f"[{host}]" if ":" in host else host
    assert served.post({"photos": ["blue.png"], "caption": "my dog"}, host=name).status_code == 404
    assert served.get("/v1/hidden", host=name).status_code == 404
    assert "editor" not in served.get("/", host=name).text
    assert unchanged(served)
