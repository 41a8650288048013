"""The image encoder: pictures in, unit vectors in a text encoder's space out.

It knows nothing of captions, files or the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """What makes a probability that a text fits a photo of their cosine c: sigmoid(scale * c + bias)."""

    scale: float
    bias: float


class ImageEncoder(Protocol):
    """Anything that sees where photos lie."""

    @property
    def picture_side(self) -> int:
        """Pixels that each side of a picture should have at least, where the photo has as many."""

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """See pictures, RGB, upright, in shapes of their own.

        Returns:
            float32 [n, dim], unit L2 norm.
        """


class ImageEncoderSource(Protocol):
    """What is known of an image encoder before it is loaded; picklable, so that every worker loads its own."""

    @property
    def identity(self) -> str:
        """Sha256, in hexadecimal, over all that decides what it sees."""

    @property
    def space(self) -> str:
        """Identity of the text encoder in whose space its vectors lie."""

    @property
    def texts_apart(self) -> bool:
        """Whether texts lie apart from photos in this space, as they do in those of CLIP's kind (arXiv 2203.02053)."""

    @property
    def alone(self) -> bool:
        """Whether one process is to hold it, with all the cores or the GPU, rather than one for each core."""

    @property
    def certainty(self) -> Certainty | None:
        """What makes a probability of its cosines with texts; None where nobody knows."""

    def load(self) -> ImageEncoder:
        """Load the image encoder for one thread."""
