"""What photos are to be called: the targets that the visual view learns besides captions.

A photo's names come from people (labels, and the nouns on which its captions agree), from a detector, and from the
pretrained backbone's own classifier, whose knowledge of a thousand things training on captions alone would forget:
learning without forgetting (Li and Hoiem 2016, arXiv 1606.09282), in the text encoder's space, where names that nobody
trained lie beside those that were (ConSE, Norouzi et al. 2014, arXiv 1312.5650; DeViSE, Frome et al. 2013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from export.training.data.augmentation import to_input
from export.training.data.corpus import CaptionedPhoto
from export.training.data.tasks import Lexicon, noun_shares
from export.training.photo_model.backbone import Classifier
from export.training.text_encoder.sentence_model import EmbedTexts
from export.understanding.naming import with_article

_CLASSIFIER_SIZE = 224
_PHOTOS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTargets:
    """Names and how much each is said of each photo.

    Attributes:
        names: What the columns are.
        vectors: float32 [names, dim], unit L2 norm.
        shares: float32 [photos, names]; rows sum to one, or to nothing where nothing is known.
    """

    names: tuple[str, ...]
    vectors: Tensor
    shares: Tensor

    def often(self, fewest_photos: int) -> NameTargets:
        """Those names that so many photos have, or at least one name of those that most have."""
        counts = (self.shares > 0).sum(0)
        kept = torch.nonzero(counts >= min(fewest_photos, int(counts.max())))[:, 0]
        names = tuple(self.names[column] for column in kept.tolist())
        return NameTargets(names=names, vectors=self.vectors[kept], shares=self.shares[:, kept])


def no_names(photos: int, dim: int) -> NameTargets:
    """Of photos of which nothing but captions is known."""
    return NameTargets(names=(), vectors=torch.zeros(0, dim), shares=torch.zeros(photos, 0))


def make_name_targets(
    photos: Sequence[CaptionedPhoto],
    pixels: NDArray[np.uint8],
    lexicon: Lexicon,
    classes: Sequence[str],
    classifier: Path,
    vectors_of: EmbedTexts,
    *,
    told_share: float,
) -> NameTargets:
    """The names of photos.

    Args:
        photos: With captions, names or neither.
        pixels: uint8 [photos, size, size, 3].
        lexicon: Finds the nouns of captions.
        classes: What the classifier's outputs are called; empty where it isn't asked.
        classifier: The pretrained backbone's file.
        vectors_of: The text encoder.
        told_share: How much what people and the detector say counts beside the classifier, where both say something.
    """
    told = [_told(photo, lexicon) for photo in photos]
    names = tuple(dict.fromkeys([*classes, *sorted({name for shares in told for name in shares})]))
    place = {name: column for column, name in enumerate(names)}
    shares = torch.zeros(len(photos), len(names))
    for row, of_photo in enumerate(told):
        for name, share in of_photo.items():
            shares[row, place[name]] = share
    shares /= shares.sum(1, keepdim=True).clamp(min=1e-9)
    if classes:
        seen = torch.zeros_like(shares)
        seen.index_add_(1, torch.tensor([place[name] for name in classes]), _classify(pixels, classifier))
        known = shares.sum(1, keepdim=True) > 0
        shares = torch.where(known, told_share * shares + (1 - told_share) * seen, seen)
    return NameTargets(names=names, vectors=embed_names(names, vectors_of), shares=shares)


def embed_names(names: Sequence[str], vectors_of: EmbedTexts) -> Tensor:
    """Each name as it is asked for, alone and with its article: float32 [names, dim], unit L2 norm."""
    if not names:
        return torch.zeros(0, vectors_of(["a"]).shape[1])
    alone, said = vectors_of(list(names)), vectors_of([with_article(name) for name in names])
    return functional.normalize(torch.from_numpy(alone + said), dim=1)


def _told(photo: CaptionedPhoto, lexicon: Lexicon) -> Mapping[str, float]:
    """What people or the detector say that a photo shows, and how many of them."""
    shares = dict(noun_shares(photo.captions, lexicon))
    return shares | dict.fromkeys(photo.names, 1.0)


def _classify(pixels: NDArray[np.uint8], classifier: Path) -> Tensor:
    """float32 [photos, classes]."""
    model = Classifier(classifier).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    probabilities = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(pixels), _PHOTOS_AT_ONCE):
            images = to_input(np.ascontiguousarray(pixels[start : start + _PHOTOS_AT_ONCE]))
            images = functional.interpolate(images, size=(_CLASSIFIER_SIZE,) * 2, mode="bilinear", antialias=True)
            probabilities.append(model(images.contiguous(memory_format=torch.channels_last)).float())
    return torch.cat(probabilities)
