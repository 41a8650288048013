"""What is measured of pictures: copies, what counts as the same, and the curve."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.training.data.corpus import CaptionedPhoto
from export.training.evaluation.picture_fitting import (
    PERHAPS,
    Asked,
    cropped,
    fit_curve,
    mirrored,
    shows_the_same,
    smaller,
)
from handler.bundle.encoder import Encoder


class LettersEncoder:
    """A text's vector says which of two letters it has."""

    dim = 2

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[float("a" in text), float("b" in text)] for text in texts], np.float32)


def photo(*captions: str, names: tuple[str, ...] = ()) -> CaptionedPhoto:
    return CaptionedPhoto(path=Path("unused.jpg"), captions=captions, names=names)


def test_copies() -> None:
    image = Image.new("RGB", (200, 100))
    image.paste((255, 0, 0), (0, 0, 50, 100))

    def opened(data: bytes) -> Image.Image:
        return Image.open(io.BytesIO(data))

    assert opened(smaller(112, 70)(image)).size == (112, 56)
    assert opened(cropped(image)).size == (160, 80)
    red = np.asarray(opened(mirrored(image)))[:, :, 0]
    assert (red[:, 160:] > 200).all()
    assert (red[:, :140] < 50).all()


def test_photos_of_one_name_show_the_same() -> None:
    photos = [photo(names=("cup", "mug")), photo(names=("mug",)), photo(names=("plate",))]
    same = shows_the_same(photos, cast(Encoder, LettersEncoder()))
    assert same.tolist() == [[False, True, False], [True, False, False], [False, False, False]]


def test_photos_of_which_people_say_the_same_show_the_same() -> None:
    photos = [photo("a", "a"), photo("a", "a"), photo("b", "b"), photo(names=("cup",))]
    same = shows_the_same(photos, cast(Encoder, LettersEncoder()))
    assert np.argwhere(same).tolist() == [[0, 1], [1, 0]]


def test_the_curve_says_how_often_a_score_is_right() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(0, 1, (400, 20)).astype(np.float32)
    probability = 1 / (1 + np.exp(-(12 * scores - 9)))  # what the curve should find
    same = random.random(scores.shape) < probability
    curve = fit_curve({"one": [Asked(scores=scores, same=same)]})

    at = np.array([0.6, 0.75, 0.9], np.float32)
    found = curve.relevance(at, np.full_like(at, -1.0))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-(12 * at - 9))), atol=0.05)
    assert curve.perhaps == PERHAPS < curve.threshold == pytest.approx(0.4, abs=0.1)
