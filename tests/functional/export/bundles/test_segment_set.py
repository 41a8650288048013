"""What a run writes: what is new, and no more; the rest is the same files under another name."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from export.bundles import segment_set
from export.models.model_set import Models
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.manifest import COLLECTION_FILE, SEGMENT_FILES
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.bundles.collection import Collection, inodes, manifest_of
from tests.functional.export.galleries import fake_models
from tests.functional.handler.tampering import read_everything

PHOTOS = 20


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return fake_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def collection(tmp_path: Path, models: Models) -> Iterator[Collection]:
    """Twenty photos in one segment."""
    with Collection.open(tmp_path / "out", models) as opened:
        for number in range(PHOTOS):
            opened.put(f"{number:02}.jpg", number % 8)
        opened.run()
        yield opened


def sizes(collection: Collection) -> list[int]:
    """How many photos each segment holds."""
    return [segment.photos for segment in collection.segments()]


def gone(collection: Collection) -> list[int]:
    """The numbers of the photos that are gone."""
    return list(map(int, open_bundle(collection.out / "bundle").photos.gone))


def ids(collection: Collection) -> list[str]:
    """The photos that are there, as they are numbered."""
    photos = open_bundle(collection.out / "bundle").photos
    return [photos.record(number).id for number in photos.present().tolist()]


def test_one_photo_more_is_one_small_segment(collection: Collection) -> None:
    (first,), before = collection.segments(), inodes(collection.out)
    collection.put("new.jpg", 11)
    assert collection.run().photos == PHOTOS + 1
    kept, new = collection.segments()
    assert (kept, new.photos) == (first, 1)
    assert inodes(collection.out)[first.id] == before[first.id]
    folder = collection.out / "bundle"
    assert {(folder / kept.folder / name).stat().st_nlink for name in SEGMENT_FILES} == {2}  # the bundle before has it
    assert {(folder / new.folder / name).stat().st_nlink for name in SEGMENT_FILES} == {1}
    assert collection.placed()[new.id] == ["new.jpg"]
    assert gone(collection) == []


@pytest.mark.parametrize("name", ["columns.bin", "catalogue.bin", "index.usearch"])
def test_damage_that_a_run_meets_is_written_anew(collection: Collection, name: str) -> None:
    """Three photos of twenty are gone by then and seven are new, so that the damaged segment is merged."""
    (first,) = collection.segments()
    path = collection.out / "bundle" / first.folder / name
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.unlink()  # it isn't that of the bundle before any more
    path.write_bytes(data)
    for number in range(7):
        collection.put(f"new {number}.jpg", number)
    assert collection.run().photos == PHOTOS + 7
    assert first.id not in [segment.id for segment in collection.segments()]
    read_everything(open_bundle(collection.out / "bundle"))
    assert len(ids(collection)) == PHOTOS + 7


def test_a_change_moves_one_photo(collection: Collection) -> None:
    collection.tell("03.jpg", {"place": "Oslo"})
    collection.run()
    assert sizes(collection) == [PHOTOS, 1]
    assert gone(collection) == [3]
    assert ids(collection) == [f"{number:02}.jpg" for number in range(PHOTOS) if number != 3] + ["03.jpg"]


def test_a_photo_that_goes_writes_nothing(collection: Collection) -> None:
    before = inodes(collection.out)
    collection.remove("03.jpg")
    assert collection.run().photos == PHOTOS - 1
    assert (inodes(collection.out), gone(collection)) == (before, [3])


def test_a_segment_of_which_many_are_gone_is_written_without_them(collection: Collection) -> None:
    (first,) = collection.segments()
    for number in range(6):
        collection.remove(f"{number:02}.jpg")
    collection.run()
    assert (collection.segments(), gone(collection)) == ((first,), list(range(6)))  # three tenths, and no more
    collection.remove("06.jpg")
    collection.run()
    assert (sizes(collection), gone(collection)) == ([PHOTOS - 7], [])
    assert ids(collection) == [f"{number:02}.jpg" for number in range(7, PHOTOS)]


def test_small_segments_are_merged(collection: Collection) -> None:
    (first,) = collection.segments()
    for number in range(3):
        collection.put(f"new {number}.jpg", 8)
        collection.run()
    assert sizes(collection) == [PHOTOS, 3]
    for number in range(3, 5):
        collection.put(f"new {number}.jpg", 8)
        collection.run()
    assert sizes(collection) == [PHOTOS + 5]
    assert first not in collection.segments()
    assert list((collection.out / "bundle/segments").iterdir()) == [
        collection.out / "bundle" / collection.segments()[0].folder
    ]


def test_many_photos_fill_segments(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_set, "MAX_PHOTOS", 8)
    monkeypatch.setattr("export.bundles.segment_plan.MAX_PHOTOS", 8)
    for number in range(21):
        collection.put(f"new {number:02}.jpg", 8)
    collection.run()
    assert sizes(collection) == [PHOTOS, 8, 8, 5]
    assert len(ids(collection)) == PHOTOS + 21


def test_other_models_make_all_segments_anew(collection: Collection, models: Models) -> None:
    before = set(inodes(collection.out))
    assert models.calibration is not None
    other = replace(
        collection, models=replace(models, calibration=replace(models.calibration, weights=(1.0, 1.0, 9.0)))
    )
    collection.put("new.jpg", 11)
    other.run()
    assert sizes(other) == [PHOTOS + 1]
    assert not before & set(inodes(other.out))
    assert manifest_of(other.out).calibration.weights == (1.0, 1.0, 9.0)


def test_another_curve_makes_no_segment_anew(collection: Collection, models: Models) -> None:
    before = inodes(collection.out)
    assert models.calibration is not None
    sentence = replace(models.calibration.sentence, threshold=0.25)
    other = replace(collection, models=replace(models, calibration=replace(models.calibration, sentence=sentence)))
    other.run()
    assert inodes(other.out) == before
    assert manifest_of(other.out).calibration.sentence.threshold == 0.25


@pytest.mark.parametrize("name", [*SEGMENT_FILES, COLLECTION_FILE, ENCODER_FILES[0], "manifest.json", "", "segment"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_bundle_is_written_again_as_a_whole(collection: Collection, name: str, damage: str) -> None:
    collection.put("new.jpg", 11)
    collection.run()
    segment = collection.segments()[0]
    whole = (collection.out / "bundle").resolve()
    path = whole / segment.folder / name if name in SEGMENT_FILES else whole / name
    path = whole / segment.folder if name == "segment" else path
    if path.is_dir():
        shutil.rmtree(path)
    elif damage == "missing":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size - 1)
    bundle = collection.run()
    assert (bundle.photos, sizes(collection), len(ids(collection))) == (PHOTOS + 1, [PHOTOS + 1], PHOTOS + 1)
    assert Searcher(open_bundle(collection.out / "bundle")).search("all red")["results"]


def test_a_lost_link_is_made_again(collection: Collection) -> None:
    before = inodes(collection.out)
    (collection.out / "bundle").unlink()
    collection.run()
    assert inodes(collection.out) == before


def test_a_disk_without_hard_links_gets_copies(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    before = inodes(collection.out)
    monkeypatch.setattr(os, "link", no_links)
    collection.put("new.jpg", 11)
    collection.run()
    (kept, _), after = collection.segments(), inodes(collection.out)
    assert not set(before[kept.id].values()) & set(after[kept.id].values())
    assert len(ids(collection)) == PHOTOS + 1


def test_the_bundle_before_is_served_until_it_is_removed(collection: Collection) -> None:
    """Files that bundles share stay for the one when the other goes."""
    readers = []
    for number in range(4):
        readers.append(open_bundle(collection.out / "bundle"))
        collection.put(f"new {number}.jpg", 8 + number % 4)
        collection.run()
    assert len(list((collection.out / "bundles").iterdir())) == 2
    assert [len(Searcher(reader).search("all red", k=100, min_relevance=0.0)["results"]) for reader in readers] == [
        20, 21, 21, 21,
    ]  # fmt: skip
