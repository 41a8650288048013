"""The captioner: pixels or pictures in, captions out, and the visual view where it sees that along the way.

It knows nothing of files, the library or the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from export.library.records import Understander
from export.understanding.view.image_encoder import ImageEncoderSource

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What the captioner makes of one photo.

    Attributes:
        captions: One text for each instruction, in the order of the captioner's instructions; the first is empty where
            it would hardly be true.
        view: float32 [dim], unit L2 norm: what the captioner's own image encoder would see; None where it has none.
        names: What can be said for sure without a caption, as a caption; empty where nothing can.
    """

    captions: tuple[str, ...]
    view: NDArray[np.float32] | None
    names: str = ""


class Captioner(Protocol):
    """Anything that understands photos as squares of one size."""

    @property
    def image_size(self) -> int:
        """Side in pixels of the squares that it takes."""

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        """Understand photos, uint8 [n, image_size, image_size, 3], RGB."""


@runtime_checkable
class PictureCaptioner(Protocol):
    """Anything that understands photos in shapes of their own."""

    @property
    def picture_side(self) -> int:
        """Pixels that each side of a picture should have at least, where the photo has as many."""

    def understand(self, pictures: Sequence[Image.Image]) -> list[Understanding]:
        """Understand photos, RGB, upright.

        Raises:
            PhotoError: It fails at them, which is the fault of one of them perhaps.
        """


class CaptionerSource(Protocol):
    """What is known of a captioner before it is loaded; picklable, so that every worker loads its own."""

    @property
    def identity(self) -> str:
        """Sha256 over the captioner's files, in hexadecimal."""

    @property
    def instructions(self) -> tuple[str, ...]:
        """What it is asked of every photo."""

    @property
    def known_instructions(self) -> tuple[str, ...] | None:
        """What it can answer; None where it takes any instruction."""

    @property
    def image_encoder(self) -> ImageEncoderSource | None:
        """What gives the view that comes with its captions, at no further cost; None where none does."""

    @property
    def alone(self) -> bool:
        """Whether one process is to hold it, with all the cores or the GPU, rather than one for each core."""

    def asking(self, instructions: tuple[str, ...]) -> CaptionerSource:
        """The same captioner, asked others of the instructions that it knows."""

    def load(self) -> Captioner | PictureCaptioner:
        """Load the captioner for one thread."""


def is_own(captioner: CaptionerSource, image_encoder: ImageEncoderSource) -> bool:
    """Whether a captioner gives the views of an image encoder beside its captions."""
    own = captioner.image_encoder
    return own is not None and own.identity == image_encoder.identity


def understander(captioner: CaptionerSource, image_encoder: ImageEncoderSource | None) -> Understander:
    """Who a captioner and an image encoder are."""
    return Understander(
        captioner=captioner.identity,
        instructions=captioner.instructions,
        image_encoder=None if image_encoder is None else image_encoder.identity,
    )
