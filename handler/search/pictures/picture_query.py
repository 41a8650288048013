"""The picture query: a picture that photos should be like, alone or together with texts.

Knows pixels, vectors and curves; knows nothing of how pictures are decoded or sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import Manifest
from handler.bundle.relevance import Calibration, Curve
from handler.errors import NoVisionError, PictureError, QueryError
from handler.search.pictures.vision import Vision, VisionDescription
from handler.search.query import MAX_WEIGHT, Query
from handler.search.ranking import Sought

_NO_TEXTS = Query(texts=())


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureQuery:
    """What is searched for with a picture.

    Attributes:
        pixels: Of the picture, upright, made a square as the vision says: rows from top to bottom, a byte each of red,
            green and blue for each pixel.
        image_weight: How much the picture counts beside the texts, above 0.
        query: Texts that the photo should show too, if any, and what it should not show.
    """

    pixels: bytes
    image_weight: float = 1.0
    query: Query = _NO_TEXTS

    def check(self) -> None:
        """Raises QueryError where this can't be asked, whatever the picture is."""
        self.query.check(beside_picture=True)
        if not 0.0 < self.image_weight <= MAX_WEIGHT:
            raise QueryError(
                f"image_weight is {self.image_weight:g} (expected above 0 to {MAX_WEIGHT:g})", parameter="image_weight"
            )

    def _square(self, side: int) -> NDArray[np.uint8]:
        """The pixels, uint8 [side, side, 3]; raises PictureError where they are more or fewer."""
        if len(self.pixels) != image_bytes(side):
            raise PictureError(
                f"The picture has {len(self.pixels):,} bytes (expected {image_bytes(side):,}: {side} x {side} pixels,"
                " a byte each of red, green and blue)"
            )
        return np.frombuffer(self.pixels, dtype=np.uint8).reshape(side, side, 3)

    def sought(
        self,
        vision: Vision,
        texts: Sought | None,
        curve: Curve,
        calibration: Calibration,
        without: tuple[Sought, ...],
    ) -> Sought:
        """What photos are ranked by.

        Args:
            vision: Sees the picture.
            texts: What they are ranked by for the texts alone, if there are some.
            curve: That of pictures.
            calibration: Has the curves of the texts.
            without: What no photo should be relevant to.

        Raises:
            PictureError: The picture has another size than it should have.
            BundleError: The vision can't be used.
        """
        seen = vision.see(self._square(vision.description.image_side))
        picture = Sought(texts=seen[np.newaxis], direction=seen, without=without, own_curve=curve)
        return picture if texts is None else together(picture, texts, calibration.curve(texts.kind), self.image_share)

    @property
    def image_share(self) -> float:
        """How much the picture counts, of a sum of 1 with the texts."""
        texts = self.query.weights or (1.0,) * len(self.query.texts)
        return self.image_weight / (self.image_weight + sum(texts))


def sighted(vision: Vision | None, manifest: Manifest) -> Vision:
    """A vision that sees what the photos of a bundle are found by; raises NoVisionError where there is none."""
    if vision is None:
        raise NoVisionError("Nothing here can look at a picture: this was deployed without image queries")
    vision.check(manifest)
    return vision


def taken(vision: Vision | None, manifest: Manifest) -> VisionDescription | None:
    """What pictures to ask with have to be; None where none can be."""
    try:
        return sighted(vision, manifest).description
    except NoVisionError:
        return None


def image_bytes(side: int) -> int:
    """Bytes of a square picture."""
    return side * side * 3


def together(picture: Sought, texts: Sought, text_curve: Curve, share: float) -> Sought:
    """What photos are ranked by that should be like a picture and fit texts.

    As with several texts, the logit of the relevance is the weighted mean of those that each alone would have. Pictures
    and texts have curves of their own, so their directions count as much as their curves are steep where relevance
    begins.

    Args:
        picture: With a curve of its own.
        texts: The texts alone.
        text_curve: Theirs.
        share: How much the picture counts, 0 to 1.
    """
    of_picture, of_text = picture.own_curve or text_curve, text_curve
    lines = ((share, _Line.of(of_picture), picture), (1.0 - share, _Line.of(of_text), texts))
    slope = sum(part * line.slope for part, line, _ in lines)
    direction = np.sum([part * line.slope / slope * sought.direction for part, line, sought in lines], axis=0)
    thresholds = share * _logit(of_picture.threshold) + (1.0 - share) * _logit(of_text.threshold)
    unsure = share * _logit(of_picture.perhaps) + (1.0 - share) * _logit(of_text.perhaps)
    curve = Curve(
        slope=slope,
        intercept=sum(part * line.intercept for part, line, _ in lines),
        threshold=_probability(thresholds),
        perhaps=_probability(unsure),
    )
    both = np.concatenate([picture.texts, texts.texts])
    return replace(picture, texts=both, direction=np.asarray(direction, dtype=np.float32), own_curve=curve)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """The straight part of a curve's logit in which its threshold lies."""

    slope: float
    intercept: float

    @classmethod
    def of(cls, curve: Curve) -> _Line:
        if _logit(curve.threshold) < curve.slope * curve.knot + curve.intercept:
            return cls(slope=curve.slope, intercept=curve.intercept)
        return cls(slope=curve.slope + curve.bend, intercept=curve.intercept - curve.bend * curve.knot)


_SURE = 1e-6


def _logit(probability: float) -> float:
    inside = min(max(probability, _SURE), 1.0 - _SURE)
    return math.log(inside / (1.0 - inside))


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
