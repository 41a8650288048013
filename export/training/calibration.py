"""Calibration: the weights of the views and the curve from score to relevance, fitted on served vectors.

It knows vectors, nothing of photos or files. Two fits, one after the other:

* the weights of the views are a conditional logit (McFadden 1974): each query has to pick its
  photo out of all photos, by the weighted sum of the views' cosines;
* the curve is a logistic regression (Platt 1999) of "a person wrote this text of this photo" on
  that sum, over three kinds of pairs of equal total weight: a query with its own photo, with a
  random other photo, and a query about what is in none of the photos with the photo that comes
  closest. The last are the hard negatives that are surely negative.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

_RANDOM_PHOTOS_PER_QUERY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationData:
    """Queries and photos as they are served.

    Attributes:
        views: float32 [photos, views, dim], the caption views and the visual view, unit L2 norm.
        queries: float32 [queries, dim], texts that people wrote of the photos.
        owners: int64 [queries], the photo of each query.
        absent: float32 [m, dim], texts about what is in none of the photos.
    """

    views: NDArray[np.float32]
    queries: NDArray[np.float32]
    owners: NDArray[np.int64]
    absent: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What was fitted: the weights sum to one, relevance = sigmoid(slope * score + intercept)."""

    weights: tuple[float, ...]
    slope: float
    intercept: float


def fit_curve(data: CalibrationData, *, seed: int = 0) -> Curve:
    """Fit weights, slope and intercept."""
    weights = fit_weights(data)
    fused = np.einsum("pvd,v->pd", data.views, weights)
    random = np.random.default_rng(seed)
    own = (data.queries * fused[data.owners]).sum(1)
    step = random.integers(1, len(fused), (len(own), _RANDOM_PHOTOS_PER_QUERY))
    others = (data.owners[:, None] + step) % len(fused)
    strangers = np.einsum("qd,qnd->qn", data.queries, fused[others]).ravel()
    closest = (data.absent @ fused.T).max(1)
    scores = np.concatenate([own, strangers, closest])
    positive = np.concatenate([np.ones(len(own)), np.zeros(len(strangers) + len(closest))])
    importance = np.concatenate([np.full(len(part), 1.0 / len(part)) for part in (own, strangers, closest)])
    slope, intercept = _logistic(scores, positive, importance)
    return Curve(weights=tuple(float(weight) for weight in weights), slope=slope, intercept=intercept)


def fit_weights(data: CalibrationData) -> NDArray[np.float32]:
    """Weights of the views, float32 [views], none negative, summing to one."""
    cosines = np.einsum("qd,pvd->vqp", data.queries, data.views).astype(np.float32)
    rows = np.arange(len(data.queries))
    own = cosines[:, rows, data.owners]

    def negative_log_likelihood(strengths: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = np.tensordot(strengths.astype(np.float32), cosines, 1)
        logits -= logits.max(1, keepdims=True)
        probabilities = np.exp(logits)
        probabilities /= probabilities.sum(1, keepdims=True)
        expected = np.einsum("vqp,qp->v", cosines, probabilities)
        loss = -np.log(np.maximum(probabilities[rows, data.owners], 1e-30)).mean()
        return float(loss), ((expected - own.sum(1)) / len(rows)).astype(np.float64)

    count = data.views.shape[1]
    found = minimize(
        negative_log_likelihood,
        np.full(count, 10.0 / count),
        jac=True,
        bounds=[(0.0, 100.0)] * count,
        method="L-BFGS-B",
    )
    weights: NDArray[np.float32] = (found.x / found.x.sum()).astype(np.float32)
    return weights


def _logistic(
    scores: NDArray[np.floating], positive: NDArray[np.floating], importance: NDArray[np.floating]
) -> tuple[float, float]:
    """Slope and intercept of a weighted logistic regression on one variable."""
    centre, spread = float(scores.mean()), float(scores.std())
    standard = (scores - centre) / spread

    def negative_log_likelihood(parameters: NDArray[np.float64]) -> float:
        logits = parameters[0] * standard + parameters[1]
        return float((importance * (np.logaddexp(0.0, logits) - positive * logits)).sum())

    slope, intercept = minimize(negative_log_likelihood, np.array([1.0, 0.0]), bounds=[(1e-3, None), (None, None)]).x
    return float(slope / spread), float(intercept - slope * centre / spread)
