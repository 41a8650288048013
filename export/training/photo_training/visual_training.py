"""Training the visual view in the space of a text encoder, which stays as it is.

What is learnt are the vectors of people's captions and of names (name_targets.py). Last, hubness is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.training.losses import name_loss, photo_to_text_loss, text_to_photo_loss
from export.training.photo_model.photo_model import PhotoModel
from export.training.photo_training.photo_data import PhotoData
from export.training.photo_training.view_runs import Recent, ViewRecipe, train_head, train_view, view_of
from export.training.training_run import shuffled_batch

_PHOTOS_MEASURED = 512
_CAPTIONS_PER_NAME = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualRecipe(ViewRecipe):
    """What the default visual view was trained with.

    Attributes:
        captioned_share: Of the photos of a step of *whole*; the others have names alone.
        name_weight: Of the loss on names beside those on captions.
    """

    captioned_share: float = 0.7
    name_weight: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionLesson:
    """A view is to be found by its captions, and to find them, among others; and to tell the photo's names.

    Photos without captions are what captions are not about.
    """

    data: PhotoData
    held_out: PhotoData
    recipe: VisualRecipe

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The photos."""
        return self.data.pixels

    def rows(self, step: int) -> NDArray[np.int64]:
        """Captioned photos and others, in the recipe's proportion, each passed over in turn."""
        recipe = self.recipe
        captioned, others = np.flatnonzero(self.data.captioned), np.flatnonzero(~self.data.captioned)
        size = min(recipe.photos_per_step, len(self.data.photos))
        some = min(round(recipe.captioned_share * size), len(captioned)) if len(others) else size
        rows = captioned[shuffled_batch(step, some, len(captioned), seed=(recipe.seed, 6))]
        if not len(others):
            return rows
        return np.concatenate([rows, others[shuffled_batch(step, size - some, len(others), seed=(recipe.seed, 11))]])

    def losses(
        self, rows: NDArray[np.int64], views: Sequence[Tensor], recent: Recent, random: np.random.Generator
    ) -> dict[str, Tensor]:
        """InfoNCE both ways, and the cross-entropy of names."""
        captions = self.data.any_captions(rows[self.data.captioned[rows]], random)
        of_views = [self._losses(torch.from_numpy(rows), visual, captions, recent) for visual in views]
        return {name: torch.stack([losses[name] for losses in of_views]).mean() for name in of_views[0]}

    def probe(self, model: PhotoModel) -> dict[str, float]:
        """Recall of the photos held out."""
        return recall_of_view(view_of(model, self.held_out.pixels), self.held_out)

    def _losses(self, at: Tensor, visual: Tensor, captions: Tensor, recent: Recent) -> dict[str, Tensor]:
        data, temperature = self.data, self.recipe.temperature
        has = torch.from_numpy(data.captioned)[at]
        own, own_at = visual[has], at[has]
        others, others_at = torch.cat([visual[~has], recent.views]), torch.cat([at[~has], recent.rows])
        losses = {
            "photo_to_text": photo_to_text_loss(own, own_at, data.vectors, data.owners, temperature=temperature),
            "text_to_photo": text_to_photo_loss(captions, own, own_at, others, others_at, temperature=temperature),
        }
        if len(data.names.names):
            told = name_loss(visual, data.names.vectors, data.names.shares[at], temperature=temperature)
            losses["names"] = self.recipe.name_weight * told
        return losses


def train_visual_view(
    model: PhotoModel, training: PhotoData, held_out: PhotoData, work: Path, recipe: VisualRecipe
) -> None:
    """Train backbone and visual head in place, or go on with runs that were interrupted.

    Args:
        model: Its backbone is the pretrained one.
        training: Photos to learn from.
        held_out: Photos whose recall is noted in the log.
        work: Each run has a folder below it.
        recipe: Seeds and sizes.
    """
    train_view(model, CaptionLesson(data=training, held_out=held_out, recipe=recipe), work, recipe)
    _measure_hubness(model, training, recipe)


def tune_view(model: PhotoModel, training: PhotoData, held_out: PhotoData, work: Path, recipe: VisualRecipe) -> None:
    """Train a visual head on from what it is, in place; interrupted, it goes on where it was.

    Args:
        model: Its backbone stays as it is.
        training: Photos to learn from.
        held_out: Photos whose recall is noted in the log.
        work: The run's folder.
        recipe: Seeds and sizes, of which ``head_*`` and ``view_passes`` count.
    """
    lesson = CaptionLesson(data=training, held_out=held_out, recipe=recipe)
    train_head(model, lesson, work, recipe, passes=recipe.view_passes, anew=False, as_served=True)


def _measure_hubness(model: PhotoModel, data: PhotoData, recipe: VisualRecipe) -> None:
    """On all captions, on names half as often, and on some of the photos, as one number is asked of them."""
    rows = np.random.default_rng(recipe.seed).permutation(len(data.photos))[:_PHOTOS_MEASURED]
    names = data.names.vectors
    asked = names.repeat(max(1, len(data.vectors) // max(1, len(names)) // _CAPTIONS_PER_NAME), 1)
    seen = view_of(model, data.pixels[rows])
    model.hubness.fit(torch.cat([data.vectors, asked]), seen, seed=recipe.seed)


def recall_of_view(visual: Tensor, held_out: PhotoData) -> dict[str, float]:
    """Each held-out caption has to find its photo among the held-out photos, by the visual view alone.

    Args:
        visual: float32 [photos, dim], the held-out photos' visual views.
        held_out: The photos.
    """
    scores = held_out.vectors @ visual.T
    own = scores.gather(1, held_out.owners[:, None])
    ranks = (scores >= own).sum(1)
    return {f"dev_r_at_{k}": round((ranks <= k).float().mean().item(), 4) for k in (1, 5, 10)}
