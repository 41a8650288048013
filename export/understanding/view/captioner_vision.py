"""The vision of a captioner of Thinlens, alone: the view that it gives beside its captions, for captions of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.understanding.onnx_sessions import open_session
from handler.search.pictures.vision import VISION_GRAPH

if TYPE_CHECKING:
    from PIL import Image

_VIEW = "visual"
_SEEN_AT_ONCE = 4
"""More don't fit into the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionerVisionSource:
    """A captioner's folder, of which vision.onnx is wanted; picklable.

    Attributes:
        folder: Where its files lie.
        identity: That of the captioner, whose views are these.
        space: Of the text encoder in whose space they lie.
        image_size: Side in pixels of the squares that it takes.
    """

    folder: Path
    identity: str
    space: str
    image_size: int

    @property
    def texts_apart(self) -> bool:
        """It has learnt to see photos where their captions lie."""
        return False

    @property
    def certainty(self) -> None:
        """Its calibration is measured, with that of its captioner."""
        return

    @property
    def alone(self) -> bool:
        """Each process loads its own: it is small, and fastest on one thread."""
        return False

    def load(self) -> CaptionerVision:
        """Load it for one thread; raises ModelError."""
        return CaptionerVision(self)


class CaptionerVision:
    """The visual view of photos, on one CPU thread."""

    def __init__(self, source: CaptionerVisionSource) -> None:
        self._side = source.image_size
        self._session = open_session(source.folder / VISION_GRAPH, 1)

    @property
    def picture_side(self) -> int:
        """A little more than it takes, for it is fitted to that exactly."""
        return self._side * 5 // 4

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """See pictures, squashed to squares, as the captioner does: float32 [n, dim], unit L2 norm."""
        from PIL import Image  # not for whoever only asks what it is

        squares = [picture.resize((self._side, self._side), Image.Resampling.HAMMING) for picture in pictures]
        pixels = np.stack([np.asarray(square) for square in squares])
        parts = [
            self._session.run([_VIEW], {"pixels": pixels[start : start + _SEEN_AT_ONCE]})[0]
            for start in range(0, len(pixels), _SEEN_AT_ONCE)
        ]
        return np.concatenate(parts)
