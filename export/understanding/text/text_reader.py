"""The reader of text: pixels in, lines of text out.

It knows nothing of files, the library or words.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from export.library.records import TextLine


class TextReader(Protocol):
    """Anything that reads text in photos."""

    @property
    def identity(self) -> str:
        """As its source has it."""

    @property
    def long_side(self) -> int:
        """Pixels that the longer side of what it looks at has at most."""

    def read(self, pixels: NDArray[np.uint8]) -> list[TextLine]:
        """Read a photo, uint8 [height, width, 3], RGB, upright; the lines come in reading order."""


class TextReaderSource(Protocol):
    """What is known of a reader before it is loaded; picklable, so that every worker loads its own."""

    @property
    def identity(self) -> str:
        """Sha256, in hexadecimal, over all that decides what it reads."""

    def load(self) -> TextReader:
        """Load the reader for one thread."""
