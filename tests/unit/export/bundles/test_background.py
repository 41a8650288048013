from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from export.bundles.background import (
    FARTHER_WITH_PHOTOS,
    NEAREST,
    STEEPNESS,
    absent_level,
    calibrate_by_background,
    lay_over_collection,
    sample_of,
)
from export.evaluation.probes import PROBES, THINGS
from handler.bundle.relevance import Calibration, Curve


def vectors(count: int, *, seed: int, dim: int = 64) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    unit: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def relevance(score: float, *, slope: float, intercept: float) -> float:
    return float(1 / (1 + np.exp(-(slope * score + intercept))))


def test_the_curve_lies_where_it_is_said_to() -> None:
    views, probes = vectors(500, seed=0)[:, np.newaxis], vectors(60, seed=1)
    calibration = calibrate_by_background(
        views, probes, weights=(1.0,), photos=500, encoder="e" * 64, captioner="c" * 64
    )
    scores = (probes @ views[:, 0].T).ravel()
    low, middle = np.percentile(scores, [15.87, 50])
    even = middle + (middle - low) * (NEAREST + FARTHER_WITH_PHOTOS * np.log(500))
    curve = {"slope": calibration.name.slope, "intercept": calibration.name.intercept}
    assert relevance(even, **curve) == pytest.approx(0.5, abs=1e-3)
    assert calibration.name.slope == pytest.approx(STEEPNESS / (middle - low), rel=1e-3)
    assert (calibration.encoder, calibration.captioner, calibration.name.threshold) == ("e" * 64, "c" * 64, 0.5)


def test_views_count_as_much_as_they_are_said_to() -> None:
    views, probes = vectors(90, seed=0).reshape(30, 3, 64), vectors(9, seed=1)
    weights = (0.2, 0.2, 0.6)
    calibration = calibrate_by_background(views, probes, weights=weights, photos=30, encoder="e", captioner="c")
    assert calibration.weights == weights
    alone = (0.2 * views[:, 0] + 0.2 * views[:, 1] + 0.6 * views[:, 2])[:, np.newaxis]
    expected = calibrate_by_background(alone, probes, weights=(1.0,), photos=30, encoder="e", captioner="c")
    assert calibration.name.intercept == pytest.approx(expected.name.intercept, rel=1e-4)


def test_photos_that_probes_describe_leave_the_background_where_it_is() -> None:
    views, probes = vectors(400, seed=0)[:, np.newaxis], vectors(40, seed=1)
    matching = np.concatenate([views, probes[:20, np.newaxis]])
    before = calibrate_by_background(views, probes, weights=(1.0,), photos=400, encoder="e", captioner="c")
    after = calibrate_by_background(matching, probes, weights=(1.0,), photos=400, encoder="e", captioner="c")
    assert after.name.slope == pytest.approx(before.name.slope, rel=0.02)
    assert after.name.intercept == pytest.approx(before.name.intercept, rel=0.02)


def test_one_photo_and_photos_that_are_all_alike_have_a_curve_too() -> None:
    for views in (vectors(1, seed=0)[:, np.newaxis], np.repeat(vectors(1, seed=0)[:, np.newaxis], 5, axis=0)):
        calibration = calibrate_by_background(
            views, views[:, 0], weights=(1.0,), photos=len(views), encoder="e", captioner="c"
        )
        assert np.isfinite([calibration.name.slope, calibration.name.intercept]).all()
        assert calibration.name.slope > 0


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (7, 7), (2_000, 2_000), (70_000, 2_000)])
def test_a_sample_is_evenly_spread(count: int, expected: int) -> None:
    numbers = sample_of(count)
    assert (len(numbers), numbers[0], numbers[-1]) == (expected, 0, count - 1)
    assert (np.diff(numbers) > 0).all()


def test_probes_are_all_different() -> None:
    assert len(set(PROBES)) == len(PROBES) == 64
    assert len(set(THINGS)) == len(THINGS) > 250


def test_the_shipped_curves_count_from_the_level_of_the_collection() -> None:
    views, probes = vectors(300, seed=0).reshape(150, 2, 64), vectors(60, seed=1)
    name = Curve(slope=20.0, intercept=-3.0, knot=0.1, bend=5.0, threshold=0.6)
    phrase, sentence = replace(name, slope=10.0), replace(name, intercept=-4.0)
    shipped = Calibration(encoder="e", captioner="c", weights=(0.25, 0.75), name=name, phrase=phrase, sentence=sentence)
    laid = lay_over_collection(shipped, views, probes, photos=150)
    level = absent_level(0.25 * views[:, 0] + 0.75 * views[:, 1], probes, photos=150)
    assert laid.name.intercept == pytest.approx(-3.0 - 20.0 * level)
    assert laid.name.knot == pytest.approx(0.1 + level)
    assert laid.name == replace(name, intercept=laid.name.intercept, knot=laid.name.knot)
    assert laid.phrase.intercept == pytest.approx(-3.0 - 10.0 * level)
    assert laid.sentence.intercept == pytest.approx(-4.0 - 20.0 * level)
    assert laid == replace(shipped, name=laid.name, phrase=laid.phrase, sentence=laid.sentence)


def test_things_that_few_photos_show_dont_move_the_level() -> None:
    fused, things = vectors(500, seed=0), vectors(100, seed=1)
    shown = np.concatenate([things[:80], fused[:20]])
    assert absent_level(fused, shown, photos=500) == pytest.approx(absent_level(fused, things, photos=500), abs=0.02)


def test_the_level_of_a_sample_is_that_of_all_photos() -> None:
    fused, things = vectors(20_000, seed=0), vectors(300, seed=1)
    of_all = absent_level(fused, things, photos=20_000)
    of_sample = absent_level(fused[sample_of(20_000)], things, photos=20_000)
    as_many_as_sampled = absent_level(fused[sample_of(20_000)], things, photos=2_000)
    assert as_many_as_sampled < of_all - 0.04
    assert of_sample == pytest.approx(of_all, abs=0.015)


def test_one_photo_has_a_level() -> None:
    assert np.isfinite(absent_level(vectors(1, seed=0), vectors(9, seed=1), photos=1))
