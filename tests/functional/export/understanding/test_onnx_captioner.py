"""The shipped captioner on real photographs: its text encoder helps it to choose what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.models.model_set import MODELS
from export.photos.decoding import decode_photo
from export.photos.samples import copy_samples
from export.understanding.captioner import Understanding
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.encoder import Encoder

CAPTIONER, ENCODER = MODELS / "captioner", MODELS / "encoder"


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    folder = tmp_path_factory.mktemp("samples")
    copy_samples(folder)
    return np.stack([decode_photo(path, image_size=256).pixels for path in sorted(folder.iterdir())])


def cosines(understandings: list[Understanding]) -> NDArray[np.float32]:
    texts = Encoder.load(ENCODER).encode([each.captions[0] for each in understandings])
    views = np.stack([each.vector for each in understandings if each.vector is not None])
    found: NDArray[np.float32] = (texts * views).sum(1)
    return found


def test_captions_are_closer_to_what_is_seen(pixels: NDArray[np.uint8]) -> None:
    most_probable = OnnxCaptionerSource.open(CAPTIONER).load().understand(pixels)
    chosen = OnnxCaptionerSource.open(CAPTIONER, encoder=ENCODER).load().understand(pixels)
    for one, other in zip(most_probable, chosen, strict=True):
        np.testing.assert_array_equal(one.vector, other.vector)
    closer = cosines(chosen) - cosines(most_probable)
    assert closer.min() > -1e-5
    assert closer.mean() > 0.01
    one_hypothesis = OnnxCaptionerSource.open(CAPTIONER, encoder=ENCODER).load().understand(pixels, beams=1)
    assert [each.captions for each in one_hypothesis] == [
        each.captions for each in OnnxCaptionerSource.open(CAPTIONER).load().understand(pixels, beams=1)
    ]


def test_other_captions_make_it_another_captioner(tmp_path: Path) -> None:
    alone, helped = OnnxCaptionerSource.open(CAPTIONER), OnnxCaptionerSource.open(CAPTIONER, encoder=ENCODER)
    assert alone.identity != helped.identity
    shutil.copytree(ENCODER, tmp_path / "other")
    settings = tmp_path / "other/encoder.json"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with_other = OnnxCaptionerSource.open(CAPTIONER, encoder=tmp_path / "other")
    assert with_other == alone
