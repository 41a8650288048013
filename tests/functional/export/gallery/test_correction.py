"""Correcting captions: what a person wrote finds the photo, wherever it is moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.errors import LibraryError
from export.gallery.correction import correct_caption
from export.gallery.indexing import IndexReport, index_photos
from export.models.model_set import Models
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, records, times_understood, write_photo


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue", "white")):
        write_photo(tmp_path / "photos" / f"{colour}.png", colour, seed=number)
    fake_models(tmp_path / "models")
    return tmp_path


def models(base: Path) -> Models:
    return fake_models(base / "models")


def index(base: Path) -> IndexReport:
    return index_photos(base / "photos", base / "out", workers=1, models=models(base))


def test_a_corrected_caption_finds_its_photo_first(base: Path) -> None:
    index(base)
    write_photo(base / "photos/again.png", "red", seed=0)
    before = index(base).bundle
    assert (base / "photos/again.png").read_bytes() != (base / "photos/blue.png").read_bytes()
    bundle = correct_caption("blue.png", "  my dog\n", base / "out", models=models(base))
    assert bundle.id != before
    answer = Searcher(open_bundle(base / "out/bundle")).search("my dog")
    assert [(result["id"], result["relevance"], result["caption"]) for result in answer["results"]] == [
        ("blue.png", 1.0, "my dog")
    ]
    record = records(base / "out")["blue.png"]
    assert [(caption.text, caption.edited) for caption in record.captions] == [("my dog", True)] * 2
    assert len(times_understood(models(base))) == 4
    assert index(base).bundle == bundle.id


def test_every_copy_is_corrected(base: Path) -> None:
    (base / "photos/copy.png").write_bytes((base / "photos/blue.png").read_bytes())
    index(base)
    correct_caption("copy.png", "my dog", base / "out", models=models(base))
    edited = {photo_id for photo_id, record in records(base / "out").items() if record.captions[0].edited}
    assert edited == {"blue.png", "copy.png"}


def test_a_correction_outlives_a_move(base: Path) -> None:
    index(base)
    correct_caption("blue.png", "my dog", base / "out", models=models(base))
    (base / "photos/blue.png").rename(base / "photos/moved.png")
    index(base)
    assert records(base / "out")["moved.png"].captions[0].text == "my dog"


def test_a_correction_of_a_photo_that_is_not_there(base: Path) -> None:
    with pytest.raises(LibraryError, match="holds no library; make one with: thinlens index PHOTOS --out"):
        correct_caption("blue.png", "my dog", base / "out", models=models(base))
    assert not (base / "out").exists()
    index(base)
    with pytest.raises(LibraryError, match=r"no photo 'nobody.png'; expected its path relative to the folder"):
        correct_caption("nobody.png", "my dog", base / "out", models=models(base))
