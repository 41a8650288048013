"""Quantisation: what int8 keeps of a vector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handler.bundle.index.vector_index import quantise, scale_of


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
