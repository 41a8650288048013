"""What thresholds cost, on scores of which everything is known."""

from __future__ import annotations

import numpy as np
import pytest

from export.training.evaluation.calibration import UNSURE, CalibrationData, KindData
from export.training.evaluation.kinds import score_kind
from handler.bundle.relevance import Calibration, Curve

# Photos are the axes; a query's component along an axis is its score with that photo.
SCORES = np.array([[0.9, 0.5, 0.1, 0.0], [0.2, 0.6, 0.7, 0.0], [0.3, 0.1, 0.1, 0.2]], np.float32)
RIGHT = np.array([[1, 1, 0, 0], [0, 1, UNSURE, 0], [1, 0, 0, 0]], np.int8)
ABSENT = np.array([[0.8, 0, 0, 0], [0.4, 0, 0, 0], [0.1, 0, 0, 0], [0.0, 0.1, 0, 0]], np.float32)
THINGS = np.zeros((10, 4), np.float32)  # so that the level is 0
CURVE = Curve(slope=10.0, intercept=-5.0, threshold=0.5, perhaps=0.1)  # 0.5 at a score of 0.5, 0.1 at 0.28


def test_everything_is_counted() -> None:
    data = CalibrationData(
        views=np.eye(4, dtype=np.float32)[:, np.newaxis],
        kinds={"name": KindData(queries=SCORES, right=RIGHT, absent=ABSENT)},
        things=THINGS,
    )
    calibration = Calibration.of_one_curve(CURVE, encoder="", captioner="", weights=(1.0,))
    scores = score_kind([data], "name", calibration)
    assert scores.queries == 3
    assert scores.precision == pytest.approx((1.0 + 0.0 + 1.0) / 3)
    assert scores.first_right == pytest.approx(2 / 3)
    assert scores.empty == pytest.approx(1 / 3)
    assert scores.blank == 0.0
    assert (scores.empty_though_right, scores.blank_though_right) == (0.5, 0.0)
    assert scores.shown_precision == pytest.approx(1.0)  # 0.9 and 0.5, and 0.6; of 0.7 nobody is sure
    assert (scores.absent_answered, scores.absent_perhaps) == (0.25, 0.5)
    assert 0.0 <= scores.ece <= 1.0
