"""Photos in memory, as the photo model learns from them: pixels, captions with their vectors, and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.training.data.augmentation import load_pixels
from export.training.data.corpus import CaptionedPhoto
from export.training.photo_training.name_targets import NameTargets, no_names
from export.training.text_encoder.sentence_model import EmbedTexts

KEPT_SIZE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoData:
    """Photos with captions or names.

    Attributes:
        photos: What they are and their captions, of which a photo may have none.
        pixels: uint8 [n, size, size, 3].
        vectors: float32 [captions, dim], the text encoder's, of all captions in order.
        owners: int64 [captions], the photo of each caption.
        first: int64 [n + 1], where each photo's captions start.
        names: What the photos are to be called.
    """

    photos: Sequence[CaptionedPhoto]
    pixels: NDArray[np.uint8]
    vectors: Tensor
    owners: Tensor
    first: NDArray[np.int64]
    names: NameTargets

    @property
    def captioned(self) -> NDArray[np.bool_]:
        """Which photos have captions, bool [n]."""
        return self.first[1:] > self.first[:-1]

    def any_captions(self, rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """The vector of one caption of each of some captioned photos, float32 [len(rows), dim]."""
        chosen = random.integers(self.first[rows], self.first[rows + 1])
        return self.vectors[torch.from_numpy(chosen)]


def load_photos(photos: Sequence[CaptionedPhoto], vectors_of: EmbedTexts) -> PhotoData:
    """Read photos, squashed to squares as indexing does, and embed their captions."""
    return with_captions(photos, load_pixels([photo.path for photo in photos], KEPT_SIZE), vectors_of)


def with_captions(
    photos: Sequence[CaptionedPhoto],
    pixels: NDArray[np.uint8],
    vectors_of: EmbedTexts,
    names: NameTargets | None = None,
) -> PhotoData:
    """Photos that are read already, uint8 [n, size, size, 3], with the vectors of their captions."""
    counts = [len(photo.captions) for photo in photos]
    vectors = torch.from_numpy(vectors_of([caption for photo in photos for caption in photo.captions]))
    return PhotoData(
        photos=photos,
        pixels=pixels,
        vectors=vectors,
        owners=torch.from_numpy(np.repeat(np.arange(len(photos)), counts)),
        first=np.cumsum([0, *counts]),
        names=names or no_names(len(photos), vectors.shape[1]),
    )
