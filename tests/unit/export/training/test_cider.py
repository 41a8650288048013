"""The reward, against the reference implementation."""

from __future__ import annotations

import numpy as np
import pytest
from pycocoevalcap.cider.cider_scorer import CiderScorer

from export.training.photo_training.cider import CiderReward

REFERENCES = [
    ["a brown dog runs through the grass", "the dog is running", "a dog in the grass"],
    ["a man rides a bike", "a man on a bike in the street", "somebody rides down the street"],
    ["two dogs play with a ball", "dogs playing on the grass", "two brown dogs and a ball"],
]
CANDIDATES = ["a brown dog in the grass", "a man rides a bike down the street", "a cat"]


def test_scores_are_the_reference_implementation_s() -> None:
    scorer = CiderScorer(n=4, sigma=6.0)
    for candidate, references in zip(CANDIDATES, REFERENCES, strict=True):
        scorer += (candidate, references)
    _, expected = scorer.compute_score()
    reward = CiderReward(REFERENCES)
    found = [reward.score(photo, text) for photo, text in enumerate(CANDIDATES)]
    assert found == pytest.approx(expected.tolist())
    assert np.ptp(found) > 1.0


def test_nothing_is_worth_nothing() -> None:
    assert CiderReward(REFERENCES).score(0, "") == 0.0
