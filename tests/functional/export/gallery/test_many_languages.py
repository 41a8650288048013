"""Bundles that are asked in many languages: another encoder of the same space, and the same photos."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from export.errors import ModelError
from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from export.models.model_set import Models
from handler.bundle.encoder import Encoder
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, times_understood, write_photo

GERMAN = {"foto": "photo", "mauer": "wall", "hund": "dog", "mein": "my", "rote": "red", "himmelfarbene": "blue"}


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Fake models, and beside their encoder one that takes some German words for the English ones."""
    english = fake_models(tmp_path / "models")
    folder = Path(shutil.copytree(english.encoder, tmp_path / "models/languages"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary |= {german: vocabulary[word] for german, word in GERMAN.items()}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    configuration = json.loads((folder / "encoder.json").read_text())
    (folder / "encoder.json").write_text(json.dumps(configuration | {"space": english.encoder_identity}))
    return replace(english, languages=folder)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, colour in enumerate(("red", "green", "blue", "white")):
        write_photo(tmp_path / "photos" / f"{colour}.png", colour, seed=number)
    return tmp_path / "photos"


def found(out: Path, query: str) -> list[str]:
    answer = Searcher(open_bundle(out / "bundle")).search(query)
    return [result["id"] for result in answer["results"]]


def test_photos_are_found_in_another_language_as_in_english(models: Models, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    index_photos(photos, out, workers=1, models=replace(models, languages=None))
    english = open_bundle(out / "bundle").manifest
    assert found(out, "himmelfarbene Mauer") == []
    assert english.encoder.identity == english.encoder.space == models.encoder_identity

    index_photos(photos, out, workers=1, models=models)
    other = open_bundle(out / "bundle").manifest
    assert found(out, "himmelfarbene Mauer") == found(out, "blue wall") == ["blue.png"]
    assert models.languages is not None
    assert other.encoder.identity == Encoder.load(models.languages).identity != models.encoder_identity
    assert other.encoder.space == other.calibration.encoder == models.encoder_identity
    assert other.segments == english.segments
    assert len(times_understood(models)) == 4


def test_what_a_person_writes_goes_through_the_encoder_that_is_asked(
    models: Models, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    index_photos(photos, out, workers=1, models=models)
    correct_caption("green.png", "Mein Hund", out, models=models)
    assert found(out, "my dog") == found(out, "hund") == ["green.png"]
    # Back to English, "Mein Hund" is no text that the encoder knows; in many languages once more, it is.
    index_photos(photos, out, workers=1, models=replace(models, languages=None))
    assert found(out, "my dog") == []
    index_photos(photos, out, workers=1, models=models)
    assert found(out, "my dog") == ["green.png"]


def test_an_encoder_of_another_space_is_refused(models: Models) -> None:
    assert models.languages is not None
    path = models.languages / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"space": "b" * 64}))
    with pytest.raises(
        ModelError, match=f"gives the vectors of {'b' * 64}, expected those of {models.encoder_identity}"
    ):
        replace(models)
