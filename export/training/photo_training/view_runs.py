"""The three runs in which a visual view is learnt, each from the last one's weights.

1. *head*: the visual head learns on the features of the backbone as it was.
2. *whole*: backbone and head learn from crops, mirrored and in other light, with averaged weights.
3. *view*: a head of its own for the finished backbone, as it is served, and for photos as they are. It
   reads what the backbone learnt better than the head that was trained along with it on crops.

They know photos, the backbone and its head; what a photo's view is to be, a lesson knows.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.training.data.augmentation import augment, to_input
from export.training.photo_model.captioner_export import export_vision, pooled_as_served
from export.training.photo_model.packing import crops_of_samples
from export.training.photo_model.photo_model import PhotoModel, VisualHead
from export.training.training_run import Run, shuffled_batch

_PHOTOS_AT_ONCE = 64
_PROBE_EVERY = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRecipe:
    """What the default visual view was trained with; steps are optimizer steps.

    Attributes:
        head_passes: Over all photos, of the first head.
        whole_steps: Of backbone and head together.
        queue: How many photos of earlier steps a lesson is told of in those.
        view_passes: Of the last head.
    """

    head_passes: int = 4
    head_rate: float = 1e-3
    head_photos_per_step: int = 256
    head_weight_decay: float = 0.05
    whole_steps: int = 1_100
    whole_rate: float = 3e-4
    backbone_rate: float = 1e-4
    photos_per_step: int = 64
    queue: int = 1_024
    weight_decay: float = 0.02
    average_decay: float = 0.995
    view_passes: int = 5
    temperature: float = 0.05
    seed: int = 20_261_122


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Photos of earlier steps: their views float32 [n, dim], and which photos they are, int64 [n]."""

    views: Tensor
    rows: Tensor

    @classmethod
    def none(cls, dim: int) -> Recent:
        return cls(views=torch.zeros(0, dim), rows=torch.zeros(0, dtype=torch.long))

    def followed_by(self, views: Tensor, rows: Tensor, most: int) -> Recent:
        """The same and a step's photos, those of the latest steps first."""
        return Recent(views=torch.cat([views, self.views])[:most], rows=torch.cat([rows, self.rows])[:most])


class Lesson(Protocol):
    """What the views of some photos are to be."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The photos, uint8 [n, size, size, 3]."""

    def rows(self, step: int) -> NDArray[np.int64]:
        """The photos of a step in which the backbone learns."""

    def losses(
        self, rows: NDArray[np.int64], views: Sequence[Tensor], recent: Recent, random: np.random.Generator
    ) -> dict[str, Tensor]:
        """What is wrong with a step's views, each float32 [rows, dim] of one member of a head: its mean over these."""

    def probe(self, model: PhotoModel) -> dict[str, float]:
        """How good the view of photos is that aren't learnt."""


def train_view(model: PhotoModel, lesson: Lesson, work: Path, recipe: ViewRecipe) -> None:
    """Train backbone and visual head in place in three runs, or go on with those that were interrupted.

    Args:
        model: Its backbone is the one to start from.
        lesson: What the views are to be.
        work: Each run has a folder below it: *head*, *whole* and *view*.
        recipe: Seeds and sizes; without steps of *whole* the backbone stays as it is, and *view* is all there is to do.
    """
    if recipe.whole_steps:
        if not (work / "whole" / "checkpoint.pt").is_file():
            train_head(model, lesson, work / "head", recipe, passes=recipe.head_passes)
        train_whole(model, lesson, work / "whole", recipe)
    train_head(model, lesson, work / "view", recipe, passes=recipe.view_passes, as_served=True)


def train_whole(model: PhotoModel, lesson: Lesson, work: Path, recipe: ViewRecipe) -> None:
    """Train backbone and visual head in place, on crops, mirrored and in other light, with averaged weights."""
    vision = nn.ModuleDict({"backbone": model.backbone, "visual_head": model.visual_head})
    groups = [
        {"params": list(model.visual_head.parameters()), "lr": recipe.whole_rate},
        {"params": list(model.backbone.parameters()), "lr": recipe.backbone_rate},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.whole_rate, weight_decay=recipe.weight_decay)
    run = _make_run(vision, optimizer, work, recipe, steps=recipe.whole_steps)
    run.resume()
    recent = Recent.none(model.shape.dim)
    vision.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 4))
        rows = lesson.rows(step)
        with torch.autocast("cpu", torch.bfloat16):
            images = augment(to_input(lesson.pixels[rows]), model.shape.trained_size, random)
            visual = model.visual_head(VisualHead.pool(model.backbone(images).float()))
        losses = lesson.losses(rows, [visual], recent, random)
        run.advance(losses)
        recent = recent.followed_by(visual.detach(), torch.from_numpy(rows), recipe.queue)
        run.note_and_save(losses)
        if run.step % _PROBE_EVERY == 0 or run.step == run.steps:
            with run.averaged():
                vision.eval()
                run.note(**lesson.probe(model))
                vision.train()
    run.use_averages()
    vision.eval()


