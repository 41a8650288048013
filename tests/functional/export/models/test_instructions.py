"""Instructions of one's own: asked at index time, kept for corrections, refused where they can't be answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from export.errors import ModelError
from export.gallery.correction import correct_caption
from export.gallery.indexing import IndexReport, index_photos
from export.models.instructions import asking
from export.models.model_choice import SHIPPED, ModelChoice
from export.models.model_set import Models, shipped_models
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import INSTRUCTIONS, fake_models, records, times_understood, write_photo

DARK = "Is it dark?"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for colour in ("red", "black"):
        write_photo(tmp_path / "photos" / f"{colour}.png", colour)
    fake_models(tmp_path / "models")
    return tmp_path


def index(base: Path, models: Models) -> IndexReport:
    return index_photos(base / "photos", base / "out", workers=1, models=models)


def texts(base: Path, photo: str) -> dict[str, str]:
    captions = Searcher(open_bundle(base / "out/bundle")).photo(photo)["captions"]
    return {caption["instruction"]: caption["text"] for caption in captions}


def test_a_captioner_is_asked_something_else(base: Path) -> None:
    models = fake_models(base / "models")
    asked = asking(models, (DARK, INSTRUCTIONS[0]))
    report = index(base, asked)

    assert report.read == 2
    assert texts(base, "black.png") == {DARK: "a black wall", INSTRUCTIONS[0]: "a photo of a black wall"}
    manifest = open_bundle(base / "out/bundle").manifest
    assert manifest.provenance.instructions == (DARK, INSTRUCTIONS[0])
    assert manifest.views == ("caption", "caption", "visual")
    # 2 and 1 for the two that were calibrated: 1.5 for one that wasn't, 3 together as before.
    assert manifest.calibration.weights == pytest.approx((3 * 1.5 / 3.5, 3 * 2 / 3.5, 6))
    assert index(base, asked).read == 0
    assert index(base, asking(models, (DARK,))).read == 0
    assert texts(base, "red.png") == {DARK: "a white wall"}
    assert index(base, models).read == 2
    assert len(times_understood(models)) == 4
    assert index(base, asked).read == 0


def test_captions_that_count_nothing_do_so_whatever_is_asked(base: Path) -> None:
    models = fake_models(base / "models")
    assert models.calibration is not None
    unweighted = replace(models, calibration=replace(models.calibration, weights=(0.0, 0.0, 1.0)))
    asked = asking(unweighted, (DARK, INSTRUCTIONS[0]))
    assert asked.calibration is not None
    assert asked.calibration.weights == (0.0, 0.0, 1.0)


def test_a_photo_that_lacks_an_answer_is_no_part_of_the_bundle(base: Path) -> None:
    models = fake_models(base / "models")
    index(base, models)
    photo = base / "photos/red.png"
    content, times = photo.read_bytes(), photo.stat()
    photo.write_bytes(b"")
    index(base, asking(models, (DARK,)))

    assert list(records(base / "out")) == ["black.png"]
    photo.write_bytes(content)
    assert times.st_size == photo.stat().st_size
    assert index(base, asking(models, (DARK,))).photos == 2


def test_a_correction_is_made_with_the_instructions_of_the_last_run(base: Path) -> None:
    asked = asking(fake_models(base / "models"), (DARK,))
    index(base, asked)
    correct_caption("red.png", "a red dog", base / "out", models=asked)
    assert texts(base, "red.png") == {DARK: "a red dog"}


def test_what_the_captioner_does_not_know_is_refused(base: Path) -> None:
    models = fake_models(base / "models")
    with pytest.raises(ModelError, match=r"can't answer 'Who is it\?': .* it knows 'What does the image describe\?'"):
        asking(models, (DARK, "Who is it?"))
    with pytest.raises(ModelError, match=r"is asked 'Is it dark\?' twice"):
        asking(models, (DARK, DARK))


def test_the_shipped_captioner_is_asked_some_of_what_it_knows(tmp_path: Path) -> None:
    shipped = shipped_models()
    first = shipped.captioner.instructions[0]
    choice = ModelChoice(instructions=(first,))
    models = choice.open(tmp_path)

    assert models.captioner.instructions == (first,)
    assert set(shipped.captioner.instructions) <= set(models.captioner.known_instructions or ())
    assert models.calibration is not None
    assert shipped.calibration is not None
    *captions, visual = shipped.calibration.weights
    assert models.calibration.weights == pytest.approx((sum(captions), visual))
    with pytest.raises(ModelError, match="can't answer 'Name every animal'"):
        ModelChoice(instructions=("Name every animal",)).open(tmp_path)


def test_the_choice_is_kept(tmp_path: Path) -> None:
    choice = ModelChoice(instructions=("One?", "Two?"))
    choice.keep(tmp_path)
    assert ModelChoice.of(tmp_path) == choice
    SHIPPED.keep(tmp_path)
    assert ModelChoice.of(tmp_path) == SHIPPED
