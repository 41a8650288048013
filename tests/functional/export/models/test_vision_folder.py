"""The vision out of a captioner's files: that it sees as the captioner does, and whose photos it fits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.disk.model_files import CAPTIONER_FILES
from export.errors import ModelError, OutputError
from export.gallery.vision_in_service import vision_of
from export.models.model_choice import ModelChoice
from export.models.model_set import MODELS, shipped_models
from export.models.vision_folder import PICTURES_FILE, describe_vision, write_vision
from export.understanding.onnx_captioner import OnnxCaptioner, OnnxCaptionerSource
from handler.errors import BundleError
from handler.search.pictures.vision import Vision

PIXELS = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The shipped captioner's files, to be changed."""
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


def test_it_sees_as_the_captioner_does(models: Path, tmp_path: Path) -> None:
    (models / PICTURES_FILE).unlink()  # without what is taken out
    captioner = OnnxCaptioner(OnnxCaptionerSource.open(models / "captioner"))
    expected = captioner.describe(PIXELS[np.newaxis]).visual[0]

    size_bytes = write_vision(models, tmp_path / "vision")
    vision = Vision.find(tmp_path / "vision")
    assert vision is not None
    np.testing.assert_allclose(vision.see(PIXELS), expected, atol=1e-5)
    assert size_bytes == sum(path.stat().st_size for path in (tmp_path / "vision").iterdir()) < 11_000_000


def test_it_fits_the_photos_of_that_captioner_with_an_encoder_or_without() -> None:
    captioner = MODELS / "captioner"
    identities = {
        OnnxCaptionerSource.open(captioner).identity,
        OnnxCaptionerSource.open(captioner, encoder=MODELS / "encoder").identity,
    }
    described = describe_vision(captioner, MODELS / PICTURES_FILE)

    assert set(described.captioners) == identities
    assert len(identities) == 2
    calibration = shipped_models().calibration
    assert calibration is not None
    assert calibration.captioner in identities


def test_what_was_measured_is_of_the_shipped_graph() -> None:
    described = describe_vision(MODELS / "captioner", MODELS / PICTURES_FILE)

    assert (described.image_side, len(described.trace)) == (256, 384)
    assert np.linalg.norm(described.trace) == pytest.approx(1.0, abs=1e-5)
    assert described.curve is not None


def test_what_was_measured_of_another_graph_is_passed_over(models: Path) -> None:
    measured = json.loads((models / PICTURES_FILE).read_bytes())
    (models / PICTURES_FILE).write_text(json.dumps({**measured, "sha256": "ab" * 32}))
    described = describe_vision(models / "captioner", models / PICTURES_FILE)

    assert (described.trace, described.curve) == ((), None)


@pytest.mark.parametrize("name", CAPTIONER_FILES)
def test_a_file_is_missing(models: Path, name: str) -> None:
    (models / "captioner" / name).unlink()
    with pytest.raises(ModelError, match=f"has no {name}"):
        describe_vision(models / "captioner", models / PICTURES_FILE)


@pytest.mark.parametrize(
    ("path", "content"),
    [("captioner/captioner.json", "[]"), ("captioner/captioner.json", "{"), (PICTURES_FILE, '{"sha256": 1}')],
)
def test_a_file_is_not_what_it_should_be(models: Path, path: str, content: str) -> None:
    (models / path).write_text(content)
    with pytest.raises(ModelError, match="can't be used"):
        describe_vision(models / "captioner", models / PICTURES_FILE)


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "vision").mkdir()
    with pytest.raises(FileExistsError):
        write_vision(MODELS, tmp_path / "vision")


def test_an_output_folder_has_the_vision_that_its_photos_were_seen_by(models: Path, tmp_path: Path) -> None:
    shipped = vision_of(tmp_path)
    assert shipped is not None
    assert shipped.graph == MODELS / "captioner/vision.onnx"
    ModelChoice(models=str(models)).keep(tmp_path)
    own = vision_of(tmp_path)
    assert own is not None
    assert own.graph == models / "captioner/vision.onnx"
    ModelChoice(captioner=str(models / "captioner")).keep(tmp_path)
    captioner = vision_of(tmp_path)
    assert captioner is not None
    assert captioner.description.trace == own.description.trace


def test_beside_a_captioner_of_another_kind_the_shipped_one_sees(tmp_path: Path) -> None:
    ModelChoice(captioner="Salesforce/blip-image-captioning-base").keep(tmp_path)
    beside = vision_of(tmp_path)
    assert beside is not None
    assert beside.graph == MODELS / "captioner/vision.onnx"


def test_a_captioner_that_is_damaged_by_now(models: Path, tmp_path: Path) -> None:
    ModelChoice(models=str(models)).keep(tmp_path)
    (models / "captioner/decoder.onnx").unlink()
    vision = vision_of(tmp_path)
    assert vision is not None
    with pytest.raises(BundleError, match=r"has no decoder\.onnx"):
        _ = vision.description


def test_a_choice_that_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text("[]")
    with pytest.raises(OutputError, match="isn't a file of Thinlens"):
        vision_of(tmp_path)
