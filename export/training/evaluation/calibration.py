"""Calibration: the weights of the views and the curve from score to relevance, fitted on served vectors.

It knows vectors, nothing of photos or files. Two fits, one after the other:

* the weights of the views are a conditional logit (McFadden 1974): each query has to pick its
  photo out of all photos of its collection, by the weighted sum of the views' cosines;
* the curve is a logistic regression (Platt 1999) of "a person wrote this text of this photo" on
  that sum, less the level of the collection's background, over three kinds of pairs of equal
  total weight: a query with its own photo, with a random other photo, and a query about what is
  in none of the photos with the photo that comes closest. The last are the hard negatives that
  are surely negative. Photos that the view doesn't recognise score as any other, and so the
  logit is nearly flat there: it is a linear spline with one knot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from export.bundles.background import background_level

ABSENT_ANSWERED = 0.05
_RANDOM_PHOTOS_PER_QUERY = 4
_KNOTS = np.linspace(0.1, 0.9, 17)
"""Where the curve may bend: quantiles of the scores that it is fitted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationData:
    """Queries and photos of one collection, as they are served.

    Attributes:
        views: float32 [photos, views, dim], the caption views and the visual view, unit L2 norm.
        queries: float32 [queries, dim], texts that people wrote of the photos.
        owners: int64 [queries], the photo of each query.
        absent: float32 [m, dim], texts about what is in none of the photos.
        probes: float32 [k, dim], texts whose scores are the collection's background.
    """

    views: NDArray[np.float32]
    queries: NDArray[np.float32]
    owners: NDArray[np.int64]
    absent: NDArray[np.float32]
    probes: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spline:
    """A logit that rises by ``slope`` with each unit, and beyond the knot by ``slope`` + ``bend``."""

    slope: float
    intercept: float
    knot: float
    bend: float

    def logits(self, at: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(self.slope * at + self.bend * np.maximum(at - self.knot, 0.0) + self.intercept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What was fitted: the weights sum to one, relevance = sigmoid(spline(score - background)).

    ``threshold`` is the relevance that ABSENT_ANSWERED of the queries about what is in none of the photos reach.
    """

    weights: tuple[float, ...]
    spline: Spline
    threshold: float


def fit_curve(collections: Sequence[CalibrationData], *, seed: int = 0) -> Curve:
    """Fit weights and curve on all collections together."""
    weights = fit_weights(collections)
    pairs = [_pairs(data, weights, seed=seed) for data in collections]
    own = np.concatenate([each.own for each in pairs])
    strangers = np.concatenate([each.strangers for each in pairs])
    closest = np.concatenate([each.closest for each in pairs])
    scores = np.concatenate([own, strangers, closest])
    positive = np.concatenate([np.ones(len(own)), np.zeros(len(strangers) + len(closest))])
    importance = np.concatenate([np.full(len(part), 1.0 / len(part)) for part in (own, strangers, closest)])
    spline = fit_spline(scores, positive, importance)
    reached = float(spline.logits(np.quantile(closest, 1.0 - ABSENT_ANSWERED)))
    return Curve(
        weights=tuple(float(weight) for weight in weights),
        spline=spline,
        threshold=round(float(1.0 / (1.0 + np.exp(-reached))), 2),
    )


def fit_weights(collections: Sequence[CalibrationData]) -> NDArray[np.float32]:
    """Weights of the views, float32 [views], none negative, summing to one."""
    cosines = [np.einsum("qd,pvd->vqp", data.queries, data.views).astype(np.float32) for data in collections]
    queries = sum(len(data.queries) for data in collections)

    def negative_log_likelihood(strengths: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros(len(strengths))
        for data, of_views in zip(collections, cosines, strict=True):
            rows = np.arange(len(data.queries))
            logits = np.tensordot(strengths.astype(np.float32), of_views, 1)
            logits -= logits.max(1, keepdims=True)
            probabilities = np.exp(logits)
            probabilities /= probabilities.sum(1, keepdims=True)
            total -= float(np.log(np.maximum(probabilities[rows, data.owners], 1e-30)).sum())
            own = of_views[:, rows, data.owners].sum(1)
            gradient += np.einsum("vqp,qp->v", of_views, probabilities) - own
        return total / queries, gradient / queries

    count = collections[0].views.shape[1]
    found = minimize(
        negative_log_likelihood,
        np.full(count, 10.0 / count),
        jac=True,
        bounds=[(0.0, 100.0)] * count,
        method="L-BFGS-B",
    )
    weights: NDArray[np.float32] = (found.x / found.x.sum()).astype(np.float32)
    return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """Scores above the background, of the three kinds of pairs."""

    own: NDArray[np.float32]
    strangers: NDArray[np.float32]
    closest: NDArray[np.float32]


def _pairs(data: CalibrationData, weights: NDArray[np.float32], *, seed: int) -> _Pairs:
    fused = np.einsum("pvd,v->pd", data.views, weights)
    background = background_level(fused, data.probes, photos=len(fused))
    random = np.random.default_rng(seed)
    step = random.integers(1, len(fused), (len(data.queries), _RANDOM_PHOTOS_PER_QUERY))
    others = (data.owners[:, None] + step) % len(fused)
    return _Pairs(
        own=(data.queries * fused[data.owners]).sum(1) - background,
        strangers=np.einsum("qd,qnd->qn", data.queries, fused[others]).ravel() - background,
        closest=(data.absent @ fused.T).max(1) - background,
    )


def fit_spline(
    scores: NDArray[np.floating], positive: NDArray[np.floating], importance: NDArray[np.floating]
) -> Spline:
    """A weighted logistic regression on one variable, whose logit is a spline with the best of some knots."""
    centre, spread = float(scores.mean()), float(scores.std())
    standard = (scores - centre) / spread

    def fit(knot: float) -> tuple[float, NDArray[np.float64]]:
        terms = np.stack([np.ones(len(standard)), standard, np.maximum(standard - knot, 0.0)])

        def negative_log_likelihood(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            logits = parameters @ terms
            probabilities = 1.0 / (1.0 + np.exp(-logits))
            loss = importance * (np.logaddexp(0.0, logits) - positive * logits)
            return float(loss.sum()), terms @ (importance * (probabilities - positive))

        bounds = [(None, None), (1e-3, None), (0.0, None)]
        found = minimize(negative_log_likelihood, np.array([0.0, 1.0, 0.0]), jac=True, bounds=bounds)
        return float(found.fun), found.x

    knots = np.quantile(standard, _KNOTS)
    fits = [fit(float(knot)) for knot in knots]
    best = int(np.argmin([loss for loss, _ in fits]))
    intercept, slope, bend = (float(value) for value in fits[best][1])
    return Spline(
        slope=slope / spread,
        intercept=intercept - slope * centre / spread,
        knot=float(knots[best]) * spread + centre,
        bend=bend / spread,
    )
