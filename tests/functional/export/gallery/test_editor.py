"""Correcting over HTTP: by the page that was served on this machine alone, and found at once."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from export.gallery.editor.correction_request import MAX_BYTES, MAX_PHOTOS
from export.gallery.indexing import index_photos
from export.gallery.serving import create_gallery
from export.library.library import Library
from export.models.model_choice import ModelChoice
from handler.web.routes import LANGUAGES
from tests.functional.export.deaths import ROOT, Death, die
from tests.functional.export.galleries import fake_models, records, write_photo

PHOTOS = ["blue.png", "green.png", "red.png"]
HOST = "127.0.0.1:8000"


class Served:
    """An indexed folder, and what asks its app as the page does."""

    def __init__(self, base: Path, *, host: str = "127.0.0.1") -> None:
        self.base, self.out = base, base / "out"
        self.app: ASGIApp = create_gallery(self.out, host=host)

    def index(self) -> str:
        return index_photos(self.base / "photos", self.out, workers=1, models=fake_models(self.base / "models")).bundle

    async def ask(self, method: str, path: str, host: str = HOST, **request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **request)

    def get(self, path: str, **request: Any) -> httpx.Response:
        return asyncio.run(self.ask("GET", path, **request))

    def post(self, body: object, **request: Any) -> httpx.Response:
        return asyncio.run(self.ask("POST", "/v1/corrections", json=body, **request))

    def found(self, query: str) -> list[str]:
        return [result["id"] for result in self.get("/v1/search", params={"q": query, "k": 10}).json()["results"]]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, models and the output folder, to be copied."""
    base = tmp_path_factory.mktemp("indexed")
    for number, photo in enumerate(PHOTOS):
        write_photo(base / "photos" / photo, photo.removesuffix(".png"), seed=number)
    index_photos(base / "photos", base / "out", workers=1, models=fake_models(base / "models"))
    return base


