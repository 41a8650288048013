"""Whatever becomes of a collection, in however many runs: its bundle answers as one that is made of it anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from export.bundles import segment_plan, segment_set
from export.bundles.segment_plan import SegmentSize, choose_merged
from export.errors import PhotosError
from export.models.model_set import Models
from handler.bundle.relevance import QUERY_KINDS
from handler.errors import QueryError
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.export.bundles.collection import CONTENTS, Collection, inodes, manifest_of, touched
from tests.functional.export.galleries import fake_models

MAX_PHOTOS = 5
RATIO = 1
IDS = (
    *("a.jpg", "b/c.jpg", "b/d.jpg", "b/é.jpg", "b0.jpg", "b.jpg", "c.jpg", "d/a.jpg", "d/b.jpg", "d/c.jpg"),
    *("z/y/w.jpg", "z/y/x.jpg", "z/y.jpg", "日本.jpg"),
)
TEXTS = ("my dog", "a photo of a red wall", "日本", "all of my dog")
COLUMNS: tuple[dict[str, Any], ...] = (
    {"stars": 4.0},
    {"stars": "four", "place": "Oslo"},
    {"place": ("Oslo", "Rome"), "stars": 2.0},
    {},
)

Change: TypeAlias = tuple[Any, ...]
"""A method of Collection and its arguments."""

_ids, _contents = st.sampled_from(IDS), st.integers(0, CONTENTS - 1)
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.tuples(st.just("put"), _ids, _contents),
    st.tuples(st.just("put"), _ids, _contents),  # twice as often as the others
    st.tuples(st.just("remove"), _ids),
    st.tuples(st.just("move"), _ids, _ids),
    st.tuples(st.just("copy"), _ids, _ids),
    st.tuples(st.just("edit"), _ids, st.sampled_from(TEXTS)),
    st.tuples(st.just("tell"), _ids, st.sampled_from(COLUMNS)),
)
RUNS = st.lists(st.lists(CHANGES, min_size=1, max_size=4), min_size=1, max_size=4)
SOME: list[list[Change]] = [
    [("remove", "b0.jpg"), ("edit", "z/y.jpg", "my dog")],
    [("move", "c.jpg", "m.jpg"), ("copy", "a.jpg", "z/copy.jpg"), ("tell", "b/d.jpg", {"stars": "four"})],
    [("put", "b0.jpg", 2), ("put", "n.jpg", 9), ("put", "o.jpg", 10)],
    [("remove", photo_id) for photo_id in IDS],
]

QUERIES = (
    *(Query(texts=(text,)) for text in ("a photo of a red wall", "all blue", "my dog", "日本", "green walll")),
    Query(texts=("red wall", "my dog")),
    Query(texts=("wall",), without=("red",)),
)
FILTERS = (
    Filters(folders=("b",)),
    Filters(folders=("z/y", "b/")),
    Filters(types=("png",), orientations=("landscape",)),
    Filters(taken_from="2012", taken_to="2016"),
    Filters(where=("place:oslo",)),
    Filters(where=("stars:4",)),
    Filters(where=("stars:2..3", "place:Rome")),
)
SELECTIONS = (
    Selection(k=1),
    Selection(k=3, offset=1, dedupe=True),
    *(Selection(k=100, min_relevance=0.0, dedupe=dedupe) for dedupe in (False, True)),
    *(Selection(k=2, offset=offset, min_relevance=0.0, dedupe=offset > 2) for offset in (1, 4)),
    *(Selection(min_relevance=0.0, filters=filters) for filters in FILTERS),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return fake_models(tmp_path_factory.mktemp("models"))


def bare(answer: Any) -> Any:
    """An answer without what differs between bundles of the same photos."""
    return {name: value for name, value in answer.items() if name not in ("bundle", "took_ms")}


def told(ask: Callable[..., Any], *arguments: object, **named: object) -> Any:
    """An answer, or why there is none."""
    try:
        return bare(ask(*arguments, **named))
    except QueryError as error:
        return str(error)


def answers(out: Path, ids: set[str]) -> Iterator[tuple[object, Any]]:
    """All that a bundle is asked, and what it answers."""
    searcher = Searcher(open_bundle(out / "bundle"))
    for selection in SELECTIONS:
        for query in QUERIES:
            yield (query, selection), told(searcher.search, query, selection=selection)
    for photo_id in ids:
        yield photo_id, told(searcher.photo, photo_id)
        for selection in SELECTIONS[1:3]:
            yield (photo_id, selection), told(searcher.similar, photo_id, selection=selection)
    collection = searcher.collection(k=100)
    yield "collection", {**bare(collection), "photos": list(map(bare, collection["photos"]))}


def groups(out: Path) -> set[frozenset[str]]:
    """The ids of the photos of each group."""
    photos = open_bundle(out / "bundle").photos
    found: dict[int, set[str]] = {}
    for number in photos.present().tolist():
        found.setdefault(int(photos.groups[number]), set()).add(photos.record(number).id)
    return {frozenset(group) for group in found.values()}


def check_same(grown: Collection, anew: Collection) -> None:
    """A bundle that has grown says what one says that is made anew."""
    one, other = manifest_of(grown.out), manifest_of(anew.out)
    for kind in QUERY_KINDS:  # an encoder rounds a text in a batch of another size otherwise
        assert asdict(one.calibration.curve(kind)) == pytest.approx(asdict(other.calibration.curve(kind)), abs=1e-5)
    given = {name: getattr(other, name) for name in ("provenance", "segments", "files", "calibration")}
    assert replace(one, **given) == other
    assert one.counts.photos == len(grown.understood)
    assert groups(grown.out) == groups(anew.out)
    expected = dict(answers(anew.out, grown.understood))
    for question, answer in answers(grown.out, grown.understood):
        assert answer == expected[question], question


def staying(collection: Collection) -> set[str]:
    """The segments that are not merged with what was touched since the last run."""
    changed = touched(collection.library)
    stood = collection.placed()
    sizes = [
        SegmentSize(photos=segment.photos, gone=segment.photos - len(set(stood[segment.id]) - changed))
        for segment in collection.segments()
    ]
    merged = choose_merged(sizes, len(changed & collection.understood) % MAX_PHOTOS)
    return {segment.id for place, segment in enumerate(collection.segments()) if place not in merged}


def run(collection: Collection) -> None:
    """Bring the bundle up to date; segments that stay are not written again."""
    if not collection.understood:
        with pytest.raises(PhotosError):
            collection.run()
        return
    stay = staying(collection)
    before = inodes(collection.out)
    collection.run()
    after = inodes(collection.out)
    assert {segment: before[segment] for segment in stay} == {segment: after[segment] for segment in stay}
    assert all(segment.photos <= MAX_PHOTOS for segment in collection.segments())
    assert {photo for ids in collection.placed().values() for photo in ids} == collection.understood


@contextmanager
def growing(out: Path, models: Models) -> Iterator[Collection]:
    """A collection of a few photos in segments of a few; few are as many as make another segment be merged."""
    with pytest.MonkeyPatch.context() as patch, Collection.open(out, models) as collection:
        patch.setattr(segment_plan, "MAX_PHOTOS", MAX_PHOTOS)
        patch.setattr(segment_set, "MAX_PHOTOS", MAX_PHOTOS)
        patch.setattr(segment_plan, "RATIO", RATIO)
        for number, photo_id in enumerate(IDS):
            collection.put(photo_id, number % CONTENTS)
        run(collection)
        yield collection


def change(collection: Collection, changes: list[Change]) -> None:
    """Change it, and run."""
    for name, *arguments in changes:
        getattr(collection, name)(*arguments)
    run(collection)


@settings(max_examples=12, deadline=None)
@given(runs=RUNS)
@example(runs=SOME)
def test_whatever_changes(models: Models, runs: list[list[Change]]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        growing(Path(folder) / "grown", models) as grown,
        Collection.open(Path(folder) / "anew", models) as anew,
    ):
        for changes in runs:
            change(grown, changes)
        if not grown.understood:
            change(grown, [("put", "a.jpg", 0)])
        anew.become(grown)
        anew.run()
        check_same(grown, anew)
        lain, served = inodes(grown.out), manifest_of(grown.out)
        change(grown, [("put", *next(iter(grown.photos.items())))])  # as it was: what is said of it stays the same
        assert (inodes(grown.out), manifest_of(grown.out)) == (lain, served)


def test_the_changes_above_leave_segments_and_merge_others(models: Models, tmp_path: Path) -> None:
    """Otherwise all of the above would be said of bundles of one segment."""
    with growing(tmp_path / "out", models) as collection:
        found = []
        for changes in SOME[:3]:
            before = {segment.id for segment in collection.segments()}
            change(collection, changes)
            after = {segment.id for segment in collection.segments()}
            gone = len(open_bundle(collection.out / "bundle").photos.gone)
            found.append((len(before), len(before - after), len(after - before), gone))
    assert found == [(3, 1, 1, 1), (3, 2, 2, 1), (3, 0, 1, 1)]
