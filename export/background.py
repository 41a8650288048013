"""The background: a relevance for models that nobody has calibrated, from how their scores lie in this collection.

Without photos that people have described, nobody can say how likely a score is right. What can be known is where the
scores of texts lie that have nothing to do with a photo: the cosines of everyday probes with everything in the
collection, of which few belong together. The logistic curve is laid at a distance from them that was measured with
other encoders and captions, in units of their spread (export/README.md has the numbers). It is a rule of thumb, and
what `thinlens evaluate` says of it, with queries of one's own, counts for more.
"""

import math

import numpy as np
from numpy.typing import NDArray

from handler.relevance import Calibration

NEAREST = 2.2
FARTHER_WITH_PHOTOS = 0.4
"""A score is as likely right as not at NEAREST + FARTHER_WITH_PHOTOS * ln(photos) spreads above the middle of the
background: of many photos, the one that comes closest to a query that has nothing to do with any comes closer."""
STEEPNESS = 0.8
"""How much the logit rises with each spread."""
THRESHOLD = 0.5
_PROBED_PHOTOS = 2_000


def sample_of(count: int) -> NDArray[np.int64]:
    """The numbers of the photos, of so many, whose views are probed: all of them, or some evenly spread."""
    return np.unique(np.linspace(0, count - 1, num=min(count, _PROBED_PHOTOS), dtype=np.int64))


def calibrate_by_background(
    views: NDArray[np.float32], probes: NDArray[np.float32], *, photos: int, encoder: str, captioner: str
) -> Calibration:
    """A calibration in which all views count the same.

    Args:
        views: float32 [photos, views, dim], unit L2 norm, of some photos.
        probes: float32 [probes, dim], unit L2 norm, of texts that have nothing to do with most of the photos.
        photos: how many there are in all.
        encoder: identity of the encoder of both.
        captioner: identity of the captioner of the views.
    """
    count = views.shape[1]
    scores = probes @ views.mean(1).T
    low, middle = np.quantile(scores, (0.1587, 0.5))  # one deviation of a normal distribution: matches lie above
    spread = max(float(middle - low), 1e-3)
    slope = STEEPNESS / spread
    even = float(middle) + spread * (NEAREST + FARTHER_WITH_PHOTOS * math.log(photos))
    return Calibration(
        encoder=encoder,
        captioner=captioner,
        weights=(1.0 / count,) * count,
        slope=slope,
        intercept=-slope * even,
        threshold=THRESHOLD,
    )