@pytest.fixture
def base(indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = shutil.copytree(indexed, tmp_path / "base", symlinks=True)
    monkeypatch.setattr(ModelChoice, "open", lambda *_: fake_models(base / "models"))
    return base


@pytest.fixture
def served(base: Path) -> Served:
    return Served(base)


def unchanged(served: Served) -> bool:
    """Whether nothing that could be corrected was."""
    with Library.open(served.out) as library:
        hidden = library.photos.hidden()
    of_all = records(served.out)
    return not hidden and [*of_all] == PHOTOS and not any(r.captions[0].edited or r.columns for r in of_all.values())


def test_a_caption_is_found_at_once_and_outlives_the_next_run(served: Served) -> None:
    assert served.found("my dog") == []
    answer = served.post({"photos": ["blue.png"], "caption": " my\n dog "})
    bundle = (served.out / "bundle").resolve().name
    assert (answer.status_code, answer.json()) == (200, {"bundle": bundle, "changed": ["blue.png"]})
    assert answer.headers["cache-control"] == "no-store"
    assert served.found("my dog") == ["blue.png"]
    caption = served.get("/v1/photos/blue.png").json()["captions"][0]
    assert (caption["text"], caption["edited"]) == ("my dog", True)
    assert served.index() == bundle


def test_hidden_photos_are_in_no_answer_until_they_are_shown_again(served: Served) -> None:
    written = {path: path.read_bytes() for path in (served.base / "photos").iterdir()}
    answer = served.post({"photos": ["red.png", "green.png", "red.png"], "hidden": True})
    assert answer.json()["changed"] == ["red.png", "green.png"]
    assert served.post({"photos": ["green.png"], "hidden": True}).json()["changed"] == []
    assert [photo["id"] for photo in served.get("/v1/photos?k=9").json()["photos"]] == ["blue.png"]
    assert served.found("a photo of a red wall") == []
    for address in ("/v1/photos/red.png", "/photos/red.png", "/v1/similar?id=red.png"):
        assert served.get(address).status_code == 404
    hidden = served.get("/v1/hidden").json()
    assert (hidden["total"], {photo["id"] for photo in hidden["photos"]}) == (2, {"red.png", "green.png"})
    for photo in hidden["photos"]:
        assert served.get(photo["thumbnail_url"]).content[:3] == b"\xff\xd8\xff"
    served.index()
    assert [*records(served.out)] == ["blue.png"]
    assert served.post({"photos": ["red.png"], "hidden": False}).json()["changed"] == ["red.png"]
    assert served.found("a photo of a red wall") == ["red.png"]
    assert [photo["id"] for photo in served.get("/v1/hidden").json()["photos"]] == ["green.png"]
    assert {path: path.read_bytes() for path in (served.base / "photos").iterdir()} == written


def test_a_hidden_photo_stays_hidden_wherever_it_is_moved_and_whatever_is_written_into_it(served: Served) -> None:
    served.post({"photos": ["red.png"], "hidden": True})
    photos = served.base / "photos"
    (photos / "red.png").write_bytes((photos / "red.png").read_bytes() + b"a rating")
    served.index()
    (photos / "red.png").rename(photos / "moved.png")
    served.index()
    assert [*records(served.out)] == ["blue.png", "green.png"]
    assert [photo["id"] for photo in served.get("/v1/hidden").json()["photos"]] == ["moved.png"]


def test_one_photo_has_to_stay(served: Served) -> None:
    answer = served.post({"photos": PHOTOS, "hidden": True})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:thinlens:problem:nothing-left")
    assert "at least one has to stay" in answer.json()["detail"]
    assert unchanged(served)


def test_keywords_are_beside_those_of_the_owners_table_and_outlive_the_next_run(served: Served) -> None:
    table = served.base / "photos/columns.json"
    table.write_text('{"red.png": {"keywords": ["Wall", "old"], "place": "Rome"}, "blue.png": {"keywords": "sky"}}')
    written = table.read_bytes()
    served.index()

    def keywords() -> dict[str, object]:
        return {photo: record.columns.get("keywords") for photo, record in records(served.out).items()}

    assert served.post({"photos": PHOTOS, "add_keyword": " Dog "}).json()["changed"] == PHOTOS
    assert served.post({"photos": PHOTOS, "add_keyword": "wall"}).json()["changed"] == ["blue.png", "green.png"]
    assert served.post({"photos": PHOTOS, "remove_keyword": "OLD"}).json()["changed"] == ["red.png"]
    assert served.post({"photos": ["green.png"], "remove_keyword": "dog"}).json()["changed"] == ["green.png"]
    expected = {"blue.png": ("sky", "Dog", "wall"), "green.png": ("wall",), "red.png": ("Wall", "Dog")}
    assert keywords() == expected
    found = served.get("/v1/search", params={"q": "a photo", "where": "keywords:dog", "min_relevance": 0}).json()
    assert {result["id"] for result in found["results"]} == {"blue.png", "red.png"}
    served.index()
    assert keywords() == expected
    assert records(served.out)["red.png"].columns["place"] == "Rome"
    assert table.read_bytes() == written


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


def test_a_run_that_has_the_library_is_waited_for(served: Served) -> None:
    with Library.open(served.out):
        answer = served.post({"photos": ["blue.png"], "caption": "my dog"})
    assert (answer.status_code, answer.json()["type"]) == (423, "urn:thinlens:problem:library-in-use")
    assert "wait for its end and try again" in answer.json()["detail"]
    assert unchanged(served)


def test_of_corrections_at_once_none_is_lost(served: Served) -> None:
    answers: dict[str, httpx.Response] = {}

    def correct(photo: str) -> None:
        answers[photo] = served.post({"photos": [photo], "caption": f"my {photo}"})

    threads = [threading.Thread(target=correct, args=(photo,)) for photo in PHOTOS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {photo: answer.status_code for photo, answer in answers.items()} == dict.fromkeys(PHOTOS, 200)
    captions = {photo: record.captions[0].text for photo, record in records(served.out).items()}
    assert captions == {photo: f"my {photo}" for photo in PHOTOS}


_HIDE = """
from export.gallery.correction import correct, hidden
from tests.functional.export.galleries import fake_models
correct(["red.png"], hidden(True), base / "out", models=fake_models(base / "models"))
"""


@pytest.mark.parametrize(
    "death",
    [
        Death("export.library.photo_table", "PhotoTable.hide", "after"),
        Death("export.bundles.bundling", "point_to", "before"),
        Death("export.bundles.bundling", "point_to", "after"),
    ],
    ids=str,
)
def test_a_correction_that_is_killed_is_completed_by_the_next(served: Served, death: Death) -> None:
    die(death, _HIDE, served.base)
    assert served.get("/v1/search?q=a+photo").status_code == 200
    served.post({"photos": ["blue.png"], "caption": "my dog"})
    assert served.found("my dog") == ["blue.png"]
    assert [*records(served.out)] == ["blue.png", "green.png"]


def test_the_bundle_before_stays_where_none_can_be_written(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("export.bundles.bundling.point_to", full)
        answer = served.post({"photos": ["blue.png"], "caption": "my dog"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:thinlens:problem:no-bundle")
    assert served.found("a photo of a blue wall") == ["blue.png"]
    served.index()
    assert served.found("my dog") == ["blue.png"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::1"])
def test_who_is_reached_over_the_network_corrects_nothing(base: Path, host: str) -> None:
    served = Served(base, host=host)
    name = f"[{host}]" if ":" in host else host
    assert served.post({"photos": ["blue.png"], "caption": "my dog"}, host=name).status_code == 404
    assert served.get("/v1/hidden", host=name).status_code == 404
    assert "editor" not in served.get("/", host=name).text
    assert unchanged(served)


def test_the_page_has_the_editor_and_its_policy(served: Served) -> None:
    page = served.get("/", headers={"if-none-match": "*"})
    assert page.text.index("assets/editor/editor.js") < page.text.index("assets/page.js")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    head = asyncio.run(served.ask("HEAD", "/"))
    assert (head.content, head.headers["content-length"]) == (b"", str(len(page.content)))
    for asset, media_type in (
        ("editor.js", "text/javascript; charset=utf-8"),
        ("editor.css", "text/css; charset=utf-8"),
        ("texts.json", "application/json"),
    ):
        answer = served.get(f"/assets/editor/{asset}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


def test_every_language_has_every_text() -> None:
    texts = json.loads((ROOT / "export/gallery/editor/page/texts.json").read_text("utf-8"))
    assert texts.keys() == set(LANGUAGES)
    names = {name.removesuffix(".one").removesuffix(".other") for name in texts["en"]}
    for language, known in texts.items():
        assert {name.removesuffix(".one").removesuffix(".other") for name in known} == names, language
