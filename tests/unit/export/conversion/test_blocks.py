from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from export.conversion.blocks import BLOCK, Blocks, to_blocks


def unfold(blocks: Blocks, *, width: int, bits: int) -> NDArray[np.float32]:
    codes = blocks.codes
    if bits == 4:
        codes = np.stack([codes & 15, codes >> 4], axis=-1).reshape(*codes.shape[:2], BLOCK)
    values: NDArray[np.float32] = (codes.astype(np.float32) - 2 ** (bits - 1)) * blocks.scales[..., None]
    return values.reshape(len(codes), -1)[:, :width]


SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 300))


@pytest.mark.parametrize("bits", [4, 8])
@settings(deadline=None, max_examples=50)
@given(
    matrix=arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 300)), elements=st.floats(-4, 4, width=16))
)
def test_every_weight_comes_back_within_a_step(matrix: NDArray[np.float32], bits: int) -> None:
    blocks = to_blocks(matrix, bits=bits)
    rows, width = matrix.shape
    count = -(-width // BLOCK)
    assert blocks.codes.shape == (rows, count, BLOCK * bits // 8)
    assert blocks.scales.shape == (rows, count)
    step = np.abs(blocks.scales).repeat(BLOCK, axis=1)[:, :width]
    assert (np.abs(unfold(blocks, width=width, bits=bits) - matrix) <= step * 1.001 + 1e-12).all()


def test_values_by_hand() -> None:
    # The largest is -4, which gets code 0; a step is 4 / 8 = 0.5; 1.9 rounds to 4 steps above 0.
    blocks = to_blocks(np.array([[-4.0, 1.9, 0.0]], np.float32), bits=4)
    assert blocks.scales.tolist() == [[0.5]]
    assert blocks.codes[0, 0, :2].tolist() == [0 | (12 << 4), 8 | (8 << 4)]


def test_zeros_stay_zeros() -> None:
    blocks = to_blocks(np.zeros((2, 200), np.float32), bits=8)
    assert (unfold(blocks, width=200, bits=8) == 0).all()
