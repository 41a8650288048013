"""Which photos are answered: filters, pages, several texts and near-duplicates, against a naive reference.

The reference ranks all photos by arithmetic on the bundle's files, filters what it knows of the photos in Python, and
cuts the page out of the whole list; so the tests tell a result too few from one too many.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.index.vector_index import QuantisedVectors, quantise, scale_of
from handler.errors import QueryError
from handler.search.answers import Result
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.ranking import IDENTITY_DEPTH
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.web.app import create_app
from tests.functional.handler.artefacts import WORDS, BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.client import Answer, ask

COUNT = 400
assert COUNT > 2 * IDENTITY_DEPTH
FOLDERS = ("a", "a/b", "a b", "a0", "é", "")
NOUNS = WORDS[8:]


def make_photos() -> list[TinyPhoto]:
    """Photos of all kinds; every eighth is a copy of another one, with the same caption and almost the same view."""
    chooser = random.Random(7)
    photos: list[TinyPhoto] = []
    for number in range(COUNT):
        folder = chooser.choice(FOLDERS)
        columns: dict[str, Any] = {}
        if chooser.random() < 0.8:
            columns["stars"] = float(chooser.randrange(-2, 6)) / 2
        if chooser.random() < 0.8:
            columns["place"] = chooser.choice(["Paris", "Île-de-France", "paris  texas", ("Paris", "Rome")])
        photo = TinyPhoto(
            id=f"{folder}/{number:03}.jpg".removeprefix("/"),
            caption=" ".join(chooser.choices(NOUNS, k=3)),
            seen=" ".join(chooser.choices(NOUNS, k=2)),
            type=chooser.choice(["jpeg", "png", "heic"]),
            width=chooser.choice([30, 40]),
            height=chooser.choice([30, 40]),
            taken=chooser.choice([None, f"20{chooser.randrange(19, 25)}-0{chooser.randrange(1, 10)}-15T23:00:00"]),
            columns=columns,
        )
        if number % 8 == 7:
            photo = replace(photo, caption=photos[number - 3].caption, copy_of=photos[number - 3].id)
        photos.append(photo)
    return photos


PHOTOS = sorted(make_photos(), key=lambda photo: photo.id)
BY_ID = {photo.id: photo for photo in PHOTOS}
CHOICES = BundleChoices(slope=0.5, intercept=-2.0, threshold=0.6)


@pytest.fixture(scope="module", params=[1, 3], ids=["one segment", "three segments"])
def searcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Of all photos in one segment, and in three, the first of which holds one more that is gone."""
    choices = replace(CHOICES, segments=request.param)
    return Searcher(open_bundle(write_bundle(tmp_path_factory.mktemp("segments") / "bundle", PHOTOS, choices)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    id: str
    relevance: float


def reference(searcher: Searcher, query: Query, wanted: Callable[[TinyPhoto], bool]) -> list[Expected]:
    """Every photo that is wanted, in the order in which photos answer."""
    bundle = searcher.bundle
    vectors = bundle.encoder.encode(query.texts)
    scores = fused_scores(bundle, np.array(query.shares, np.float32) @ vectors)
    captions = QuantisedVectors.of(bundle.encoder.encode([photo.caption for photo in PHOTOS])).floats()
    ranked = []
    for number, photo in enumerate(PHOTOS):
        closest = min(float((captions[number] * vector).sum()) for vector in vectors)
        ranked.append((-float(scores[number]), number, photo, closest))
    ranked = sorted(entry for entry in ranked if wanted(entry[2]))
    answers = []
    for place, (negative, number, photo, closest) in enumerate(ranked):
        curve = 1 / (1 + np.exp(-(CHOICES.slope * -negative + CHOICES.intercept)))
        identity = min(max((closest - 0.95) / 0.045, 0.0), 1.0) if place < IDENTITY_DEPTH else 0.0
        answers.append((-max(curve, identity), negative, number, photo.id))
    head = sorted(answers[:IDENTITY_DEPTH])
    return [Expected(id=entry[3], relevance=-entry[0]) for entry in head + answers[IDENTITY_DEPTH:]]


def fused_scores(bundle: Bundle, direction: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inner products with the fused vectors, which are made anew as the writer of a bundle makes them."""
    captions = bundle.encoder.encode([photo.caption for photo in PHOTOS])
    seen = bundle.encoder.encode([photo.seen for photo in PHOTOS])
    fused = np.float32(CHOICES.weights[0]) * captions + np.float32(CHOICES.weights[1]) * seen
    stored, scale = QuantisedVectors.of(fused), scale_of(direction)
    products = stored.rows.astype(int) @ quantise(direction, scale).astype(int)
    return np.asarray(products * (np.float32(scale) * stored.scales), dtype=np.float32)


def everything(photo: TinyPhoto) -> bool:
    return True


def ids(results: Sequence[Result]) -> list[str]:
    return [result["id"] for result in results]


def all_pages(searcher: Searcher, query: str | Query, k: int, selection: Selection) -> list[Result]:
    """All results, page by page."""
    results: list[Result] = []
    offset: int | None = 0
    while offset is not None:
        answer = searcher.search(query, selection=replace(selection, k=k, offset=offset))
        assert answer["next_offset"] in (None, offset + k)
        assert len(answer["results"]) == k or answer["next_offset"] is None
        results += answer["results"]
        offset = answer["next_offset"]
    return results


def test_all_photos_come_in_the_order_of_the_reference(searcher: Searcher) -> None:
    query = Query(texts=("dog park", "snow"), weights=(3, 1))
    found = all_pages(searcher, query, 100, Selection(min_relevance=0.0))
    expected = reference(searcher, query, everything)

    assert ids(found) == [photo.id for photo in expected]
    assert [result["relevance"] for result in found] == pytest.approx([e.relevance for e in expected], abs=0.0051)


@pytest.mark.parametrize("k", [1, 7, 64, 99])
def test_pages_fit_together_whatever_their_size(searcher: Searcher, k: int) -> None:
    for dedupe in (False, True):
        selection = Selection(min_relevance=0.0, dedupe=dedupe)
        found = ids(all_pages(searcher, "a red boat", k, selection))
        assert found == ids(all_pages(searcher, "a red boat", 100, selection))
        assert len(set(found)) == len(found)
        assert dedupe or len(found) == COUNT


def test_beyond_the_last_page_there_is_nothing_but_something_is_relevant(searcher: Searcher) -> None:
    answer = searcher.search("dog", selection=Selection(offset=100_000_000, min_relevance=0.0))
    assert (answer["results"], answer["next_offset"], answer["no_relevant_results"]) == ([], None, False)


RANGES = "(expected a number, or a range such as 3..5, 3.. or ..5)"
CONDITIONS: dict[str, tuple[Filters, Callable[[TinyPhoto], bool]]] = {
    "folder": (Filters(folders=("a",)), lambda p: p.id.startswith("a/")),
    "folder with a slash": (Filters(folders=("a/b/",)), lambda p: p.id.startswith("a/b/")),
    "two folders": (Filters(folders=("a b", "é")), lambda p: p.id.startswith(("a b/", "é/"))),
    "no such folder": (Filters(folders=("a/bb",)), lambda p: False),
    "year": (
        Filters(taken_from="2021", taken_to="2021"),
        lambda p: (p.taken or "").startswith("2021"),
    ),
    "month on": (Filters(taken_from="2021-05"), lambda p: (p.taken or "") >= "2021-05"),
    "up to a day": (Filters(taken_to="2021-05-15"), lambda p: "" < (p.taken or "") < "2021-05-16"),
    "orientation": (Filters(orientations=("portrait",)), lambda p: p.height > p.width),
    "two orientations": (Filters(orientations=("square", "landscape")), lambda p: p.height <= p.width),
    "type": (Filters(types=("png", "heic")), lambda p: p.type != "jpeg"),
    "text column": (
        Filters(where=("place:PARIS",)),
        lambda p: p.columns.get("place") in ("Paris", ("Paris", "Rome")),
    ),
    "two texts": (
        Filters(where=("place:rome", "place:Paris Texas")),
        lambda p: p.columns.get("place") in (("Paris", "Rome"), "paris  texas"),
    ),
    "number": (Filters(where=("stars:1.5",)), lambda p: p.columns.get("stars") == 1.5),
    "range": (Filters(where=("stars:-1..0",)), lambda p: -1 <= number_of(p) <= 0),
    "open range": (Filters(where=("stars:2..",)), lambda p: number_of(p) >= 2),
    "two ranges": (Filters(where=("stars:..-1", "stars:2..")), lambda p: abs(number_of(p) - 0.5) >= 1.5),
}


def number_of(photo: TinyPhoto) -> float:
    stars = photo.columns.get("stars", float("nan"))
    assert isinstance(stars, float)
    return stars


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_filter_leaves_exactly_what_it_says(searcher: Searcher, name: str) -> None:
    filters, wanted = CONDITIONS[name]
    expected = {photo.id for photo in PHOTOS if wanted(photo)}
    found = all_pages(searcher, "a black cat", 100, Selection(min_relevance=0.0, filters=filters))

    assert set(ids(found)) == expected
    assert len(found) == len(expected)
    collection = searcher.collection(100, filters)
    assert collection["total"] == len(expected)
    shown = [photo["id"] for photo in collection["photos"]]
    assert set(shown) <= expected
    assert shown == sorted(shown)
    assert len(collection["photos"]) == min(100, len(expected))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sets(st.sampled_from(["folder", "month on", "orientation", "type", "text column", "range"]), max_size=3),
    texts=st.lists(st.sampled_from(NOUNS), min_size=1, max_size=3, unique=True),
    k=st.integers(1, 100),
    offset=st.integers(0, 150),
    dedupe=st.booleans(),
    min_relevance=st.sampled_from([None, 0.0, 0.3, 0.9]),
)
def test_never_fewer_than_there_are(
    searcher: Searcher,
    names: set[str],
    texts: list[str],
    k: int,
    offset: int,
    dedupe: bool,
    min_relevance: float | None,
) -> None:
    filters = Filters()
    for name in names:
        more = CONDITIONS[name][0]
        filters = replace(
            filters,
            folders=filters.folders + more.folders,
            taken_from=filters.taken_from or more.taken_from,
            orientations=filters.orientations + more.orientations,
            types=filters.types + more.types,
            where=filters.where + more.where,
        )

    def wanted(photo: TinyPhoto) -> bool:
        return all(CONDITIONS[name][1](photo) for name in names)

    query = Query(texts=tuple(texts))
    threshold = CHOICES.threshold if min_relevance is None else min_relevance
    relevant = [photo for photo in reference(searcher, query, wanted) if photo.relevance >= threshold]
    expected: list[Expected] = []
    groups: set[str] = set()
    for photo in relevant:
        group = BY_ID[photo.id].copy_of or photo.id
        if not (dedupe and group in groups):
            expected.append(photo)
        groups.add(group)
    selection = Selection(k=k, offset=offset, dedupe=dedupe, min_relevance=min_relevance, filters=filters)
    answer = searcher.search(query, selection=selection)

    assert ids(answer["results"]) == [photo.id for photo in expected[offset : offset + k]]
    assert answer["next_offset"] == (offset + k if len(expected) > offset + k else None)
    assert answer["no_relevant_results"] is (not expected)
    for result in answer["results"]:
        assert ("duplicates" in result) is dedupe
        if dedupe:
            group = BY_ID[result["id"]].copy_of or result["id"]
            copies = [photo for photo in PHOTOS if wanted(photo) and (photo.copy_of or photo.id) == group]
            assert result["duplicates"] == len(copies) - 1


def test_weights_shift_between_the_texts(searcher: Searcher) -> None:
    def first(texts: tuple[str, ...], weights: tuple[float, ...] = ()) -> list[str]:
        query = Query(texts=texts, weights=weights)
        return ids(searcher.search(query, selection=Selection(k=20, min_relevance=0.0))["results"])

    assert first(("dog", "snow"), (2, 2)) == first(("dog", "snow")) == first(("snow", "dog"))
    assert first(("dog", "snow"), (100, 0.001))[:5] == first(("dog",))[:5]
    assert first(("dog", "dog")) == first(("dog",))
    answer = searcher.search(Query(texts=("a  DOG", "Snow")))
    assert answer["query"] == "a dog + snow"


def test_a_text_that_says_nothing_finds_nothing_with_others(searcher: Searcher) -> None:
    assert searcher.search(Query(texts=("dog", "🎉")), min_relevance=0.0)["no_relevant_results"] is True


def test_photos_like_one_without_its_own_copies(searcher: Searcher) -> None:
    copied = next(photo.copy_of for photo in PHOTOS if photo.copy_of)
    assert copied is not None
    pages: dict[bool, list[str]] = {False: [], True: []}
    for dedupe, found in pages.items():
        for offset in range(0, COUNT, 100):
            selection = Selection(k=100, offset=offset, min_relevance=0.0, dedupe=dedupe)
            found += ids(searcher.similar(copied, selection=selection)["results"])

    assert sorted(pages[False]) == [photo.id for photo in PHOTOS if photo.id != copied]
    groups = [BY_ID[photo_id].copy_of or photo_id for photo_id in pages[True]]
    assert sorted(groups) == [photo.id for photo in PHOTOS if photo.copy_of is None and photo.id != copied]
    filters = Filters(folders=("a",))
    inside = searcher.similar(copied, selection=Selection(k=100, min_relevance=0.0, filters=filters))
    assert {photo_id.split("/")[0] for photo_id in ids(inside["results"])} == {"a"}


@pytest.mark.parametrize(
    ("filters", "parameter", "message"),
    [
        (Filters(folders=("",)), "folder", "folder has 0 characters (expected 1 to 1024)"),
        (Filters(folders=("x" * 1025,)), "folder", "folder has 1025 characters (expected 1 to 1024)"),
        (Filters(types=("png",) * 33), "type", "type is given 33 times (expected at most 32)"),
        (
            Filters(types=("jpg",)),
            "type",
            "type is 'jpg' (expected avif, bmp, gif, heic, jp2, jpeg, jxl, png, raw, tiff, webp)",
        ),
        (
            Filters(orientations=("up",)),
            "orientation",
            "orientation is 'up' (expected landscape, portrait, square)",
        ),
        (
            Filters(taken_from="May"),
            "taken_from",
            "taken_from is 'May' (expected a date: 2024, 2024-05 or 2024-05-06)",
        ),
        (
            Filters(taken_to="2023-02-29"),
            "taken_to",
            "taken_to is '2023-02-29' (expected a date: 2024, 2024-05 or 2024-05-06)",
        ),
        (Filters(taken_to="0000"), "taken_to", "taken_to is '0000' (expected a date: 2024, 2024-05 or 2024-05-06)"),
        (
            Filters(taken_from="2024-05", taken_to="2024-04"),
            "taken_from",
            "taken_from is 2024-05, which is after taken_to, 2024-04",
        ),
        (Filters(where=("place",)), "where", "where is 'place' (expected COLUMN:VALUE)"),
        (Filters(where=("plaice:Paris",)), "where", "Unknown column 'plaice' (expected place, stars)"),
        (
            Filters(where=("stars:many",)),
            "where",
            f"stars is 'many' {RANGES}",
        ),
        (
            Filters(where=("stars:..",)),
            "where",
            f"stars is '..' {RANGES}",
        ),
        (
            Filters(where=("stars:1 2",)),
            "where",
            f"stars is '1 2' {RANGES}",
        ),
        (Filters(where=("stars:12",)), "where", ""),
        (Filters(where=("stars:5..3",)), "where", "stars is '5..3', a range that ends before it begins"),
    ],
)
def test_filters_that_make_no_sense(searcher: Searcher, filters: Filters, parameter: str, message: str) -> None:
    if not message:
        assert searcher.collection(1, filters)["total"] == 0
        return
    with pytest.raises(QueryError) as error:
        searcher.search("dog", selection=Selection(filters=filters))
    assert (error.value.parameter, str(error.value)) == (parameter, message)


@pytest.mark.parametrize(
    ("query_string", "kind", "parameter", "detail"),
    [
        (
            "q=a&q=b&weight=1",
            "contradictory-parameters",
            "weight",
            "weight is given 1 times (expected 2, once for each q)",
        ),
        ("q=dog&not=cat&not=%20DOG", "contradictory-parameters", "not", "Both q and not say ' DOG'"),
        ("q=a&taken_from=2024&taken_to=2023", "contradictory-parameters", "taken_from", ""),
        ("q=a&where=stars:2..1", "contradictory-parameters", "where", ""),
        ("q=a&where=colour:red", "unknown-column", "where", "Unknown column 'colour' (expected place, stars)"),
        ("q=a&weight=0", "invalid-parameter", "weight", ""),
        ("q=a&weight=-1", "invalid-parameter", "weight", ""),
        ("q=a&weight=101", "invalid-parameter", "weight", ""),
        ("q=a&weight=x", "invalid-parameter", "weight", "weight is 'x' (expected a number)"),
        ("&".join(["q=a"] * 9), "invalid-parameter", "q", "q is given 9 times (expected at most 8)"),
        ("q=a&not=", "invalid-parameter", "not", ""),
        ("q=a&offset=-1", "invalid-parameter", "offset", "offset is -1 (expected 0 to 100000000)"),
        ("q=a&offset=100000001", "invalid-parameter", "offset", "offset is 100000001 (expected 0 to 100000000)"),
        ("q=a&dedupe=1", "invalid-parameter", "dedupe", "dedupe is '1' (expected true or false)"),
        ("q=a&dedupe=true&dedupe=true", "repeated-parameter", "dedupe", "dedupe is given more than once"),
        ("q=a&folder=", "invalid-parameter", "folder", ""),
        ("q=a&type=JPEG", "invalid-parameter", "type", ""),
        ("weight=1", "missing-parameter", "q", "q is missing"),
    ],
)
def test_questions_that_make_no_sense(
    searcher: Searcher, query_string: str, kind: str, parameter: str, detail: str
) -> None:
    answer = get(searcher, f"/v1/search?{query_string}")

    assert (answer.status, answer.json()["type"]) == (400, f"urn:thinlens:problem:{kind}")
    assert answer.json()["parameter"] == parameter
    assert answer.json()["detail"] == detail or (not detail and answer.json()["detail"])


def get(searcher: Searcher, target: str) -> Answer:
    return ask(create_app(lambda: searcher, Settings(bundle="unused")), target)


def test_everything_at_once_over_http(searcher: Searcher) -> None:
    target = (
        "/v1/search?q=Dog&q=park&weight=2&weight=1&not=snow&k=3&offset=1&min_relevance=0&dedupe=true&folder=a&folder=%C3%A9"
        "&taken_from=2019&taken_to=2024-12&orientation=landscape&orientation=square&type=jpeg&type=png&where=place:paris"
        f"&bundle={searcher.bundle.id}"
    )
    expected = searcher.search(
        Query(texts=("dog", "park"), weights=(2, 1), without=("snow",)),
        selection=Selection(
            k=3,
            offset=1,
            min_relevance=0.0,
            dedupe=True,
            filters=Filters(
                folders=("a", "é"),
                taken_from="2019",
                taken_to="2024-12",
                orientations=("landscape", "square"),
                types=("jpeg", "png"),
                where=("place:Paris",),
            ),
        ),
    )
    answer = get(searcher, target)

    assert answer.status == 200
    assert {**answer.json(), "took_ms": 0} == {**expected, "took_ms": 0}
    assert answer.json()["results"]


def test_another_bundle_than_the_one_asked_for(searcher: Searcher) -> None:
    for target in ("/v1/search?q=dog&", "/v1/similar?id=000.jpg&", "/v1/photos?"):
        answer = get(searcher, f"{target}bundle=0123456789abcdef")
        assert answer.status == 409
        assert answer.json() == {
            "type": "urn:thinlens:problem:bundle-changed",
            "title": "Conflict",
            "status": 409,
            "detail": f"The bundle in service is {searcher.bundle.id}, not '0123456789abcdef': begin anew",
            "parameter": "bundle",
        }


def test_questions_that_mean_the_same_have_one_etag(searcher: Searcher) -> None:
    def etag(query_string: str) -> str:
        return get(searcher, f"/v1/search?{query_string}").headers["etag"]

    same = {etag(text) for text in ("q=dog&k=5", "q=Dog%20&k=5", "k=5&q=%20%20DOG", "q=%EF%BD%84og&k=5")}
    assert len(same) == 1
    others = {etag(text) for text in ("q=dog", "q=dogs&k=5", "q=dog&k=6", "q=dog&not=x&k=5", "q=dog&q=dog&k=5")}
    assert len(others | same) == 6
    bodies = [get(searcher, f"/v1/search?{text}&k=5").json() for text in ("q=dog", "q=Dog%20")]
    assert {**bodies[0], "took_ms": 0} == {**bodies[1], "took_ms": 0}


def test_where_the_photos_lie_changes_the_etag(searcher: Searcher) -> None:
    elsewhere = create_app(lambda: searcher, Settings(bundle="unused", media_url="https://cdn.example/"))
    target = "/v1/photos?k=1"
    assert ask(elsewhere, target).headers["etag"] != get(searcher, target).headers["etag"]
