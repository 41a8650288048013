"""Correcting over HTTP: by the page that was served on this machine alone, and found at once."""

from __future__ import annotations

import asyncio
import json
import threading

import httpx
import pytest

from export.library.library import Library
from handler.web.routes import LANGUAGES
from tests.functional.export.deaths import ROOT, Death, die
from tests.functional.export.galleries import records
from tests.functional.export.gallery.editor.served import PHOTOS, Served, unchanged


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
