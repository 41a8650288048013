"""`thinlens serve` as a process of its own, asked over HTTP."""

from __future__ import annotations

import io
import re
from urllib.parse import quote

import httpx
from PIL import Image

from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, NOT_THERE, Gallery


def test_a_query_finds_the_photo_that_shows_it(client: httpx.Client, gallery: Gallery) -> None:
    response = client.get("/v1/search", params={"q": COFFEE_CAPTION, "k": 1})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    took_ms = answer.pop("took_ms")
    thumbnail_url = answer["results"][0].pop("thumbnail_url")
    placeholder = answer["results"][0]["placeholder"]
    assert re.fullmatch("[0-9a-f]{72}", placeholder)
    assert answer == {
        "query": COFFEE_CAPTION.lower(),
        "bundle": (gallery.out / "bundle").resolve().name,
        "no_relevant_results": False,
        "next_offset": None,
        "results": [
            {
                "id": COFFEE,
                "relevance": 1.0,
                "caption": COFFEE_CAPTION,
                "caption_kind": "caption",
                "matched": COFFEE_CAPTION,
                "matched_in": "caption",  # a person wrote it
                "marks": [list(word.span()) for word in re.finditer(r"\w+", COFFEE_CAPTION)],
                "url": "/photos/" + quote(COFFEE),
                "preview_url": thumbnail_url.replace("thumbnails", "previews").replace(".jpg", ".webp"),
                "width": 600,
                "height": 400,
                "taken": None,
                "placeholder": placeholder,
                "columns": {},
            }
        ],
        "perhaps": [],
        "corrected": None,
    }
    assert 0 < took_ms < 1000
    assert re.fullmatch(r"/thumbnails/[0-9a-f]{2}/[0-9a-f]{64}\.jpg", thumbnail_url)


def test_addresses_in_the_answer_lead_to_the_picture(client: httpx.Client, gallery: Gallery) -> None:
    answer = client.get("/v1/search", params={"q": COFFEE_CAPTION, "k": 1}).json()
    (result,) = answer["results"]
    photo = client.get(result["url"])
    assert (photo.status_code, photo.headers["content-type"]) == (200, "image/png")
    assert photo.content == (gallery.photos / result["id"]).read_bytes()
    thumbnail = client.get(result["thumbnail_url"])
    assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(thumbnail.content)) as image:
        assert max(image.size) == 320
    preview = client.get(result["preview_url"])
    assert (preview.status_code, preview.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(preview.content)) as image:
        assert image.size == (600, 400)


def test_what_is_not_there_is_said_to_be_so(client: httpx.Client) -> None:
    answer = client.get("/v1/search", params={"q": NOT_THERE}).json()
    assert (answer["no_relevant_results"], answer["results"]) == (True, [])


def test_a_known_answer_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/v1/search", params={"q": "a cat"})
    second = client.get("/v1/search", params={"q": "a cat"}, headers={"if-none-match": first.headers["etag"]})
    assert first.json()["bundle"] in first.headers["etag"]
    assert (second.status_code, second.content) == (304, b"")


def test_similar_and_photo(client: httpx.Client) -> None:
    similar = client.get("/v1/similar", params={"id": "chelsea.png", "min_relevance": 0})
    assert similar.status_code == 200
    assert "chelsea.png" not in [result["id"] for result in similar.json()["results"]]
    photo = client.get(f"/v1/photos/{quote(COFFEE)}")
    assert photo.status_code == 200
    assert (photo.json()["id"], photo.json()["size_bytes"]) == (COFFEE, 466_706)


def test_health_names_the_bundle(client: httpx.Client, gallery: Gallery) -> None:
    bundle = (gallery.out / "bundle").resolve().name
    assert client.get("/healthz").json() == {"status": "ok", "bundle": bundle, "photos": 11}


def test_errors_are_problem_documents(client: httpx.Client) -> None:
    for path, status, parameter in (
        ("/v1/search", 400, "q"),
        ("/v1/search?q=", 400, "q"),
        ("/v1/search?q=%00%07", 400, "q"),
        ("/v1/search?q=" + "x" * 513, 400, "q"),
        ("/v1/search?q=cat&k=0", 400, "k"),
        ("/v1/search?q=cat&k=-1", 400, "k"),
        ("/v1/search?q=cat&k=101", 400, "k"),
        ("/v1/search?q=cat&k=many", 400, "k"),
        ("/v1/search?q=cat&min_relevance=2", 400, "min_relevance"),
        ("/v1/similar?id=nobody.jpg", 404, None),
        ("/v1/photos/nobody.jpg", 404, None),
        ("/nowhere", 404, None),
    ):
        response = client.get(path)
        problem = response.json()
        assert (response.status_code, problem["status"], problem.get("parameter")) == (status, status, parameter), path
        assert response.headers["content-type"] == "application/problem+json"


def test_files_beside_the_photos_stay_private(client: httpx.Client) -> None:
    for path in (
        "/photos/../out/library.sqlite",
        "/photos/%2e%2e/out/library.sqlite",
        "/photos/..%2fout%2flibrary.sqlite",
        "/photos/broken.jpg",
        "/photos/",
        "/thumbnails/",
        "/thumbnails/../library.sqlite",
        "/thumbnails/%2e%2e/library.sqlite",
    ):
        response = client.get(path)
        assert response.status_code == 404, path


def test_queries_in_any_script_get_an_answer(client: httpx.Client) -> None:
    for query in ("猫", "un chat qui dort", "🐈", "ქართული", "\u202ecat", "a" * 512, "' OR 1=1 --", "<script>"):
        response = client.get("/v1/search", params={"q": query})
        understood = query.replace("\u202e", "").lower()  # without what turns the direction of writing
        assert (response.status_code, response.json()["query"]) == (200, understood), query
