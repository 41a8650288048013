"""The browser's answers and the function's: the same photos in the same order, as relevant, for the same reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from handler.search.searcher import Searcher
from handler.search.selection import BY_DATE
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.web.app import App, create_app
from tests.functional.export.publishing.static.sites import publish_site, synthetic_photos, tiny_choices
from tests.functional.handler.artefacts import PHOTOS as PHOTOS_OF_THE_HANDLER
from tests.functional.handler.client import ask

PHOTOS = 2_000


QUERIES = (
    "dog", "a dog on a beach", "A DOG  on a Beach", "two children playing with a ball", "an elephant in the snow",
    "a red car in a busy street at night", "a small cat sleeps on a sofa", "my dog milo", "milo", "people outdoors",
    "quarterly revenue", "spreadsheet", "a dgo on a baech", "elefant", "girafe", "rome trip", "HolidayBeach1204",
    "cafe", "café", "zoes café", "旅行", "夕焼け", "本日", "strasse", "gesperrt", "hand soap", "stop", "exit 42",
    "no parking", "Sonnenuntergang", "paris", "sail boat", "IMG", "été", "🐕", "ℌ𝔢𝔩𝔩𝔬", "łódź", "a", "the",
    "and in on the", '"hand soap"', 'a sign that says "hand soap"', '"my dog milo" on a beach', "“no parking”",
    '"two children" in a park', '"nothing says this"', "a photo of a bird, near a lake!", "it's a dog's ball",
    "[MASK]", "dog [SEP] cat", "x" * 512, "bird " * 100, "jumping", "unbelievable catlike doggedness", "1204", "2023",
    "a horse horse horse",
)  # fmt: skip
CAPTIONED = 40
"""So many captions are asked for as they are: photos that have them come first, with a relevance of 1."""


def search(**parameters: Any) -> str:
    """The address of a search; what is several times in it is a list."""
    return f"v1/search?{urlencode({name.removesuffix('_'): value for name, value in parameters.items()}, doseq=True)}"


def addresses(photos: Mapping[str, str]) -> dict[str, list[str]]:
    """What is asked, by theme; `photos` are captions by ids."""
    ids = list(photos)
    captions = list(dict.fromkeys(photos.values()))[:CAPTIONED]
    return {
        "queries": [search(q=query, k=20) for query in QUERIES],
        "as the page asks": [search(q=query, k=48, dedupe="true") for query in QUERIES],
        "captions": [search(q=caption, k=5) for caption in captions],
        "modes": [search(q=query, mode=mode) for query in QUERIES for mode in ("words", "meaning")],
        "closest": [search(q=query, min_relevance=0, k=100) for query in QUERIES[:12]],
        "pages": [search(q="a dog", k=30, offset=offset, order="relevance") for offset in (0, 30, 60, 1_950, 5_000)],
        "several texts": [
            search(q=["a dog", "a beach"]),
            search(q=["a dog", "snow"], weight=[3, 0.5], k=30),
            search(q=["milo", "paris"], mode="words"),
            search(q="a dog", not_=["snow", "a beach"], k=30),
            search(q="a dog", not_="milo", mode="words"),
            search(q="a cat", not_="sofa", dedupe="true", k=50),
        ],
        "filters": [
            search(q="a dog", k=50, **each)
            for each in (
                {"folder": "2024"}, {"folder": ["2023/summer/", "work"]}, {"folder": "2024/Zoe\u0308's café"},
                {"taken_from": "2024"}, {"taken_to": "2023"}, {"taken_from": "2024-05-31", "taken_to": "2024-05"},
                {"orientation": "square"}, {"orientation": ["landscape", "portrait"]}, {"type": ["png", "heic"]},
                {"where": "rating:4"}, {"where": "rating:3.."}, {"where": ["rating:..1", "rating:5"]},
                {"where": "keywords:PARIS"}, {"where": ["keywords:sail boat", "rating:2..4"], "folder": "2023"},
                {"where": "keywords:nowhere"}, {"where": "rating:4e0"},
            )
        ],
        "by date": [
            *(search(q="a dog", k=50, order=order) for order in BY_DATE),
            search(q="a dog", k=100, offset=100, order="newest", dedupe="true"),
            search(q="a dgo on a baech", order="oldest", folder="2024", offset=5),
            search(q="milo", mode="words", order="newest", min_relevance=0.1),
            f"v1/similar?{urlencode({'id': next(iter(ids), ''), 'order': 'oldest'})}",
            *(f"v1/photos?k=100&order={order}&offset={offset}" for order in BY_DATE for offset in (0, 1_950)),
            "v1/photos?order=newest&taken_from=2024&taken_to=2024&k=5&offset=10",
        ],
        "facets": [
            f"v1/facets?{urlencode(each, doseq=True)}"
            for each in (
                {}, {"folder": "2023"}, {"folder": "2023/"}, {"folder": ["2023", "2024"]}, {"folder": "/"},
                {"where": "keywords:paris"}, {"taken_from": "2024-06", "type": "png"}, {"q": "a dog on a beach"},
                {"q": "milo", "mode": "words"}, {"q": "a dgo on a baech"}, {"q": "a dog", "folder": "2024"},
                {"q": ["a dog", "snow"], "not": "a beach", "min_relevance": 0.3}, {"q": "quarterly revenue"},
                {"q": "a dog", "dedupe": "true"}, {"q": "a dog", "folder": "2024", "dedupe": "true"},
                {"dedupe": "true"},
                {"mode": "words"}, {"min_relevance": 0.5}, {"not": "dog"}, {"k": 3}, {"q": "dog", "order": "newest"},
            )
        ],
        "similar": [
            f"v1/similar?{urlencode({'id': photo, 'k': 12, **more})}"
            for photo in ids[:: PHOTOS // 10]
            for more in ({}, {"dedupe": "true"}, {"folder": "2024", "min_relevance": 0.2})
        ],
        # Of more photos than are asked for, the function takes its sample by the segments in which they lie.
        "collection": ["v1/photos?k=100&folder=work&where=rating:5&type=png", "v1/photos?taken_from=2025"],
        "photos": [f"v1/photos/{quote(photo)}" for photo in ids[:: PHOTOS // 20]],
        "problems": [
            "v1/search", "v1/search?q=", "v1/search?q=%20", "v1/search?q=dog&k=1&k=2", "v1/similar", "v1/nothing",
            "v1/similar?id=nobody.jpg", "v1/photos/nobody.jpg", search(q="Dog", not_="dog"), search(q=["dog"] * 9),
            search(q="x" * 513), "v1/photos?order=relevance", "v1/photos?offset=1", "v1/photos?order=newest&q=dog",
            *(
                search(q="dog", **each)
                for each in (
                    {"k": 0}, {"k": 101}, {"k": "1.5"}, {"offset": -1}, {"mode": "magic"}, {"min_relevance": 2},
                    {"colour": "red"}, {"weight": [1, 2]}, {"weight": 0}, {"type": "exe"}, {"where": "colour:red"},
                    {"where": "rating"}, {"where": "rating:4..3"}, {"where": "rating:good"}, {"bundle": "0123"},
                    {"taken_from": "2024-02-30"}, {"taken_from": "1.1.2024"}, {"dedupe": "yes"},
                    {"order": "best"}, {"order": ["newest", "oldest"]},
                    {"taken_from": "2024", "taken_to": "2023"},
                )
            ),
        ],
    }  # fmt: skip


def comparable(body: Any) -> Any:
    """An answer without what is different each time, and a problem without what is said for people."""
    left_out = {"bundle", "took_ms", "title", "detail"} if "status" in body else {"bundle", "took_ms"}
    said = {name: value for name, value in body.items() if name not in left_out}
    if "photos" in said:
        said["photos"] = [comparable(photo) for photo in said["photos"]]
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the browser's modules answer at all addresses, and an app that answers as the function does."""

    app: App
    asked: Mapping[str, list[str]]
    found: Mapping[str, Any]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    site = publish_site(tmp_path_factory.mktemp("static"), synthetic_photos(PHOTOS))
    bundle = open_bundle(site.out / "bundle")
    records = bundle.photos.records(bundle.photos.present().tolist())
    asked = addresses({record.id: record.captions[0].text for record in records})
    together = [address for of_theme in asked.values() for address in of_theme]
    return Answers(
        app=create_app(lambda: Searcher(bundle), Settings.from_environment({})),
        asked=asked,
        found=dict(zip(together, site.answers(together), strict=True)),
    )


