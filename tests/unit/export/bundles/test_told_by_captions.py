"""The curve that captions tell: the logistic regression of what is right, with thresholds among everyday texts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from export.bundles.told_by_captions import FEWEST, closest, curve_by_captions, curve_by_certainty
from export.understanding.view.image_encoder import Certainty

PHOTOS, DIM = 300, 48


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def collection(noise: float, *, photos: int = PHOTOS) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Captions and the views of their photos; the more noise, the less they have in common."""
    random = np.random.default_rng(1)
    views = unit(random.standard_normal((photos, DIM)))
    return unit(views + noise * unit(random.standard_normal((photos, DIM)))), views


def everyday(views: NDArray[np.float32]) -> NDArray[np.float32]:
    return closest(views, unit(np.random.default_rng(2).standard_normal((100, DIM))), photos=len(views))


@pytest.mark.parametrize("noise", [1.5, 2.0])
def test_it_is_the_logistic_regression_of_what_is_right(noise: float) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="needs scipy, as training does")
    captions, views = collection(noise)
    absent = everyday(views)
    curve = curve_by_captions(captions, views, absent)
    assert curve is not None
    right, wrong = (captions * views).sum(1), (captions * np.roll(views, PHOTOS // 2, axis=0)).sum(1)

    def loss(line: NDArray[np.float64]) -> float:
        logits = [line[0] * scores + line[1] for scores in (right, wrong, absent)]
        return float(np.logaddexp(0, -logits[0]).mean() + sum(np.logaddexp(0, each).mean() for each in logits[1:]))

    best = optimize.minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"maxiter": 5_000, "xatol": 1e-4}).x
    found = 1 / (1 + np.exp(-(curve.slope * right + curve.intercept)))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-(best[0] * right + best[1]))), atol=0.02)


def test_captions_that_say_less_make_less_sure() -> None:
    curves = [curve_by_captions(*collection(noise), everyday(collection(noise)[1])) for noise in (1.0, 1.5, 2.0)]
    slopes = [curve.slope for curve in curves if curve is not None]
    assert len(slopes) == len(curves)
    assert slopes == sorted(slopes, reverse=True)


def test_the_thresholds_are_what_everyday_texts_hardly_reach() -> None:
    captions, views = collection(1.0)
    absent = everyday(views)
    for curve in (
        curve_by_captions(captions, views, absent),
        curve_by_certainty(Certainty(scale=9.0, bias=-8.0), absent),
    ):
        assert curve is not None
        relevances = curve.relevance(absent, np.full_like(absent, -1.0))
        assert (relevances >= curve.threshold).mean() == pytest.approx(0.1, abs=0.02)
        assert (relevances >= curve.perhaps).mean() == pytest.approx(0.3, abs=0.02)


def test_an_image_encoders_own_probability_is_its_relevance() -> None:
    curve = curve_by_certainty(Certainty(scale=117.3, bias=-12.9), np.array([0.05, 0.1], np.float32))
    (relevance,) = curve.relevance(np.array([0.11], np.float32), np.array([-1.0], np.float32))
    assert relevance == pytest.approx(1 / (1 + np.exp(-(117.3 * 0.11 - 12.9))), abs=1e-5)


def test_few_captions_tell_nothing() -> None:
    captions, views = collection(0.5, photos=FEWEST)
    assert curve_by_captions(captions, views, everyday(views)) is not None
    assert curve_by_captions(captions[1:], views[1:], everyday(views)) is None


def test_captions_that_the_encoder_does_not_understand_tell_nothing() -> None:
    captions, views = collection(0.5)
    assert curve_by_captions(np.roll(captions, 7, axis=0), views, everyday(views)) is None


def test_what_comes_closest_of_all_photos_is_told_by_some() -> None:
    random = np.random.default_rng(3)
    views, texts = unit(random.standard_normal((8_000, DIM))), unit(random.standard_normal((60, DIM)))
    whole = closest(views, texts, photos=8_000)
    np.testing.assert_allclose(whole, (texts @ views.T).max(1))
    part = closest(views[:1_000], texts, photos=8_000)
    assert float(np.median(part)) == pytest.approx(float(np.median(whole)), abs=0.03)
