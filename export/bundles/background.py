"""The background: where scores lie in a collection that mean nothing, and the relevance that is laid over it.

What can be known of any collection is where the scores of texts lie that have nothing to do with a photo: those of
everyday probes with everything in it, of which few belong together. The shipped calibration counts from there.

For models that nobody has calibrated there is no more than that: without photos that people have described, nobody can
say how likely a score is right. The logistic curve is laid at a distance from the background that was measured with
other encoders and captions, in units of its spread (export/README.md has the numbers). It is a rule of thumb, and what
`thinlens evaluate` says of it, with queries of one's own, counts for more.
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
GROWTH = 0.2
"""The same of the shipped visual views. Within a collection it is 0.3; but the smaller one of those that the curve was
fitted on shows more kinds of things, so that of 257 to 4,103 photos as many absent things are answered with this."""
STEEPNESS = 0.8
"""How much the logit rises with each spread."""
THRESHOLD, PERHAPS = 0.5, 0.3
_PROBED_PHOTOS = 2_000


def sample_of(count: int) -> NDArray[np.int64]:
    """The numbers of the photos, of so many, whose views are probed: all of them, or some evenly spread."""
    return np.unique(np.linspace(0, count - 1, num=min(count, _PROBED_PHOTOS), dtype=np.int64))


def background_level(fused: NDArray[np.float32], probes: NDArray[np.float32], *, photos: int) -> float:
    """How high a text that has nothing to do with any photo comes with the one that is closest to it, by and large.

    Collections differ in the middle of their background and in its spread, and the more photos, the closer the closest
    comes: GROWTH spreads with each e-fold.

    Args:
        fused: float32 [n, dim], the fused vectors of some photos.
        probes: float32 [probes, dim].
        photos: How many there are in all.
    """
    background = _Background.of(probes @ fused.T)
    return background.middle + GROWTH * background.spread * math.log(photos)


def lay_over_background(
    calibration: Calibration, views: NDArray[np.float32], probes: NDArray[np.float32], *, photos: int
) -> Calibration:
    """A calibration for one collection: the shipped curves count scores from the level of the background.

    Args:
        calibration: Its curves' intercepts are the logits at that level, from which their knots are counted too.
        views: float32 [n, views, dim], unit L2 norm, of some of the collection's photos.
        probes: As in ``calibrate_by_background``.
        photos: How many there are in all.

    Returns:
        The same with intercepts and knots as they are served, counted from score 0.
    """
    fused = np.einsum("pvd,v->pd", views, np.array(calibration.weights, np.float32))
    level = background_level(fused, probes, photos=photos)
    name, phrase, sentence = (_counted_from(calibration.curve(kind), level) for kind in QUERY_KINDS)
    return replace(calibration, name=name, phrase=phrase, sentence=sentence)


def _counted_from(curve: Curve, level: float) -> Curve:
    return replace(curve, intercept=curve.intercept - curve.slope * level, knot=curve.knot + level)


def calibrate_by_background(
    views: NDArray[np.float32], probes: NDArray[np.float32], *, photos: int, encoder: str, captioner: str
) -> Calibration:
    """A calibration in which all views count the same.

    Args:
        views: float32 [photos, views, dim], unit L2 norm, of some photos.
        probes: float32 [probes, dim], unit L2 norm, of texts that have nothing to do with most of the photos.
        photos: How many there are in all.
        encoder: Identity of the encoder of both.
        captioner: Identity of the captioner of the views.
    """
    count = views.shape[1]
    background = _Background.of(probes @ views.mean(1).T)
    slope = STEEPNESS / background.spread
    even = background.middle + background.spread * (NEAREST + FARTHER_WITH_PHOTOS * math.log(photos))
    curve = Curve(slope=slope, intercept=-slope * even, threshold=THRESHOLD, perhaps=PERHAPS)
    return Calibration.of_one_curve(curve, encoder=encoder, captioner=captioner, weights=(1.0 / count,) * count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Background:
    """The middle and the spread of scores that matches, which lie above, hardly move."""

    middle: float
    spread: float

    @classmethod
    def of(cls, scores: NDArray[np.float32]) -> _Background:
        low, middle = np.quantile(scores, (0.1587, 0.5))  # one deviation of a normal distribution
        return cls(middle=float(middle), spread=max(float(middle - low), 1e-3))
