"""Blocks: weights in 4 or 8 bits, with a scale for every 128 of them along a row.

It knows matrices, nothing of graphs. Blocks of 128 are the smallest to store and the fastest to multiply with; what
blocks of 32 would give back of the recall is less than half a point (export/training/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A matrix [rows, width] in few bits: value = (code - 2 ** (bits - 1)) * scale.

    Attributes:
        codes: uint8 [rows, blocks, 128], padded with the code of 0; two to a byte at 4 bits, the first one low.
        scales: float32 [rows, blocks].
    """

    codes: NDArray[np.uint8]
    scales: NDArray[np.float32]


def to_blocks(matrix: NDArray[np.float32], *, bits: int) -> Blocks:
    """Round a matrix [rows, width] to 4 or 8 bits.

    The weight of the largest magnitude in a block gets the lowest code, as codes reach one further down than up.
    """
    rows, width = matrix.shape
    padded = np.pad(matrix, ((0, 0), (0, -width % BLOCK))).reshape(rows, -1, BLOCK)
    lowest = -(1 << (bits - 1))
    extreme = np.take_along_axis(padded, np.abs(padded).argmax(-1, keepdims=True), -1)
    scales = np.where(extreme == 0, 1.0, extreme / lowest).astype(np.float32)
    codes = (np.clip(np.rint(padded / scales), lowest, -lowest - 1) - lowest).astype(np.uint8)
    if bits == 4:
        codes = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return Blocks(codes=codes, scales=scales[..., 0])
