"""Quantisation: what int8 keeps of a vector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handler.bundle.index.vector_index import QuantisedVectors, from_bytes, quantise, scale_of, to_bytes


def test_worked_example() -> None:
    vectors = np.array([[0.5, -1.27]], np.float32)

    assert scale_of(vectors) == pytest.approx(0.01)
    assert quantise(vectors, 0.01).tolist() == [[50, -127]]


def test_clips_what_does_not_fit() -> None:
    steps = quantise(np.array([9.0, -9.0, 0.004], np.float32), 0.01)

    assert steps.tolist() == [127, -127, 0]
    assert steps.dtype == np.int8


def test_nothing_has_a_scale_too() -> None:
    assert scale_of(np.zeros((2, 3), np.float32)) == 1.0
    assert scale_of(np.empty((0, 3), np.float32)) == 1.0


@given(arrays(np.float32, (3, 8), elements=st.floats(-100, 100, width=32, allow_subnormal=False)))
def test_is_within_half_a_step(vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    scale = scale_of(vectors)
    restored = quantise(vectors, scale).astype(np.float32) * scale

    assert np.abs(restored - vectors).max() <= scale * 0.501


@given(arrays(np.float32, (2, 3, 8), elements=st.floats(-100, 100, width=32, allow_subnormal=False)))
def test_each_vector_has_a_scale_of_its_own(vectors: np.ndarray[tuple[int, int, int], np.dtype[np.float32]]) -> None:
    stored = QuantisedVectors.of(vectors)

    assert stored.rows.dtype == np.int8
    assert stored.scales.shape == (2, 3)
    assert (np.abs(stored.floats() - vectors).max(axis=-1) <= stored.scales * 0.501).all()
    for place in np.ndindex(2, 3):
        alone = QuantisedVectors.of(vectors[place])
        assert alone.rows.tolist() == stored.rows[place].tolist()
        assert alone.scales == stored.scales[place]


def test_the_largest_component_takes_all_of_int8() -> None:
    stored = QuantisedVectors.of(np.array([[0.5, -0.25], [0.0, 0.0]], np.float32))

    assert stored.rows.tolist() == [[127, -64], [0, 0]]
    assert stored.scales.tolist() == [pytest.approx(0.5 / 127), 1.0]


@given(arrays(np.float32, (3, 8), elements=st.floats(-100, 100, width=16)))
def test_in_16_bits_steps_are_256_times_as_fine(vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    stored = QuantisedVectors.in_16_bits(vectors)

    assert stored.rows.dtype == np.int16
    assert (np.abs(stored.floats() - vectors).max(axis=-1) <= stored.scales * 0.502).all()
    largest = np.abs(vectors).max(axis=-1)
    np.testing.assert_allclose(stored.scales, np.where(largest > 0, largest / (127 * 256), 1.0), rtol=1e-6)
    pairs = to_bytes(stored.rows)
    assert pairs.shape == (3, 2, 8)
    assert pairs.dtype == np.int8
    np.testing.assert_array_equal(from_bytes(pairs), stored.rows)


def test_in_8_bits_they_are_as_if_they_had_never_been_finer() -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    coarse = QuantisedVectors.of(vectors)

    assert coarse.in_8_bits() is coarse
    assert np.abs(QuantisedVectors.in_16_bits(vectors).in_8_bits().rows - coarse.rows).max() <= 1


def test_two_bytes_of_a_number() -> None:
    assert to_bytes(np.array([[300, -5]], np.int16)).tolist() == [[[1, 0], [44, -5]]]
