"""The shipped captioner on real photographs: its text encoder helps it to choose what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.models.model_set import MODELS
from export.photos.samples import copy_samples
from export.pictures.decoding import decode_photo
from export.understanding.onnx_captioner import Described, OnnxCaptionerSource
from handler.bundle.encoder import Encoder

CAPTIONER, ENCODER = MODELS / "captioner", MODELS / "encoder"


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    folder = tmp_path_factory.mktemp("samples")
    copy_samples(folder)
    return np.stack([decode_photo(path, image_size=256).pixels for path in sorted(folder.iterdir())])


def cosines(described: Described) -> NDArray[np.float32]:
    texts = Encoder.load(ENCODER).encode(described.answers[0])
    found: NDArray[np.float32] = (texts * described.visual).sum(1)
    return found


def test_captions_are_closer_to_what_is_seen(pixels: NDArray[np.uint8]) -> None:
    alone, helped = (OnnxCaptionerSource.open(CAPTIONER, encoder=each).load() for each in (None, ENCODER))
    most_probable, chosen = alone.describe(pixels), helped.describe(pixels)
    np.testing.assert_array_equal(most_probable.visual, chosen.visual)
    closer = cosines(chosen) - cosines(most_probable)
    assert closer.min() > -1e-5
    assert closer.mean() > 0.001
    assert helped.describe(pixels, beams=1).answers == alone.describe(pixels, beams=1).answers


def test_what_is_hardly_true_is_not_said(pixels: NDArray[np.uint8]) -> None:
    """Of the samples in order of their names: the third is a cat; the sixth are coins, the eighth are galaxies."""
    helped = OnnxCaptionerSource.open(CAPTIONER, encoder=ENCODER).load()
    said = [understanding.captions[0] for understanding in helped.understand(pixels)]
    assert "cat" in said[2].lower()
    assert said[5] == said[7] == ""
    assert all(text for text in helped.describe(pixels).answers[0])
    # Without the encoder nothing tells, so everything is said.
    assert all(each.captions[0] for each in OnnxCaptionerSource.open(CAPTIONER).load().understand(pixels))


def test_other_captions_make_it_another_captioner(tmp_path: Path) -> None:
    alone, helped = OnnxCaptionerSource.open(CAPTIONER), OnnxCaptionerSource.open(CAPTIONER, encoder=ENCODER)
    assert alone.identity != helped.identity
    shutil.copytree(ENCODER, tmp_path / "other")
    settings = tmp_path / "other/encoder.json"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with_other = OnnxCaptionerSource.open(CAPTIONER, encoder=tmp_path / "other")
    assert with_other == alone