@pytest.mark.parametrize("theme", addresses({}))
def test_the_browser_answers_as_the_function_does(answers: Answers, theme: str) -> None:
    """Photos that are equally relevant to two decimals may change places: processors round a vector differently."""
    wrong = []
    for address in answers.asked[theme]:
        found, expected = answers.found[address], ask(answers.app, f"/{address}")
        bodies = comparable(found["body"]), comparable(expected.json())
        if theme != "by date":
            bodies = settled(bodies[0]), settled(bodies[1])
        if found["status"] != expected.status or bodies[0] != bodies[1]:
            wrong.append((address, difference(*bodies)))
    assert not wrong


def test_nearly_all_answers_are_the_same_in_their_order_too(answers: Answers) -> None:
    same = [
        comparable(found["body"]) == comparable(ask(answers.app, f"/{address}").json())
        for address, found in answers.found.items()
    ]
    assert sum(same) / len(same) > 0.95


def test_the_browser_reads_the_encoders_prompts(tmp_path: Path) -> None:
    choices = tiny_choices(tmp_path / "encoder", {"query": "snow snow ", "document": "a boat "})
    site = publish_site(tmp_path, PHOTOS_OF_THE_HANDLER, replace(choices, originals="none"))
    bundle = open_bundle(site.out / "bundle")
    app = create_app(lambda: Searcher(bundle), Settings.from_environment({}))
    asked = [
        *(search(q=query, min_relevance=0) for query in ("dog", "a red ball", "a dog runs in the park", "snow")),
        search(q="dog", not_="snow", min_relevance=0),
    ]
    for address, found in zip(asked, site.answers(asked), strict=True):
        bodies = settled(comparable(found["body"])), settled(comparable(ask(app, f"/{address}").json()))
        assert bodies[0] == bodies[1], difference(*bodies)


def settled(body: Any) -> Any:
    """An answer in which equally relevant photos stand by their ids; of those at a page's end there may be others."""
    if "results" not in body:
        return body
    page, more = body["results"], body["next_offset"] is not None
    last = page[-1]["relevance"] if page and more else None
    certain = [photo for photo in page if photo["relevance"] != last]
    return {
        **body,
        "results": sorted(certain, key=lambda photo: (-photo["relevance"], photo["id"])),
        "last": [photo["relevance"] for photo in page if photo["relevance"] == last],
        "perhaps": sorted(body["perhaps"], key=lambda photo: (-photo["relevance"], photo["id"])),
    }


def difference(found: Any, expected: Any) -> object:
    """The first thing that differs, so that a failure can be read."""
    for name in expected:
        if found.get(name) != expected[name]:
            if not isinstance(expected[name], list) or len(expected[name]) != len(found.get(name, [])):
                return name, found.get(name), expected[name]
            return next((name, pair) for pair in zip(found[name], expected[name], strict=True) if pair[0] != pair[1])
    return sorted(found.keys() - expected.keys())
