"""Told by captions: how sure a dual encoder's scores are in a collection, by captions whose photos are known.

A captioner says something of each photo and knows nothing of the encoder that sees it. So its captions are queries
whose right photo is known: how their scores with it lie above those with other photos, and above those of everyday
texts with the photos that come closest, tells how likely a score is right. The curve is the logistic regression of that
(Platt 1999), as the shipped one's is of what people said. How well it does is in export/training/README.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from export.understanding.view.image_encoder import Certainty
from handler.bundle.relevance import Curve

FEWEST = 50
"""Captions that tell anything; with fewer they tell nothing."""
_LEAST_KNOWN = 0.75
"""How often a caption has to come closer to its photo than to another: less tells that it isn't understood."""
_ANSWERED, _PERHAPS = 0.9, 0.7
"""The share of everyday texts of which no photo reaches the threshold, and the level above which one is perhaps meant:
some of what they name is there, and of what isn't about as much is answered as by the shipped curve."""
_PART = 4
_STEPS = 30
_STEEPEST = 60.0
_RIDGE = 1e-5
"""What keeps the regression finite where scores of right and of wrong pairs don't overlap."""


def curve_by_captions(
    captions: NDArray[np.float32], own: NDArray[np.float32], everyday: NDArray[np.float32]
) -> Curve | None:
    """The curve from the score of a view to its relevance; None where the captions tell too little.

    Args:
        captions: float32 [n, dim], unit L2 norm, of photos that have one.
        own: float32 [n, dim], the views of these photos, likewise.
        everyday: float32 [m], how close the closest photo of the collection comes to each of some everyday texts.
    """
    if len(captions) < FEWEST:
        return None
    right = np.einsum("nd,nd->n", captions, own)
    wrong = np.einsum("nd,nd->n", captions, np.roll(own, len(own) // 2, axis=0))
    if float((right > wrong).mean()) < _LEAST_KNOWN:
        return None
    slope, intercept = _logistic(right, wrong, everyday)
    return laid_over(slope, intercept, everyday) if slope > 0.0 else None


def curve_by_certainty(certainty: Certainty, everyday: NDArray[np.float32]) -> Curve:
    """The curve by which a relevance is the probability that the image encoder itself gives; `everyday` as above."""
    return laid_over(certainty.scale, certainty.bias, everyday)


def laid_over(slope: float, intercept: float, everyday: NDArray[np.float32]) -> Curve:
    """A curve, with thresholds where they should be among the scores of everyday texts."""

    def relevance(share: float) -> float:
        logit = slope * float(np.quantile(everyday, share)) + intercept
        return float(f"{1.0 / (1.0 + math.exp(-max(-_STEEPEST, min(_STEEPEST, logit)))):.3g}")

    return Curve(slope=slope, intercept=intercept, threshold=relevance(_ANSWERED), perhaps=relevance(_PERHAPS))


def closest(views: NDArray[np.float32], texts: NDArray[np.float32], *, photos: int) -> NDArray[np.float32]:
    """How close the closest photo of a collection comes to each text, float32 [texts].

    The more photos there are, the closer it comes, by as much with each e-fold. By how much is told by a quarter of the
    views.

    Args:
        views: float32 [n, dim], of some of the photos.
        texts: float32 [texts, dim].
        photos: How many there are in all.
    """
    scores = texts @ views.T
    found = scores.max(1)
    if photos > len(views):
        gained = max(0.0, float(np.median(found - scores[:, ::_PART].max(1)))) / math.log(_PART)
        found = found + np.float32(gained * math.log(photos / len(views)))
    return np.asarray(found, np.float32)


def _logistic(
    right: NDArray[np.float32], wrong: NDArray[np.float32], absent: NDArray[np.float32]
) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of what is right, each kind of pairs counting the same."""
    kinds = (right, wrong, absent)
    scores = np.concatenate(kinds).astype(np.float64)
    labels = np.concatenate([np.ones(len(right)), np.zeros(len(wrong) + len(absent))])
    weights = np.concatenate([np.full(len(kind), 1.0 / len(kind)) for kind in kinds])
    middle, spread = float(scores.mean()), max(float(scores.std()), 1e-6)
    inputs = np.stack([(scores - middle) / spread, np.ones(len(scores))], axis=1)
    found = np.zeros(2)
    for _ in range(_STEPS):  # Newton's method
        chances = 1.0 / (1.0 + np.exp(-np.clip(inputs @ found, -_STEEPEST, _STEEPEST)))
        gradient = inputs.T @ (weights * (chances - labels))
        curvature = (inputs * (weights * chances * (1.0 - chances))[:, np.newaxis]).T @ inputs
        found = found - np.linalg.solve(curvature + _RIDGE * np.eye(2), gradient + _RIDGE * found)
    slope = float(found[0]) / spread
    return slope, float(found[1]) - slope * middle
