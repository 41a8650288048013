"""A sample of the mutations of mutations.py, which says how to run as many as one likes."""

from __future__ import annotations

import pytest

from tests.functional.handler.mutations import READ, REFUSED, run


@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_damaged_answers_wrongly_or_crashes(seed: int) -> None:
    outcomes = run(100, seed)
    assert set(outcomes) == {REFUSED, READ}, outcomes
    assert sum(outcomes.values()) == 100
    # Most mutations are found out before anything is asked.
    assert outcomes[REFUSED] > outcomes[READ]
