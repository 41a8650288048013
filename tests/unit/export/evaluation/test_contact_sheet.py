"""The contact sheet, read back as a browser's parser reads it."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

from export.evaluation.contact_sheet import MAX_PHOTOS, SheetPhoto, contact_sheet
from handler.search.answers import Result, SearchAnswer

THUMBNAIL = b"\xff\xd8\xff\xe0"


def photo(id_: str, caption: str, thumbnail: bytes = THUMBNAIL) -> SheetPhoto:
    return SheetPhoto(id=id_, caption=caption, thumbnail=thumbnail, width=640, height=427)


def result(id_: str, relevance: float) -> Result:
    return {
        "id": id_,
        "relevance": relevance,
        "caption": "",
        "caption_kind": "none",
        "matched": "",
        "matched_in": "meaning",
        "marks": [],
        "url": id_,
        "thumbnail_url": id_,
        "preview_url": None,
        "width": 640,
        "height": 427,
        "taken": None,
        "placeholder": None,
        "columns": {},
    }


def answer(query: str, *results: Result) -> SearchAnswer:
    return {
        "query": query,
        "bundle": "0123456789abcdef",
        "took_ms": 1.0,
        "no_relevant_results": not results,
        "next_offset": None,
        "results": list(results),
        "perhaps": [],
        "corrected": None,
    }


class Page(HTMLParser):
    """The texts of a page by the kind of element that they stand in, and the pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.pictures: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "img":
            self.pictures.append(dict(attrs))
        if tag not in {"img", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault("/".join(self.open[2:]), []).append(data.strip())


def test_each_photo_has_its_picture_caption_and_queries() -> None:
    page = Page(
        contact_sheet(
            [photo("dog.jpg", "a dog runs"), photo("pets/cat.jpg", "a cat sleeps")],
            [answer("a sleeping cat", result("pets/cat.jpg", 0.934)), answer("a submarine")],
        )
    )
    assert page.open == []
    # What a query found stands before what none found.
    assert page.texts["main/div/figure/figcaption/p"] == [
        "a cat sleeps",
        "pets/cat.jpg · 640 × 427",
        "a dog runs",
        "dog.jpg · 640 × 427",
    ]
    assert page.texts["main/div/figure/figcaption/ul/li/span"] == ["a sleeping cat", "0.93"]
    assert page.texts["main/div/section/h3"] == ["a sleeping cat", "a submarine"]
    assert page.texts["main/div/section/div/p"] == ["Nothing relevant was found."]
    assert [picture["alt"] for picture in page.pictures] == ["a cat sleeps", "a cat sleeps", "a dog runs"]
    data = "data:image/jpeg;base64," + base64.b64encode(THUMBNAIL).decode()
    assert {picture["src"] for picture in page.pictures} == {data}


def test_what_photos_and_queries_say_stays_text() -> None:
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>$style&amp;'
    page = Page(contact_sheet([photo(hostile, hostile)], [answer(hostile, result(hostile, 1.0))]))
    assert "script" not in page.tags
    assert all(set(picture) == {"src", "alt", "width", "height"} for picture in page.pictures)
    assert page.texts["main/div/section/h3"] == [hostile]
    assert page.texts["main/div/figure/figcaption/p"] == [hostile, f"{hostile} · 640 × 427"]


def test_the_page_asks_no_other_address_for_anything() -> None:
    text = contact_sheet([photo("a.jpg", "a")], [answer("a", result("a.jpg", 1.0))])
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import", text)


def test_a_photo_without_thumbnail_says_so() -> None:
    page = Page(contact_sheet([photo("a.jpg", "a dog", thumbnail=b"")], []))
    assert page.pictures == []
    assert page.texts["main/div/figure/span"] == ["no thumbnail"]


def test_a_large_gallery_is_cut_and_the_rest_counted() -> None:
    photos = [photo(f"{number:04}.jpg", f"photo {number}") for number in range(MAX_PHOTOS + 2)]
    last = photos[-1].id
    page = Page(contact_sheet(photos, [answer("the last", result(last, 0.8))]))
    captions = page.texts["main/div/figure/figcaption/p"][::2]
    assert captions == [f"photo {MAX_PHOTOS + 1}", *(f"photo {number}" for number in range(MAX_PHOTOS - 1))]
    assert page.texts["main/p"] == ["2 more photos of the bundle not shown."]


def test_what_is_perhaps_meant_is_told_from_what_was_found() -> None:
    unsure: SearchAnswer = {**answer("a cat"), "perhaps": [result("a.jpg", 0.3)]}
    page = Page(contact_sheet([photo("a.jpg", "a")], [unsure]))
    assert page.texts["main/div/section/div/p"] == ["Perhaps:"]
    assert page.texts["main/div/section/div/ol/li/span"] == ["0.30"]


def test_a_photo_of_which_nothing_is_said() -> None:
    text = contact_sheet([photo("a.jpg", "")], [])
    assert 'class="caption"' not in text.partition("<body>")[2]
    assert 'alt="a.jpg"' in text
