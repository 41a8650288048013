"""What the thresholds cost: words, phrases and sentences that find nothing, and absent things that find something.

It knows vectors and curves, nothing of photos or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.evaluation.retrieval import RelevancePairs, expected_calibration_error
from export.training.evaluation.calibration import CalibrationData, score_pairs, scores_above_level
from handler.bundle.relevance import Calibration, Curve, QueryKind

_FIRST = 10
_SEVERAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScores:
    """How one kind of query does, as shares of 1.

    Attributes:
        queries: How many were asked of what is there.
        precision: Of the first min(10, n) photos of a ranking, where n are right.
        first_right: Queries whose first photo is right.
        empty: Queries of which no photo is relevant, and ``blank``, nor perhaps meant.
        empty_though_right: The same of those whose first photo is right, and ``blank_though_right``.
        shown_precision: Of the photos that are relevant by the threshold.
        f1: Of these photos, the mean over queries of which two or more are right; 0 where there is none.
        absent_answered: Queries about absent things that find something relevant, and ``absent_perhaps``, or perhaps.
        ece: Expected calibration error.
    """

    queries: int
    precision: float
    first_right: float
    empty: float
    blank: float
    empty_though_right: float
    blank_though_right: float
    shown_precision: float
    f1: float
    absent_answered: float
    absent_perhaps: float
    ece: float


def score_kind(collections: Sequence[CalibrationData], kind: QueryKind, calibration: Calibration) -> KindScores:
    """Ask every query of a kind of its own collection, and sum up; there must be some."""
    weights, curve = np.array(calibration.weights, np.float32), calibration.curve(kind)
    asked = [data for data in collections if kind in data.kinds]
    found = [_ask(data, kind, weights, curve) for data in asked]
    precision, first, best, shown, right, there = (np.concatenate(parts) for parts in zip(*found, strict=True))
    absent = np.concatenate([_relevance(curve, score_pairs(data, kind, weights).closest) for data in asked])
    least = min(curve.perhaps, curve.threshold)
    return KindScores(
        queries=len(first),
        precision=float(precision.mean()),
        first_right=float(first.mean()),
        empty=float((best < curve.threshold).mean()),
        blank=float((best < least).mean()),
        empty_though_right=float((best[first] < curve.threshold).mean()),
        blank_though_right=float((best[first] < least).mean()),
        shown_precision=float(right.sum() / max(1, shown.sum())),
        f1=_macro_f1(shown, right, there),
        absent_answered=float((absent >= curve.threshold).mean()),
        absent_perhaps=float((absent >= least).mean()),
        ece=expected_calibration_error(_pairs(asked, kind, weights, curve)),
    )


def _ask(
    data: CalibrationData, kind: QueryKind, weights: NDArray[np.float32], curve: Curve
) -> tuple[NDArray[Any], ...]:
    """Of each query: precision, whether the first is right, its relevance, photos shown, these right, all right."""
    scores, right = scores_above_level(data, kind, weights), data.kinds[kind].right == 1
    relevances = _relevance(curve, scores)
    order = np.argsort(-scores, axis=1)[:, :_FIRST]
    hits = np.take_along_axis(right, order, axis=1)
    counted = np.minimum(right.sum(1), _FIRST)
    considered = np.arange(order.shape[1]) < counted[:, np.newaxis]
    shown = (relevances >= curve.threshold) & (data.kinds[kind].right >= 0)
    precision, there = (hits & considered).sum(1) / counted, right.sum(1)
    return precision, hits[:, 0], relevances.max(1), shown.sum(1), (shown & right).sum(1), there


def _macro_f1(shown: NDArray[np.int64], right: NDArray[np.int64], there: NDArray[np.int64]) -> float:
    several = there >= _SEVERAL
    if not several.any():
        return 0.0
    return float((2 * right[several] / (shown[several] + there[several])).mean())


def _pairs(
    collections: Sequence[CalibrationData], kind: QueryKind, weights: NDArray[np.float32], curve: Curve
) -> RelevancePairs:
    """Queries with right photos, others and, where nothing is right, the closest: a third of the weight each."""
    parts = zip(*(score_pairs(data, kind, weights, seed=1).parts for data in collections), strict=True)
    relevances = [_relevance(curve, np.concatenate(part)) for part in parts]
    return RelevancePairs(
        relevances=np.concatenate(relevances),
        labels=np.concatenate([np.full(len(part), float(number == 0)) for number, part in enumerate(relevances)]),
        weights=np.concatenate([np.full(len(part), 1 / (3 * len(part))) for part in relevances]),
    )


def _relevance(curve: Curve, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return curve.relevance(scores.astype(np.float32), np.full(scores.shape, -1.0, np.float32))
