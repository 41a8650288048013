"""Rounding: weights become 8-bit integers with a scale for each row, so that what they give changes least.

It knows matrices, nothing of graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DAMPING = 0.01
_AT_ONCE = 64
"""Inputs whose errors are made good among themselves, before those that follow are told of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounded:
    """Weights as integers times a scale for each row: int8 as the weights, float32 [rows, 1, …]."""

    whole: NDArray[np.int8]
    scale: NDArray[np.float32]


def round_to_nearest(weights: NDArray[np.float32]) -> Rounded:
    """Round weights [rows, …], each to the nearest integer."""
    scale = _scale(weights, 127)
    return Rounded(whole=np.rint(weights / scale).astype(np.int8), scale=scale)


def round_for_inputs(weights: NDArray[np.float32], moments: NDArray[np.float32], *, highest: int = 127) -> Rounded:
    """Round weights so that their products with inputs change least: what one is off by, the following ones make good.

    GPTQ (Frantar et al. 2022, arXiv 2210.17323, section 3), the largest inputs first, computed as Babai's nearest
    plane, which is the same without an inverse (Chen et al. 2025, arXiv 2507.18553).

    Args:
        weights: [rows, …], as many in a row as there are inputs.
        moments: The inputs' second moments, E[x xᵀ]: [inputs, inputs]; or for each row its own, [rows, inputs, inputs].
        highest: The largest integer, 127 for 8 bits.
    """
    scale = _scale(weights, highest)
    groups = moments[None] if moments.ndim == 2 else moments  # of rows that have the same inputs
    inputs = groups.shape[-1]
    shape = (len(groups), -1, inputs)
    diagonal = np.diagonal(groups, axis1=1, axis2=2).astype(np.float64)
    order = np.argsort(diagonal, axis=1, kind="stable")
    damping = _DAMPING * diagonal.mean(1) + 1e-8  # inputs that are always 0 have no moments at all
    damped = groups + damping[:, None, None] * np.eye(inputs)
    damped = np.take_along_axis(np.take_along_axis(damped, order[:, :, None], 1), order[:, None], 2)
    lower = np.linalg.cholesky(damped)
    lower /= np.diagonal(lower, axis1=1, axis2=2)[:, None].copy()
    steps = (weights / scale).astype(np.float64).reshape(shape)
    given = np.ascontiguousarray(np.take_along_axis(steps, order[:, None], 2).swapaxes(1, 2))
    wanted, whole = given.copy(), np.zeros(given.shape, np.int8)
    for end in range(inputs, 0, -_AT_ONCE):
        start = max(0, end - _AT_ONCE)
        off = np.empty_like(given[:, start:end])
        for place in reversed(range(start, end)):
            rounded = np.clip(np.rint(wanted[:, place]), -highest, highest)
            whole[:, place] = rounded
            off[:, place - start] = given[:, place] - rounded
            wanted[:, start:place] += lower[:, place, start:place, None] * off[:, place - start, None]
        wanted[:, :start] += lower[:, start:end, :start].swapaxes(1, 2) @ off
    restored = np.take_along_axis(whole, np.argsort(order, axis=1)[:, :, None], 1).swapaxes(1, 2)
    return Rounded(whole=np.ascontiguousarray(restored).reshape(weights.shape), scale=scale)


def _scale(weights: NDArray[np.float32], highest: int) -> NDArray[np.float32]:
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scale: NDArray[np.float32] = np.maximum(largest, 1e-12).astype(np.float32) / highest
    return scale
