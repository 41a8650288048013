"""Rounding to 8 bits: near where nothing is known of the inputs, and with less harm where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.conversion.rounding import Rounded, round_for_inputs, round_to_nearest


def inputs(count: int, width: int, *, seed: int) -> NDArray[np.float32]:
    """Inputs that go together, none of them negative, and the last one always 0: as ReLU6 leaves them."""
    random = np.random.default_rng(seed)
    rows = np.maximum(random.normal(0.5, 1.0, (count, 3)) @ random.normal(0.5, 1.0, (3, width)), 0).astype(np.float32)
    rows[:, -1] = 0
    return rows


def test_the_nearest_integers_of_each_row_s_own_scale() -> None:
    rounded = round_to_nearest(np.array([[1.27, -0.634], [0.0, 0.0], [-254.0, 3.1]], np.float32))
    assert rounded.whole.tolist() == [[127, -63], [0, 0], [-127, 2]]
    np.testing.assert_allclose(rounded.scale[[0, 2]], [[0.01], [2.0]], rtol=1e-6)


def test_products_with_known_inputs_change_less() -> None:
    weights = np.random.default_rng(1).normal(size=(12, 40)).astype(np.float32)
    weights[:, 0] *= 30  # one large weight makes all steps coarse
    seen, others = inputs(600, 80, seed=2)[:, :40], inputs(600, 80, seed=2)[:, :40]

    def error(rounded: Rounded) -> float:
        return float(np.square(others @ (rounded.whole * rounded.scale - weights).T).mean())

    known = round_for_inputs(weights, seen.T @ seen)
    assert error(known) < 0.1 * error(round_to_nearest(weights))
    assert known.whole.dtype == np.int8
    assert known.scale.shape == (12, 1)


def test_what_many_inputs_are_off_by_is_made_good_by_those_that_follow() -> None:
    weights = np.random.default_rng(6).normal(size=(5, 150)).astype(np.float32)
    seen = inputs(900, 150, seed=7)
    expected = gptq(weights, seen.T @ seen)
    np.testing.assert_array_equal(round_for_inputs(weights, seen.T @ seen).whole, expected)


def gptq(weights: NDArray[np.float32], moments: NDArray[np.float32]) -> NDArray[np.int8]:
    """As the paper has it: by the inverse, one input after the other, and all that follow told at once."""
    scale = np.abs(weights).max(1, keepdims=True) / np.float32(127)
    order = np.argsort(np.diagonal(moments), kind="stable")[::-1]
    damped = moments[np.ix_(order, order)] + (0.01 * np.diagonal(moments).mean() + 1e-8) * np.eye(len(moments))
    upper = np.linalg.cholesky(np.linalg.inv(damped.astype(np.float64))).T
    left = (weights / scale).astype(np.float64)[:, order]
    whole = np.zeros(left.shape, np.int8)
    for place in range(left.shape[1]):
        rounded = np.clip(np.rint(left[:, place]), -127, 127)
        whole[:, order[place]] = rounded
        left[:, place:] -= np.outer((left[:, place] - rounded) / upper[place, place], upper[place, place:])
    return whole


def test_each_channel_of_its_own_as_if_it_were_alone() -> None:
    kernels = np.random.default_rng(3).normal(size=(5, 1, 3, 3)).astype(np.float32)
    windows = np.stack([inputs(200, 9, seed=seed) for seed in range(5)])
    moments = windows.swapaxes(1, 2) @ windows
    together = round_for_inputs(kernels, moments)
    assert together.whole.shape == kernels.shape
    for channel in range(5):
        alone = round_for_inputs(kernels[channel : channel + 1], moments[channel])
        np.testing.assert_array_equal(together.whole[channel], alone.whole[0])
        np.testing.assert_array_equal(together.scale[channel], alone.scale[0])


def test_seven_bits_reach_no_further_than_asked() -> None:
    weights = np.random.default_rng(4).normal(size=(6, 20)).astype(np.float32)
    seen = inputs(100, 20, seed=5)
    rounded = round_for_inputs(weights, seen.T @ seen, highest=63)
    assert 60 <= np.abs(rounded.whole.astype(int)).max() <= 63
    assert np.abs(rounded.whole * rounded.scale - weights).max() < 0.2
