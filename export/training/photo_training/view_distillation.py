"""Distilling a view: the shipped backbone learns where a dual encoder sees photos, of which nobody has said anything.

The student learns the teacher's vectors, 1 - cos(student, teacher), and its neighbours: in each batch, the distribution
of a photo's similarities to the others (losses.neighbour_loss). So a small machine indexes in a large model's space.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.errors import DataError
from export.training.losses import distillation_loss, neighbour_loss
from export.training.photo_model.photo_model import PhotoModel
from export.training.photo_training.view_runs import Recent, ViewRecipe, train_view, view_of
from export.training.training_run import shuffled_batch

LEAST_PHOTOS = 20
_HELD_OUT_SHARE = 0.05
_MOST_HELD_OUT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDistillationRecipe(ViewRecipe):
    """How a student is trained: what its losses weigh, beside the runs."""

    view_passes: int = 10
    vector_weight: float = 10.0
    neighbour_weight: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPhotos:
    """Photos uint8 [n, size, size, 3], and a teacher's vectors of them, float32 [n, dim], unit L2 norm."""

    pixels: NDArray[np.uint8]
    vectors: Tensor

    def some(self, rows: NDArray[np.int64]) -> SeenPhotos:
        return SeenPhotos(pixels=self.pixels[rows], vectors=self.vectors[torch.from_numpy(rows)])


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherLesson:
    """A view is to lie where the teacher's does."""

    photos: SeenPhotos
    held_out: SeenPhotos
    recipe: ViewDistillationRecipe

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The photos."""
        return self.photos.pixels

    def rows(self, step: int) -> NDArray[np.int64]:
        """Each photo is passed over in turn."""
        return shuffled_batch(step, self.recipe.photos_per_step, len(self.pixels), seed=(self.recipe.seed, 6))

    def losses(
        self, rows: NDArray[np.int64], views: Sequence[Tensor], _: Recent, __: np.random.Generator
    ) -> dict[str, Tensor]:
        """How far the views are from the teacher's, alone and among each other."""
        recipe, wanted = self.recipe, self.photos.vectors[torch.from_numpy(rows)]
        vectors = torch.stack([distillation_loss(view, wanted) for view in views]).mean()
        neighbours = [neighbour_loss(view, wanted, temperature=recipe.temperature) for view in views]
        return {
            "vectors": recipe.vector_weight * vectors,
            "neighbours": recipe.neighbour_weight * torch.stack(neighbours).mean(),
        }

    def probe(self, model: PhotoModel) -> dict[str, float]:
        """The mean cosine to the teacher, on the photos held out."""
        views = view_of(model, self.held_out.pixels)
        return {"dev_cosine": round((views * self.held_out.vectors).sum(1).mean().item(), 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilledView:
    """A photo model of which the visual view alone is trained, and how close it comes to the teacher's.

    Attributes:
        model: In evaluation mode.
        cosine: Mean over the photos held out, between student and teacher.
    """

    model: PhotoModel
    cosine: float


def distil_view(
    pixels: NDArray[np.uint8],
    vectors: NDArray[np.float32],
    start: PhotoModel,
    work: Path,
    recipe: ViewDistillationRecipe,
) -> DistilledView:
    """Train a student, or go on with a run that was interrupted.

    Args:
        pixels: Photos, uint8 [n, size, size, 3]; LEAST_PHOTOS or more, of which some are held out.
        vectors: float32 [n, dim], unit L2 norm, the teacher's of these.
        start: The photo model whose backbone the student starts from.
        work: Where checkpoints and logs go.
        recipe: Seeds and sizes.

    Raises:
        DataError: There are too few photos.
        TrainingError: The loss is not finite, or ``work`` holds a run of another recipe.
    """
    if len(pixels) < LEAST_PHOTOS:
        raise DataError(f"{len(pixels)} photos to distil on, expected at least {LEAST_PHOTOS}; give more --photos")
    order = np.random.default_rng(recipe.seed).permutation(len(pixels))
    held_out = min(_MOST_HELD_OUT, max(1, round(_HELD_OUT_SHARE * len(pixels))))
    photos = SeenPhotos(pixels=pixels, vectors=torch.from_numpy(vectors))
    torch.manual_seed(recipe.seed)
    model = PhotoModel(dataclasses.replace(start.shape, dim=vectors.shape[1], bank=1, names=1))
    model.backbone.load_state_dict(start.backbone.state_dict())
    model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    lesson = TeacherLesson(photos=photos.some(order[held_out:]), held_out=photos.some(order[:held_out]), recipe=recipe)
    train_view(model, lesson, work, recipe)
    return DistilledView(model=model.eval(), cosine=lesson.probe(model)["dev_cosine"])
