"""Bundles of format 1: they are served as ever, with the answers of the same photos in format 2, or refused."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handler.bundle.bundle import Bundle
from handler.bundle.manifest import MANIFEST_FILE, bundle_id
from handler.errors import BundleError
from handler.search.filters import Filters
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.store.store import deliver, open_store
from tests.functional.handler.artefacts import BundleChoices, write_bundle
from tests.functional.handler.format_1 import FILES_1, Kind, rehash_1, thumbnail_of, url_of, write_bundle_1
from tests.functional.handler.published import publish
from tests.functional.handler.s3_server import s3_folder
from tests.functional.handler.search.test_segments import CHOICES, PHOTOS
from tests.functional.handler.tampering import read_everything, rewrite_manifest

BASE = "https://cdn.example.org/gallery/"


@pytest.fixture(scope="module", params=["exact", "hnsw"])
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    kind: Kind = request.param
    folder = write_bundle_1(tmp_path_factory.mktemp("format 1") / "bundle", PHOTOS, CHOICES, kind=kind)
    return Searcher(open_bundle(folder), media_url=BASE)


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = write_bundle(tmp_path_factory.mktemp("format 2") / "bundle", PHOTOS, CHOICES)
    return Searcher(open_bundle(folder), media_url=BASE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle_1(tmp_path / "older", PHOTOS, CHOICES)


def comparable(answer: Any) -> tuple[dict[str, Any], list[float]]:
    """An answer without its time, its bundle and its addresses, and its relevances, which rounding may change."""
    results = [*answer["results"], *answer["perhaps"]]
    relevances = [result["relevance"] for result in results]
    changing = ("relevance", "url", "thumbnail_url")
    kept = [{name: value for name, value in result.items() if name not in changing} for result in results]
    others = {name: value for name, value in answer.items() if name not in ("took_ms", "bundle", "results", "perhaps")}
    return {**others, "results": kept}, relevances


def assert_the_same(found: Any, expected: Any) -> None:
    (one, relevances), (other, others) = comparable(found), comparable(expected)
    assert one == other
    assert relevances == pytest.approx(others, abs=0.011)


SELECTIONS = [
    Selection(k=20),
    Selection(k=3, offset=2, min_relevance=0.0),
    Selection(k=20, min_relevance=0.3, dedupe=True),
    Selection(k=20, min_relevance=0.2, filters=Filters(folders=("a", "animals"))),
    Selection(k=20, min_relevance=0.2, filters=Filters(where=("stars:1..3", "stars:4"), types=("jpeg", "png"))),
    Selection(k=20, min_relevance=0.2, filters=Filters(where=("mixed:1", "mixed:two"))),
    Selection(k=20, min_relevance=0.2, filters=Filters(taken_from="2021", orientations=("portrait",))),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=range(len(SELECTIONS)))
def test_answers_are_those_of_format_2(older: Searcher, newer: Searcher, selection: Selection) -> None:
    for query in ("a red ball", "a dog runs in the park", "snow", "car street"):
        by_meaning = Query(texts=(query,), mode="meaning")  # format 1 has no words
        assert_the_same(older.search(query, selection=selection), newer.search(by_meaning, selection=selection))
    without = Query(texts=("red ball", "dog"), without=("a boat on the water",))
    by_meaning = replace(without, mode="meaning")
    assert_the_same(older.search(without, selection=selection), newer.search(by_meaning, selection=selection))
    assert_the_same(older.similar("b/2.jpg", selection=selection), newer.similar("b/2.jpg", selection=selection))


def test_photos_are_where_the_bundle_says(older: Searcher, newer: Searcher) -> None:
    for photo in PHOTOS:
        addresses = {"url": url_of(photo.id), "thumbnail_url": BASE + thumbnail_of(photo.id)}
        assert older.photo(photo.id) == {**newer.photo(photo.id), "bundle": older.bundle.id, **addresses}
    result = older.search("a red ball", k=1)["results"][0]
    assert (result["url"], result["thumbnail_url"]) == (url_of("a/1.jpg"), BASE + thumbnail_of("a/1.jpg"))


def test_what_there_is_to_search(older: Searcher, newer: Searcher) -> None:
    found, expected = older.collection(100), newer.collection(100)
    assert (found["total"], found["columns"], found["suggestions"]) == (
        len(PHOTOS),
        expected["columns"],
        expected["suggestions"],
    )
    assert [photo["id"] for photo in found["photos"]] == [photo["id"] for photo in expected["photos"]]


def test_it_is_served_from_stores_too(folder: Path, tmp_path: Path) -> None:
    published = publish(tmp_path / "bucket", folder)
    assert published == bundle_id((folder / MANIFEST_FILE).read_bytes())
    assert open_in({}, str(tmp_path / "bucket")).id == published
    with s3_folder(tmp_path / "bucket") as server:
        bundle = open_in({**server.environment, "THINLENS_CACHE": str(tmp_path / "cache")}, "s3://gallery")
    assert (bundle.id, bundle.manifest.format_version) == (published, 1)
    assert Searcher(bundle).search("a boat", k=1)["results"][0]["id"] == "sea/boat.webp"


def open_in(variables: dict[str, str], place: str) -> Bundle:
    environment = {**variables, "THINLENS_BUNDLE": place}
    return Bundle.receive(deliver(open_store(Settings.from_environment(environment), environment)))


def refused(folder: Path) -> str:
    """What opening says, or whatever reads all of it; fails the test if the folder is served to the last photo."""
    with pytest.raises(BundleError) as error:
        read_everything(open_bundle(folder))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", FILES_1)
def test_refuses_damaged_files(folder: Path, name: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    chooser = random.Random(name)
    for _ in range(5):
        data = bytearray(whole)
        data[chooser.randrange(len(data))] ^= 1 << chooser.randrange(8)
        path.write_bytes(data)
        assert f"{name} is altered: its sha256 is" in refused(folder)
    os.truncate(path, len(whole) // 2)
    assert f"{name} is truncated or altered" in refused(folder)
    path.unlink()
    assert f"files missing: {name}" in refused(folder)
    path.mkdir()
    assert f"{name} is not a regular file" in refused(folder)


@pytest.mark.parametrize("name", ["segments", "collection.bin", "codes.bin"])
def test_refuses_what_belongs_to_format_2(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    assert f"files that belong to no bundle: '{name}'" in refused(folder)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("index/kind", "coded", "Unexpected value 'coded' (expected 'exact' or 'hnsw') in 'index.kind'"),
        ("index/metric", "cos", "(expected 'ip') in 'index.metric'"),
        ("index/dtype", "f32", "(expected 'i8') in 'index.dtype'"),
        ("index/scale", 0, "'index.scale'"),
        ("index/count", 13, "vectors in the index is 13 (expected 14)"),
        ("index/dim", 63, "dim of the index is 63 (expected 64)"),
        ("index/expansion_search", 0, "'index.expansion_search'"),
        ("index/later", 1, "Unexpected field 'index.later'"),
        ("views/scale", 1e300, "'views.scale'"),
        ("views/kinds", ["caption"], "size_bytes of views.i8"),
        ("views/later", 1, "Unexpected field 'views.later'"),
        ("counts/photos", 13, "vectors in the index is 14 (expected 13)"),
        ("counts/captions", 13, "captions is 13 (expected 14)"),
        ("encoder/identity", "0" * 64, "identity of the encoder is 000"),
        ("calibration/captioner", "0" * 64, "captioner of the calibration is 000"),
        ("segments", [], "Unexpected field 'segments'"),
        ("originals", "id", "Unexpected field 'originals'"),
        ("files/codes.bin", {"size_bytes": 1, "sha256": "0" * 64}, "Unexpected field 'files.codes.bin'"),
        ("format_version", 2, "Missing field"),
    ],
)
def test_refuses_a_manifest(folder: Path, field: str, value: object, message: str) -> None:
    rewrite_manifest(folder, {field: value})
    assert message in refused(folder)


def change_groups(leaders: list[int]) -> Callable[[bytearray], None]:
    """The groups stand before the names, at the end of columns.bin."""

    def change(data: bytearray) -> None:
        names_bytes = struct.unpack_from("<I", data, 12)[0]
        struct.pack_into(f"<{len(leaders)}I", data, len(data) - names_bytes - 4 * len(leaders), *leaders)

    return change


@pytest.mark.parametrize("leaders", [[0, 1, 2, 14], [0, 1, 3, 2]])
def test_refuses_groups_that_lead_astray(folder: Path, leaders: list[int]) -> None:
    path = folder / "columns.bin"
    data = bytearray(path.read_bytes())
    change_groups([*range(len(PHOTOS) - 4), *(leader + len(PHOTOS) - 4 for leader in leaders)])(data)
    path.write_bytes(data)
    rehash_1(folder)
    assert "The groups of near-duplicates of columns.bin do not fit its photos" in refused(folder)


@pytest.mark.parametrize("name", ["index.usearch", "views.i8", "catalogue.bin", "columns.bin"])
def test_refuses_parts_of_another_bundle(folder: Path, tmp_path: Path, name: str) -> None:
    other = write_bundle_1(tmp_path / "other", PHOTOS[:3], BundleChoices(weights=(1.0, 2.0)))
    (folder / name).write_bytes((other / name).read_bytes())
    rehash_1(folder)
    message = refused(folder)
    assert name in message
    assert "expected" in message or "is truncated" in message


def test_refuses_columns_of_format_2(folder: Path, tmp_path: Path) -> None:
    (part,) = write_bundle(tmp_path / "newer", PHOTOS, CHOICES).glob("segments/*/columns.bin")
    (folder / "columns.bin").write_bytes(part.read_bytes())
    rehash_1(folder)
    assert "version 2 (expected b'thincols' version 1) at the start of columns.bin" in refused(folder)