def train_head(
    model: PhotoModel,
    lesson: Lesson,
    work: Path,
    recipe: ViewRecipe,
    *,
    passes: int,
    anew: bool = True,
    as_served: bool = False,
) -> None:
    """Train the visual head, or a new one, on the backbone's features of photos as they are, mirrored or not.

    Args:
        model: Its backbone stays as it is.
        lesson: What the views are to be.
        work: The run's folder.
        recipe: Of which ``head_*`` counts.
        passes: Over all photos.
        anew: Whether the head is a new one.
        as_served: Whether it learns on the features of the backbone in 8 bits.
    """
    head = VisualHead(model.shape) if anew else model.visual_head
    optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.head_rate, weight_decay=recipe.head_weight_decay)
    count = len(lesson.pixels)
    size = min(recipe.head_photos_per_step, count)
    run = _make_run(head, optimizer, work, recipe, steps=passes * (count // size))
    run.resume()
    model.visual_head = head
    if run.step == run.steps:
        run.use_averages()
        head.eval()
        return
    as_they_are, mirrored = (_pooled_as_served if as_served else _pooled)(model, lesson.pixels)
    if anew and run.step == 0:
        torch.manual_seed(recipe.seed)
        head.restart(torch.cat([as_they_are, mirrored]))
    head.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 7))
        rows = shuffled_batch(step, size, count, seed=(recipe.seed, 8))
        at = torch.from_numpy(rows)
        pooled = torch.where(torch.from_numpy(random.random((len(rows), 1)) < 0.5), mirrored[at], as_they_are[at])
        with torch.autocast("cpu", torch.bfloat16):
            members = head.members(pooled)
        losses = lesson.losses(rows, members, Recent.none(model.shape.dim), random)
        run.advance(losses)
        run.note_and_save(losses)
    run.use_averages()
    head.eval()
    run.note(**lesson.probe(model))


def view_of(model: PhotoModel, pixels: NDArray[np.uint8]) -> Tensor:
    """The visual views of photos uint8 [n, size, size, 3], hubness and all: float32 [n, dim], unit L2 norm."""
    with torch.inference_mode():
        views: Tensor = model.visual_head(_pooled_grids(model, pixels))
    return views


def _pooled(model: PhotoModel, pixels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """What the visual head reads of photos and of their mirror images, each float32 [n, 2560]."""
    return _pooled_grids(model, pixels), _pooled_grids(model, _mirror_images(pixels))


def _pooled_as_served(model: PhotoModel, pixels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """The same of the backbone in 8 bits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vision.onnx"
        export_vision(model, path, pixels=crops_of_samples(pixels.shape[1]))
        as_they_are, mirrored = (
            np.concatenate(list(pooled_as_served(path, images))) for images in (pixels, _mirror_images(pixels))
        )
    return torch.from_numpy(as_they_are), torch.from_numpy(mirrored)


def _mirror_images(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[:, :, ::-1]


def _pooled_grids(model: PhotoModel, pixels: NDArray[np.uint8]) -> Tensor:
    """What the visual head reads of photos, float32 [n, 2560]."""
    pooled = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(pixels), _PHOTOS_AT_ONCE):
            images = to_input(np.ascontiguousarray(pixels[start : start + _PHOTOS_AT_ONCE]))
            grid = model.backbone(images.contiguous(memory_format=torch.channels_last))
            pooled.append(VisualHead.pool(grid.float()))
    return torch.cat(pooled)


def _make_run(model: nn.Module, optimizer: torch.optim.Optimizer, work: Path, recipe: ViewRecipe, *, steps: int) -> Run:
    return Run(
        folder=work,
        model=model,
        optimizer=optimizer,
        steps=steps,
        warmup=min(60, steps // 10),
        recipe=json.loads(json.dumps(dataclasses.asdict(recipe))),
        seed=recipe.seed,
        average_decay=recipe.average_decay,
    )
