"""The captioner: pixels in, captions and a visual vector out.

It knows nothing of files, the library or the index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What the captioner makes of one photo.

    Attributes:
        captions: One text for each instruction, in the order of the captioner's instructions; the first is empty where
            it would hardly be true.
        vector: float32 [dim], unit L2 norm: the visual view, in the text encoder's space; None from a captioner
            that has none.
        names: What can be said for sure without a caption, as a caption; empty where nothing can.
    """

    captions: tuple[str, ...]
    vector: NDArray[np.float32] | None
    names: str = ""


class Captioner(Protocol):
    """Anything that understands photos."""

    @property
    def image_size(self) -> int:
        """Side in pixels of the squares that it takes."""

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        """Understand photos, uint8 [n, image_size, image_size, 3], RGB."""


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
    def encoder_identity(self) -> str | None:
        """Identity of the text encoder in whose space its vectors lie; None where it gives none."""

    @property
    def alone(self) -> bool:
        """Whether one process is to hold it, with all the cores or the GPU, rather than one for each core."""

    def asking(self, instructions: tuple[str, ...]) -> CaptionerSource:
        """The same captioner, asked others of the instructions that it knows."""

    def load(self) -> Captioner:
        """Load the captioner for one thread."""
