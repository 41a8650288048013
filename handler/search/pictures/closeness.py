"""Closeness: how close the photos of a bundle come to each other, and the curve of pictures that is laid by it.

Where nobody has fitted a curve for pictures, that of texts doesn't fit: texts may lie far from all photos. Whether a
photo shows the same as a picture is told by how close it comes, between how close another photo comes to a photo, as a
rule, and the photo itself. Where in between was measured with three dual encoders (export/training/README.md).
"""

from __future__ import annotations

import numpy as np

from handler.bundle.bundle import Bundle
from handler.bundle.relevance import Curve

_SAMPLE = 32
_KNOT, _AT_KNOT = 0.6, -0.35
"""The part of the way from another photo to the photo itself from which on the logit rises more steeply, and the logit
there."""
_STEEPNESS, _BEND = 4.3, 9.5
"""How much the logit would rise on the whole of the way, and how much more from the knot on."""
_LEAST_WAY = 0.02
"""Of a collection in which every photo is there twice."""
_THRESHOLD, _PERHAPS = 0.3, 0.1


def curve_by_closeness(bundle: Bundle) -> Curve | None:
    """The curve of pictures that some photos of a bundle tell; None where there are too few of them."""
    present = bundle.photos.present()
    if len(present) <= 1:
        return None
    count = min(_SAMPLE, len(present))
    numbers = present[np.arange(count) * len(present) // count]
    views = bundle.photos.views(numbers)[:, -1]
    own, others = [], []
    for number, view in zip(numbers.tolist(), views, strict=True):
        hits = bundle.index.search(view, 2)
        others.append(float(hits.scores[hits.numbers != number][0]))
        own.append(float(bundle.index.scores(view[np.newaxis], np.array([number]))[0, 0]))
    other = _middle(others)
    way = max(_middle(own) - other, _LEAST_WAY)
    slope, knot = _STEEPNESS / way, other + _KNOT * way
    return Curve(
        slope=slope,
        intercept=_AT_KNOT - slope * knot,
        knot=knot,
        bend=_BEND / way,
        threshold=_THRESHOLD,
        perhaps=_PERHAPS,
    )


def _middle(values: list[float]) -> float:
    """The upper median; numpy's own needs numpy.ma, which the package hasn't."""
    return sorted(values)[len(values) // 2]
