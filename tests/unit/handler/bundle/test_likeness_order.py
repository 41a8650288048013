"""The order of likeness: every row once, rows that are alike together, and the same order on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.bundle.index.likeness_order import likeness_order


def rows_around(centres: int, count: int, dim: int = 64, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Int8 rows [count, dim], each near one of some centres, and the centre of each, int64 [count]."""
    random = np.random.default_rng(seed)
    middles = random.integers(-100, 101, size=(centres, dim))
    of = random.integers(centres, size=count)
    return np.clip(middles[of] + random.integers(-20, 21, size=(count, dim)), -127, 127).astype(np.int8), of


@settings(deadline=None, max_examples=40)
@given(count=st.integers(1, 300), dim=st.integers(1, 20), seed=st.integers(0, 1 << 32), values=st.integers(0, 127))
def test_every_row_is_there_once(count: int, dim: int, seed: int, values: int) -> None:
    rows = np.random.default_rng(seed).integers(-values, values + 1, size=(count, dim)).astype(np.int8)
    order = likeness_order(rows)
    assert order.dtype == np.uint32
    assert sorted(order.tolist()) == list(range(count))


@pytest.mark.parametrize("count", [1, 16, 17, 1_000])
def test_rows_that_are_all_alike_stay_in_their_order(count: int) -> None:
    assert likeness_order(np.full((count, 8), 5, np.int8)).tolist() == list(range(count))
    assert likeness_order(np.zeros((count, 8), np.int8)).tolist() == list(range(count))


def test_rows_around_one_centre_lie_together() -> None:
    rows, of = rows_around(50, 5_000)
    changes = int((np.diff(of[likeness_order(rows)]) != 0).sum())
    assert changes < 1_000  # 4,900 where they lie at random, 49 at best


def test_the_order_is_the_same_on_every_machine() -> None:
    """Products and sums of whole numbers are exact however they are added up."""
    rows, _ = rows_around(20, 3_000, 384, seed=3)
    digest = hashlib.sha256(likeness_order(rows).astype("<u4").tobytes()).hexdigest()
    assert digest == "99b720b89ca2152142a57d4f248e3921123967480507b1f3ce0f5c1f48f36634"
