"""Calibration: the weights of the views and the curve from score to relevance, fitted on served vectors.

It knows vectors, nothing of photos or files. Two fits, one after the other:

* the weights of the views are a conditional logit (McFadden 1974): each query has to pick its
  photo out of all photos of its collection, by the weighted sum of the views' cosines;
* the curves, one for each kind of query (a word, two or three, more), are logistic regressions
  (Platt 1999) of "a person said this of this photo" on that sum, less the collection's
  level. Three kinds of pairs have equal total weight: a query with a photo of which it was
  said, with a random other photo, and a query about what is in none of the photos with the photo
  that comes closest. The last are the hard negatives that are surely negative. Photos that the view
  doesn't recognise score as any other, and so the logit is nearly flat there: it is a linear spline
  with one knot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from export.bundles.background import absent_level
from handler.bundle.relevance import QUERY_KINDS, Curve, QueryKind

UNSURE = -1
FEWEST = 50
"""Pairs of each kind; with fewer, nothing is fitted."""
ABSENT_ANSWERED: Mapping[QueryKind, float] = {"name": 0.1, "phrase": 0.05, "sentence": 0.05}
"""Of the queries about what nobody says is there, how many reach the threshold. Some of it is there: of the words of
``off_topic_queries.txt``, which surely aren't, 3 to 5% do."""
ABSENT_PERHAPS: Mapping[QueryKind, float] = {"name": 0.4, "phrase": 0.3, "sentence": 0.3}
"""The same of the level above which photos are better than chance."""
_RANDOM_PHOTOS_PER_QUERY = 4
_KNOTS = np.linspace(0.1, 0.9, 17)
"""Where the curve may bend: quantiles of the scores that it is fitted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindData:
    """Queries of one kind about one collection.

    Attributes:
        queries: float32 [queries, dim], texts that people said of the photos, each once.
        right: int8 [queries, photos]: 1 where it was said, 0 where not, UNSURE where only few said so.
        absent: float32 [m, dim], texts about what is in none of the photos.
    """

    queries: NDArray[np.float32]
    right: NDArray[np.int8]
    absent: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationData:
    """Queries and photos of one collection, as they are served.

    Attributes:
        views: float32 [photos, views, dim], the caption views and the visual view, unit L2 norm.
        kinds: What is asked.
        things: float32 [k, dim], the vectors of ``probes.THINGS``.
    """

    views: NDArray[np.float32]
    kinds: Mapping[QueryKind, KindData]
    things: NDArray[np.float32]


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
class Fitted:
    """What was fitted: the weights sum to one, relevance = sigmoid(logit(score - level)).

    A curve's ``threshold`` is the relevance that ABSENT_ANSWERED of the queries about what is in none of the photos
    reach, its ``perhaps`` the one that ABSENT_PERHAPS of them reach. Kinds of which there are fewer than FEWEST pairs
    have none, unless there are that few of all.
    """

    weights: tuple[float, ...]
    curves: Mapping[QueryKind, Curve]


def fit(collections: Sequence[CalibrationData], *, seed: int = 0) -> Fitted:
    """Fit weights and curves on all collections together."""
    weights = fit_weights(collections)
    pairs = {kind: _all_pairs(collections, kind, weights, seed=seed) for kind in QUERY_KINDS}
    fewest = {kind: min(map(len, of_kind.parts)) for kind, of_kind in pairs.items()}
    enough = {kind: of_kind for kind, of_kind in pairs.items() if fewest[kind] >= min(FEWEST, max(fewest.values()))}
    return Fitted(
        weights=tuple(round(float(weight), 2) for weight in weights),
        curves={kind: fit_curve(of_kind, kind) for kind, of_kind in enough.items()},
    )


def fit_curve(pairs: ScoredPairs, kind: QueryKind) -> Curve:
    """The curve of one kind of query."""
    scores = np.concatenate([pairs.own, pairs.strangers, pairs.closest])
    positive = np.concatenate([np.ones(len(pairs.own)), np.zeros(len(pairs.strangers) + len(pairs.closest))])
    importance = np.concatenate([np.full(len(part), 1.0 / len(part)) for part in pairs.parts])
    spline = fit_spline(scores, positive, importance)

    def reached_by(share: float) -> float:
        logit = float(spline.logits(np.array(np.quantile(pairs.closest, 1.0 - share))))
        return float(f"{1.0 / (1.0 + np.exp(-logit)):.3g}")

    return Curve(
        **asdict(spline), threshold=reached_by(ABSENT_ANSWERED[kind]), perhaps=reached_by(ABSENT_PERHAPS[kind])
    )


def fit_weights(collections: Sequence[CalibrationData]) -> NDArray[np.float32]:
    """Weights of the views, float32 [views], none negative, summing to one; by the kind of most words that there is."""
    asked = [(data.views, data.kinds[kind]) for data in collections for kind in QUERY_KINDS[-1:] if kind in data.kinds]
    asked = asked or [(data.views, of_kind) for data in collections for of_kind in data.kinds.values()]
    cosines = [np.einsum("qd,pvd->vqp", kind.queries, views).astype(np.float32) for views, kind in asked]
    owners = [(kind.right == 1).argmax(1) for _, kind in asked]
    queries = sum(map(len, owners))

    def negative_log_likelihood(strengths: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros(len(strengths))
        for of_views, owner in zip(cosines, owners, strict=True):
            rows = np.arange(len(owner))
            logits = np.tensordot(strengths.astype(np.float32), of_views, 1)
            logits -= logits.max(1, keepdims=True)
            probabilities = np.exp(logits)
            probabilities /= probabilities.sum(1, keepdims=True)
            total -= float(np.log(np.maximum(probabilities[rows, owner], 1e-30)).sum())
            own = of_views[:, rows, owner].sum(1)
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
class ScoredPairs:
    """Scores above the level, each float32 [n], of queries with their own photos, others, and the closest one."""

    own: NDArray[np.float32]
    strangers: NDArray[np.float32]
    closest: NDArray[np.float32]

    @property
    def parts(self) -> tuple[NDArray[np.float32], ...]:
        return self.own, self.strangers, self.closest


def _all_pairs(
    collections: Sequence[CalibrationData], kind: QueryKind, weights: NDArray[np.float32], *, seed: int
) -> ScoredPairs:
    found = [score_pairs(data, kind, weights, seed=seed) for data in collections if kind in data.kinds]
    own, strangers, closest = (
        np.concatenate([np.empty(0, np.float32), *parts])
        for parts in (zip(*(pairs.parts for pairs in found), strict=True) if found else ((), (), ()))
    )
    return ScoredPairs(own=own, strangers=strangers, closest=closest)


def score_pairs(data: CalibrationData, kind: QueryKind, weights: NDArray[np.float32], *, seed: int = 0) -> ScoredPairs:
    """The three kinds of pairs that a curve is fitted on, of one collection."""
    asked = data.kinds[kind]
    fused, level = _fused(data, weights)
    scores = scores_above_level(data, kind, weights)
    random = np.random.default_rng(seed)
    query, photo = np.nonzero(asked.right == 0)
    wanted = min(len(query), _RANDOM_PHOTOS_PER_QUERY * len(asked.queries))
    drawn = random.choice(len(query), wanted, replace=False)
    return ScoredPairs(
        own=scores[asked.right == 1],
        strangers=scores[query[drawn], photo[drawn]],
        closest=(asked.absent @ fused.T).max(1, initial=-1.0) - level,
    )


def scores_above_level(data: CalibrationData, kind: QueryKind, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The score of each query of a kind with each photo, less the collection's level: float32 [queries, photos]."""
    fused, level = _fused(data, weights)
    return np.asarray(data.kinds[kind].queries @ fused.T - level, np.float32)


def _fused(data: CalibrationData, weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    fused = np.einsum("pvd,v->pd", data.views, weights)
    return fused, absent_level(fused, data.things, photos=len(fused))


def fit_spline(
    scores: NDArray[np.floating], positive: NDArray[np.floating], importance: NDArray[np.floating]
) -> Spline:
    """A weighted logistic regression on one variable, whose logit is a spline with the best of some knots."""
    centre, spread = float(scores.mean()), float(scores.std())
    standard = (scores - centre) / spread

    def fit_with(knot: float) -> tuple[float, NDArray[np.float64]]:
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
    fits = [fit_with(float(knot)) for knot in knots]
    best = int(np.argmin([loss for loss, _ in fits]))
    intercept, slope, bend = (float(value) for value in fits[best][1])
    return Spline(
        slope=slope / spread,
        intercept=intercept - slope * centre / spread,
        knot=float(knots[best]) * spread + centre,
        bend=bend / spread,
    )
