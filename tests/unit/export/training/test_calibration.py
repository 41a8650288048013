"""Calibration on made-up views, of which one is better than the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from export.bundles.background import absent_level
from export.training.evaluation.calibration import (
    ABSENT_ANSWERED,
    ABSENT_PERHAPS,
    UNSURE,
    CalibrationData,
    KindData,
    Spline,
    fit,
    fit_spline,
    fit_weights,
    score_pairs,
)


def make_data(*, noise: tuple[float, float], shift: float = 0.0, seed: int = 0) -> CalibrationData:
    """Queries are photos plus noise; view i is the photo plus noise[i]; all scores are ``shift`` higher."""
    random = np.random.default_rng(seed)

    def near(vectors: NDArray[np.floating], amount: float) -> NDArray[np.float32]:
        moved = vectors + amount * random.standard_normal(vectors.shape)
        return np.asarray(moved / np.linalg.norm(moved, axis=-1, keepdims=True), np.float32)

    photos = near(np.zeros((300, 32)), 1.0)

    def shifted(vectors: NDArray[np.float32], by: float) -> NDArray[np.float32]:
        return np.concatenate([vectors, np.full((*vectors.shape[:-1], 1), by, np.float32)], axis=-1)

    return CalibrationData(
        views=shifted(np.stack([near(photos, amount) for amount in noise], axis=1), shift),
        kinds={
            "sentence": KindData(
                queries=shifted(near(photos.repeat(3, axis=0), 0.1), 1.0),
                right=np.eye(300, dtype=np.int8).repeat(3, axis=0),
                absent=shifted(near(np.zeros((200, 32)), 1.0), 1.0),
            )
        },
        things=shifted(near(np.zeros((100, 32)), 1.0), 1.0),
    )


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + np.exp(-logits)))


def test_the_better_view_gets_more_weight() -> None:
    weights = fit_weights([make_data(noise=(0.3, 0.1))])
    assert weights.sum() == pytest.approx(1.0)
    assert 0.0 < weights[0] < weights[1]


def test_views_as_good_as_each_other_weigh_the_same() -> None:
    assert fit_weights([make_data(noise=(0.2, 0.2))]) == pytest.approx([0.5, 0.5], abs=0.05)


def test_the_curve_tells_own_photos_from_others_and_from_what_is_absent() -> None:
    data = make_data(noise=(0.2, 0.1))
    fitted = fit([data])
    curve, asked = fitted.curves["sentence"], data.kinds["sentence"]
    fused = np.einsum("pvd,v->pd", data.views, np.array(fitted.weights, np.float32))
    level = absent_level(fused, data.things, photos=len(fused))

    def relevance(scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return curve.relevance(np.asarray(scores - level, np.float32), np.full(len(scores), -1.0, np.float32))

    owners = np.arange(300).repeat(3)
    own = relevance((asked.queries * fused[owners]).sum(1))
    others = relevance((asked.queries * fused[(owners + 1) % len(fused)]).sum(1))
    absent = relevance((asked.absent @ fused.T).max(1))
    assert (absent >= curve.threshold).mean() == pytest.approx(ABSENT_ANSWERED["sentence"], abs=0.02)
    assert (absent >= curve.perhaps).mean() == pytest.approx(ABSENT_PERHAPS["sentence"], abs=0.02)
    assert set(fitted.curves) == {"sentence"}
    assert curve.slope > 0
    assert own.mean() > 0.9
    assert others.mean() < 0.05
    assert absent.mean() < 0.35


def test_a_collection_in_which_everything_scores_higher_has_the_same_curve() -> None:
    low, high = make_data(noise=(0.2, 0.1)), make_data(noise=(0.2, 0.1), shift=0.3)
    alone, together = (fit(data).curves["sentence"] for data in ([low], [low, high]))
    above, no_caption = np.linspace(-0.5, 0.5, 11, dtype=np.float32), np.full(11, -1.0, np.float32)
    assert together.relevance(above, no_caption) == pytest.approx(alone.relevance(above, no_caption), abs=0.02)


def test_what_only_few_said_of_a_photo_counts_neither_way() -> None:
    data = make_data(noise=(0.2, 0.1))
    asked = data.kinds["sentence"]
    unsure = asked.right.copy()
    unsure[asked.right == 0] = UNSURE
    unsure[:, 0] = asked.right[:, 0]
    pairs = score_pairs(
        CalibrationData(views=data.views, kinds={"name": replace(asked, right=unsure)}, things=data.things),
        "name",
        np.array([0.5, 0.5], np.float32),
    )
    assert len(pairs.own) == 900
    assert len(pairs.strangers) == 897  # of the first photo alone, of which 3 of 900 queries are


def test_the_curve_bends_where_recognised_photos_begin() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(-1.0, 1.0, 8_000)
    truth = Spline(slope=1.0, intercept=-2.0, knot=0.3, bend=12.0)
    positive = (random.random(len(scores)) < sigmoid(truth.logits(scores))).astype(float)
    spline = fit_spline(scores, positive, np.ones(len(scores)))
    above = np.linspace(-1.0, 1.0, 21)
    assert sigmoid(spline.logits(above)) == pytest.approx(sigmoid(truth.logits(above)), abs=0.04)
    assert (spline.knot, spline.bend) == pytest.approx((truth.knot, truth.bend), rel=0.2)


def test_where_nothing_bends_the_curve_is_a_logistic_one() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(-1.0, 1.0, 8_000)
    positive = (random.random(len(scores)) < sigmoid(4.0 * scores - 1.0)).astype(float)
    spline = fit_spline(scores, positive, np.ones(len(scores)))
    assert spline.logits(np.array([-0.5, 0.0, 0.5])) == pytest.approx([-3.0, -1.0, 1.0], abs=0.3)
