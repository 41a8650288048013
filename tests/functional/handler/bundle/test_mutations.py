"""A sample of the mutations of mutations.py, which says how to run as many as one likes."""

from __future__ import annotations

import pytest

from tests.functional.handler.mutations import run


@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_damaged_answers_or_crashes(seed: int) -> None:
    assert run(100, seed) == {"refused": 100}
