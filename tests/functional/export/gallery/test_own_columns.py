"""What indexing puts into a bundle beside vectors: the owner's columns, near-duplicates, placeholders, suggestions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.errors import ColumnsError
from export.gallery.correction import correct_caption
from export.gallery.indexing import IndexReport, index_photos
from handler.errors import QueryError
from handler.search.filters import Filters
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, times_understood, write_photo

CSV = "photo,place,stars\nred.png,Paris,4\nmore/blue.png,Oslo,2\ngone.png,Rome,1\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name, colour in (("red", "red"), ("green", "green"), ("more/blue", "blue")):
        write_photo(tmp_path / "photos" / f"{name}.png", colour, seed=len(name))
    (tmp_path / "photos/columns.csv").write_text(CSV)
    fake_models(tmp_path / "models")
    return tmp_path


def index(base: Path, columns: Path | None = None) -> IndexReport:
    models = fake_models(base / "models")
    return index_photos(base / "photos", base / "out", workers=1, models=models, columns=columns)


def searcher(base: Path) -> Searcher:
    return Searcher(open_bundle(base / "out/bundle"))


def ids(base: Path, **filters: tuple[str, ...]) -> list[str]:
    selection = Selection(min_relevance=0.0, filters=Filters(**filters))  # type: ignore[arg-type]
    return sorted(result["id"] for result in searcher(base).search("a wall", selection=selection)["results"])


def test_the_table_beside_the_photos_becomes_filters(base: Path) -> None:
    report = index(base)

    assert report.strangers == ("gone.png",)
    assert ids(base, where=("place:paris",)) == ["red.png"]
    assert ids(base, where=("stars:..3",)) == ["more/blue.png"]
    assert ids(base, folders=("more",)) == ["more/blue.png"]
    assert ids(base, types=("png",), orientations=("landscape",)) == ["green.png", "more/blue.png", "red.png"]
    assert searcher(base).photo("red.png")["columns"] == {"place": "Paris", "stars": 4.0}
    assert searcher(base).photo("green.png")["columns"] == {}
    assert searcher(base).photo("green.png")["type"] == "png"


def test_what_people_wrote_into_files_are_columns_that_the_table_overrules(base: Path) -> None:
    exif = Image.Exif()
    exif.update({0x9C9E: "dog;Milo".encode("utf-16-le"), 0x4746: 5, 0x010E: "OLYMPUS DIGITAL CAMERA"})
    Image.new("RGB", (64, 48), "red").save(base / "photos/red.jpg", exif=exif)
    Image.new("RGB", (64, 48), "blue").save(base / "photos/blue.jpg", exif=exif)
    (base / "photos/columns.csv").write_text("photo,rating,keywords\nblue.jpg,2,cat\n")
    index(base)

    assert searcher(base).photo("red.jpg")["columns"] == {"keywords": ["dog", "Milo"], "rating": 5.0}
    assert searcher(base).photo("blue.jpg")["columns"] == {"keywords": "cat", "rating": 2.0}
    assert ids(base, where=("keywords:milo",)) == ["red.jpg"]
    assert ids(base, where=("rating:..4",)) == ["blue.jpg"]


def test_a_new_table_costs_no_photo_and_the_same_table_no_bundle(base: Path) -> None:
    first = index(base)
    assert index(base) == IndexReport(
        bundle=first.bundle, photos=3, read=0, forgotten=0, failures=(), strangers=("gone.png",)
    )
    (base / "photos/columns.csv").write_text("photo,town\ngreen.png,Rome\n")
    second = index(base)

    assert (second.read, second.strangers, second.bundle == first.bundle) == (0, (), False)
    assert len(times_understood(fake_models(base / "models"))) == 3
    assert ids(base, where=("town:Rome",)) == ["green.png"]
    with pytest.raises(QueryError, match=r"Unknown column 'place' \(expected town\)"):
        ids(base, where=("place:Paris",))
    (base / "photos/columns.csv").unlink()
    index(base)
    with pytest.raises(QueryError, match="this collection has no columns"):
        ids(base, where=("town:Rome",))


def test_a_table_that_lies_elsewhere(base: Path) -> None:
    (base / "other.json").write_text('{"green.png": {"tags": ["wall", "Grün"]}}')
    index(base, base / "other.json")
    assert ids(base, where=("tags:grün",)) == ["green.png"]


def test_a_table_that_makes_no_sense_changes_nothing(base: Path) -> None:
    before = index(base).bundle
    (base / "photos/columns.csv").write_text("photo,a\nx,1,2\n")
    with pytest.raises(ColumnsError, match="line 2 has 3 values, expected 2"):
        index(base)
    assert searcher(base).bundle.id == before


def test_a_correction_keeps_the_columns_and_says_who_wrote_it(base: Path) -> None:
    index(base)
    models = fake_models(base / "models")
    before = searcher(base).photo("red.png")["captions"]
    assert [(caption["edited"], caption["model"]) for caption in before] == [(False, models.captioner.identity)] * 2
    correct_caption("red.png", "a red dog", base / "out", models=models)

    photo = searcher(base).photo("red.png")
    assert photo["columns"] == {"place": "Paris", "stars": 4.0}
    assert [(caption["text"], caption["edited"], caption["model"]) for caption in photo["captions"]] == [
        ("a red dog", True, None)
    ] * 2
    assert len(times_understood(models)) == 3


def test_copies_are_folded_and_photos_of_one_colour_are_not(base: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
    original = Image.fromarray(pixels).resize((320, 240), Image.Resampling.BICUBIC)
    original.save(base / "photos/original.png")
    original.resize((160, 120)).save(base / "photos/small.jpg", quality=50)
    shutil.copy(base / "photos/small.jpg", base / "photos/more/small.jpg")
    index(base)

    selection = Selection(min_relevance=0.0, dedupe=True)
    found = searcher(base).search("a wall", selection=selection)["results"]
    assert sorted(result["duplicates"] for result in found) == [0, 0, 0, 2]
    (folded,) = [result["id"] for result in found if result["duplicates"]]
    assert folded in ("original.png", "small.jpg", "more/small.jpg")
    photos = searcher(base).bundle.photos
    numbers = {photos.record(number).id: number for number in photos.present().tolist()}
    copies = {"original.png", "small.jpg", "more/small.jpg"}
    groups = {photo_id: int(photos.groups[number]) for photo_id, number in numbers.items()}
    assert {groups[photo_id] for photo_id in copies} == {min(numbers[photo_id] for photo_id in copies)}
    assert all(groups[photo_id] == numbers[photo_id] for photo_id in numbers.keys() - copies)


def test_placeholders_and_suggestions(base: Path) -> None:
    index(base)
    collection = searcher(base).collection()

    placeholder = searcher(base).photo("red.png")["placeholder"]
    assert placeholder is not None
    colours = np.frombuffer(bytes.fromhex(placeholder), np.uint8).reshape(12, 3)
    assert np.abs(colours.astype(int) - (220, 30, 30)).max() < 8
    assert collection["suggestions"] == ["blue wall"]
    for suggestion in collection["suggestions"]:
        assert searcher(base).search(suggestion)["results"]
