"""The order of likeness: photos that are alike lie together, so that what answers a question lies in few blocks.

Rows are halved again and again, each time along the direction in which they differ most, as two-means clustering finds
it (a bisecting k-means of equal halves). All sums are of whole numbers that float32 holds exactly, so the order is the
same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

INT8_MAX = 127
_TOGETHER = 16
"""So few rows are left in the order that they have: they lie in one or two blocks."""
_SAMPLE = 512
_ROUNDS = 4

Floats = NDArray[np.float32]
Places = NDArray[np.uint16] | NDArray[np.uint32]
Order = NDArray[np.uint32]
"""The row that lies at each place, [n]: every one once."""


def likeness_order(rows: NDArray[np.signedinteger[Any]]) -> Order:
    """The order of int8 rows, [n, dim]; dim is at most 1,040, or what is said of machines above is not certain."""
    order = np.arange(len(rows), dtype=np.uint32)
    parts = [(0, len(rows))]
    while parts:
        low, high = parts.pop()
        if high - low <= _TOGETHER:
            order[low:high].sort()
            continue
        chosen = order[low:high]
        vectors = rows[chosen].astype(np.float32)
        along = vectors @ _direction(vectors[:: max(1, len(vectors) // _SAMPLE)])
        order[low:high] = chosen[np.argsort(along, kind="stable")]
        middle = (low + high) // 2
        parts += [(low, middle), (middle, high)]
    return order


def places_of(order: Order) -> Places:
    """The place at which each row lies, [n]."""
    small = len(order) <= 1 << 16
    places: Places = np.zeros(len(order), np.uint16) if small else np.zeros(len(order), np.uint32)
    places[order] = np.arange(len(order), dtype=places.dtype)
    return places


def _direction(sample: Floats) -> Floats:
    """From the mean of one half of a sample to that of the other, in whole steps, float32 [dim]."""
    direction = _whole_steps(sample[0].astype(np.float64) - sample[np.argmin(sample @ sample[0])])
    half = len(sample) // 2
    for _ in range(_ROUNDS):
        along = np.argsort(sample @ direction, kind="stable")
        lower, upper = (sample[part].sum(0, dtype=np.float64) for part in (along[:half], along[half:]))
        direction = _whole_steps(upper * half - lower * (len(sample) - half))
    return direction


def _whole_steps(vector: NDArray[np.float64]) -> Floats:
    """The same direction, its largest component 127 steps long."""
    largest = np.abs(vector).max(initial=0.0)
    return np.trunc(vector * INT8_MAX / largest).astype(np.float32) if largest else vector.astype(np.float32)
