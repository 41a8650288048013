"""The background: where scores lie in a collection that mean nothing, and the relevance that is laid over it.

The shipped curves count scores from the level of the collection: how close its closest photo comes to a thing that it
doesn't show. Of many kinds of things any collection shows but some, so the lower part of their closest photos' scores
tells it, whatever the photos are and however many.

For models that nobody has calibrated there is no more than the background: where the scores of everyday probes lie with
all photos. Without photos that people have described, nobody can say how likely a score is right. The logistic curve is
laid at a distance from the background that was measured with other encoders and captions, in units of its spread
(export/training/README.md has the numbers). It is a rule of thumb; what `thinlens evaluate` says of it, with queries of
one's own, counts for more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from handler.bundle.relevance import QUERY_KINDS, Calibration, Curve

NEAREST = 2.2
FARTHER_WITH_PHOTOS = 0.4
"""A score is as likely right as not at NEAREST + FARTHER_WITH_PHOTOS * ln(photos) spreads above the middle of the
background: of many photos, the one that comes closest to a query that has nothing to do with any comes closer."""
STEEPNESS = 0.8
"""How much the logit rises with each spread."""
THRESHOLD, PERHAPS = 0.5, 0.3
_PROBED_PHOTOS = 2_000
_SHOWN_BY_FEW = 0.3
"""The share of things whose closest photo lies below the level."""
_PART = 4


def sample_of(count: int) -> NDArray[np.int64]:
    """The numbers of the photos, of so many, whose views are probed: all of them, or some evenly spread."""
    return np.unique(np.linspace(0, count - 1, num=min(count, _PROBED_PHOTOS), dtype=np.int64))


def absent_level(fused: NDArray[np.float32], things: NDArray[np.float32], *, photos: int) -> float:
    """How close the closest photo of a collection comes to a thing that the collection doesn't show.

    The more photos there are, the closer it comes, by as much with each e-fold. By how much is told by a quarter of the
    photos.

    Args:
        fused: float32 [n, dim], the fused vectors of some photos.
        things: float32 [things, dim], the vectors of ``probes.THINGS``.
        photos: How many there are in all.
    """
    scores = things @ fused.T
    level = float(np.quantile(scores.max(1), _SHOWN_BY_FEW))
    if photos <= len(fused):
        return level
    of_part = float(np.quantile(scores[:, ::_PART].max(1), _SHOWN_BY_FEW))
    return level + max(0.0, level - of_part) / math.log(_PART) * math.log(photos / len(fused))


def lay_over_collection(
    calibration: Calibration, views: NDArray[np.float32], things: NDArray[np.float32], *, photos: int
) -> Calibration:
    """A calibration for one collection: the shipped curves count scores from its level.

    Args:
        calibration: Its curves' intercepts are the logits at that level, from which their knots are counted too.
        views: float32 [n, views, dim], unit L2 norm, of some of the collection's photos.
        things: As in ``absent_level``.
        photos: How many there are in all.

    Returns:
        The same with intercepts and knots as they are served, counted from score 0.
    """
    fused = np.einsum("pvd,v->pd", views, np.array(calibration.weights, np.float32))
    level = absent_level(fused, things, photos=photos)
    name, phrase, sentence = (_counted_from(calibration.curve(kind), level) for kind in QUERY_KINDS)
    return replace(calibration, name=name, phrase=phrase, sentence=sentence)


def _counted_from(curve: Curve, level: float) -> Curve:
    return replace(curve, intercept=curve.intercept - curve.slope * level, knot=curve.knot + level)


def calibrate_by_background(
    views: NDArray[np.float32],
    probes: NDArray[np.float32],
    *,
    weights: tuple[float, ...],
    photos: int,
    encoder: str,
    captioner: str,
) -> Calibration:
    """A calibration of models that nobody has calibrated.

    Args:
        views: float32 [photos, views, dim], unit L2 norm, of some photos.
        probes: float32 [probes, dim], unit L2 norm, of texts that have nothing to do with most of the photos.
        weights: What each view counts for.
        photos: How many there are in all.
        encoder: Identity of the encoder of both.
        captioner: Identity of the captioner of the views.
    """
    fused = np.einsum("pvd,v->pd", views, np.array(weights, np.float32))
    background = _Background.of(probes @ fused.T)
    slope = STEEPNESS / background.spread
    even = background.middle + background.spread * (NEAREST + FARTHER_WITH_PHOTOS * math.log(photos))
    curve = Curve(slope=slope, intercept=-slope * even, threshold=THRESHOLD, perhaps=PERHAPS)
    return Calibration.of_one_curve(curve, encoder=encoder, captioner=captioner, weights=weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Background:
    """The middle and the spread of scores that matches, which lie above, hardly move."""

    middle: float
    spread: float

    @classmethod
    def of(cls, scores: NDArray[np.float32]) -> _Background:
        low, middle = np.quantile(scores, (0.1587, 0.5))  # one deviation of a normal distribution
        return cls(middle=float(middle), spread=max(float(middle - low), 1e-3))
