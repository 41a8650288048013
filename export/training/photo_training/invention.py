"""Invention: how much of what a caption names is in no caption that people wrote of the photo.

CHAIR (Rohrbach et al. 2018, arXiv 1809.02156) counts the objects that a caption names and that aren't there. What is
there is known here from people's own words: the nouns of a photo's captions and its names.
"""

from __future__ import annotations

from collections.abc import Sequence

from export.training.data.corpus import CaptionedPhoto
from export.training.data.tasks import Lexicon, nouns

_FEWEST_CAPTIONS = 3


class Invention:
    """Tells what is invented in captions of some photos."""

    def __init__(self, photos: Sequence[CaptionedPhoto], lexicon: Lexicon) -> None:
        """Look up what is there.

        Args:
            photos: With captions or names. One or two captions tell too little of what is there, so nothing counts as
                invented; names say what a photo is of.
            lexicon: Finds nouns.
        """
        self._lexicon = lexicon
        self._there = [self._known(photo) for photo in photos]

    def share(self, photo: int, text: str) -> float:
        """The share of the things named in a text about one of the photos that nobody else names; 0 to 1."""
        there = self._there[photo]
        named = set(nouns(text, self._lexicon))
        return len(named - there) / len(named) if named and there is not None else 0.0

    def _known(self, photo: CaptionedPhoto) -> frozenset[str] | None:
        if len(photo.captions) < _FEWEST_CAPTIONS and not photo.names:
            return None
        return frozenset(noun for text in (*photo.captions, *photo.names) for noun in nouns(text, self._lexicon))
