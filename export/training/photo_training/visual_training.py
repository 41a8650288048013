"""Training the visual view in three runs, each from the last one's weights.

1. *head*: the visual head learns on the pretrained backbone's features.
2. *whole*: backbone and head learn from crops, mirrored and in other light, with averaged weights.
3. *view*: a head of its own for the finished backbone, as it is served, and for photos as they are. It
   reads what the backbone learnt better than the head that was trained along with it on crops.

Last, the view's hubness is measured. The targets are the vectors of people's captions and of names (name_targets.py);
the text encoder stays as it is.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.training.data.augmentation import augment, to_input
from export.training.losses import name_loss, photo_to_text_loss, text_to_photo_loss
from export.training.photo_model.captioner_export import export_vision, pooled_as_served
from export.training.photo_model.packing import crops_of_samples
from export.training.photo_model.photo_model import PhotoModel, VisualHead
from export.training.photo_training.photo_data import PhotoData
from export.training.training_run import Run, shuffled_batch

_PHOTOS_AT_ONCE = 64
_PHOTOS_MEASURED = 512
_PROBE_EVERY = 280
_CAPTIONS_PER_NAME = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualRecipe:
    """What the default visual view was trained with; steps are optimizer steps.

    Attributes:
        captioned_share: Of the photos of a step of *whole*; the others have names alone.
        name_weight: Of the loss on names beside those on captions.
    """

    head_passes: int = 4
    head_rate: float = 1e-3
    head_photos_per_step: int = 256
    head_weight_decay: float = 0.05
    whole_steps: int = 1_100
    whole_rate: float = 3e-4
    backbone_rate: float = 1e-4
    photos_per_step: int = 64
    captioned_share: float = 0.7
    name_weight: float = 1.5
    queue: int = 1_024
    weight_decay: float = 0.02
    average_decay: float = 0.995
    view_passes: int = 5
    temperature: float = 0.05
    seed: int = 20_261_122


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
    if not (work / "whole" / "checkpoint.pt").is_file():
        _train_head(model, training, held_out, work / "head", recipe, passes=recipe.head_passes)
    _train_whole(model, training, held_out, work / "whole", recipe)
    _train_head(model, training, held_out, work / "view", recipe, passes=recipe.view_passes, as_served=True)
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
    _train_head(model, training, held_out, work, recipe, passes=recipe.view_passes, anew=False, as_served=True)


def _measure_hubness(model: PhotoModel, data: PhotoData, recipe: VisualRecipe) -> None:
    """On all captions, on names half as often, and on some of the photos, as one number is asked of them."""
    rows = np.random.default_rng(recipe.seed).permutation(len(data.photos))[:_PHOTOS_MEASURED]
    with torch.no_grad():
        seen = model.visual_head(_pooled_grids(model, data.pixels[rows]))
    names = data.names.vectors
    asked = names.repeat(max(1, len(data.vectors) // max(1, len(names)) // _CAPTIONS_PER_NAME), 1)
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


def _train_whole(model: PhotoModel, data: PhotoData, held_out: PhotoData, work: Path, recipe: VisualRecipe) -> None:
    vision = nn.ModuleDict({"backbone": model.backbone, "visual_head": model.visual_head})
    groups = [
        {"params": list(model.visual_head.parameters()), "lr": recipe.whole_rate},
        {"params": list(model.backbone.parameters()), "lr": recipe.backbone_rate},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.whole_rate, weight_decay=recipe.weight_decay)
    run = _make_run(vision, optimizer, work, recipe, steps=recipe.whole_steps)
    run.resume()
    queue = torch.zeros(0, model.shape.dim)
    queue_rows = torch.zeros(0, dtype=torch.long)
    vision.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 4))
        rows = _some_of_each(data, step, recipe)
        with torch.autocast("cpu", torch.bfloat16):
            images = augment(to_input(data.pixels[rows]), model.shape.trained_size, random)
            visual = model.visual_head(VisualHead.pool(model.backbone(images).float()))
        at = torch.from_numpy(rows)
        losses = _losses(data, at, visual, _any_captions(data, rows, random), queue, queue_rows, recipe)
        run.advance(losses)
        queue = torch.cat([visual.detach(), queue])[: recipe.queue]
        queue_rows = torch.cat([at, queue_rows])[: recipe.queue]
        run.note_and_save(losses)
        if run.step % _PROBE_EVERY == 0 or run.step == run.steps:
            with run.averaged():
                vision.eval()
                run.note(**_probe(model, held_out))
                vision.train()
    run.use_averages()
    vision.eval()


def _train_head(
    model: PhotoModel,
    data: PhotoData,
    held_out: PhotoData,
    work: Path,
    recipe: VisualRecipe,
    *,
    passes: int,
    anew: bool = True,
    as_served: bool = False,
) -> None:
    """The visual head, or a new one, on the backbone's features of photos as they are, mirrored or not."""
    head = VisualHead(model.shape) if anew else model.visual_head
    optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.head_rate, weight_decay=recipe.head_weight_decay)
    size = min(recipe.head_photos_per_step, len(data.photos))
    run = _make_run(head, optimizer, work, recipe, steps=passes * (len(data.photos) // size))
    run.resume()
    model.visual_head = head
    if run.step == run.steps:
        run.use_averages()
        head.eval()
        return
    as_they_are, mirrored = (_pooled_as_served if as_served else _pooled)(model, data.pixels)
    if anew and run.step == 0:
        torch.manual_seed(recipe.seed)
        head.restart(torch.cat([as_they_are, mirrored]))
    queue = torch.zeros(0, model.shape.dim), torch.zeros(0, dtype=torch.long)
    head.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 7))
        rows = shuffled_batch(step, size, len(data.photos), seed=(recipe.seed, 8))
        at = torch.from_numpy(rows)
        pooled = torch.where(torch.from_numpy(random.random((len(rows), 1)) < 0.5), mirrored[at], as_they_are[at])
        with torch.autocast("cpu", torch.bfloat16):
            members = head.members(pooled)
        captions = _any_captions(data, rows, random)
        of_members = [_losses(data, at, visual, captions, *queue, recipe) for visual in members]
        losses = {name: torch.stack([losses[name] for losses in of_members]).mean() for name in of_members[0]}
        run.advance(losses)
        run.note_and_save(losses)
    run.use_averages()
    head.eval()
    run.note(**_probe(model, held_out))


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


def _probe(model: PhotoModel, held_out: PhotoData) -> dict[str, float]:
    with torch.inference_mode():
        return recall_of_view(model.visual_head(_pooled_grids(model, held_out.pixels)), held_out)


def _some_of_each(data: PhotoData, step: int, recipe: VisualRecipe) -> NDArray[np.int64]:
    """The step's rows of captioned photos and of others, in the recipe's proportion, each passed over in turn."""
    captioned, others = np.flatnonzero(data.captioned), np.flatnonzero(~data.captioned)
    size = min(recipe.photos_per_step, len(data.photos))
    some = min(round(recipe.captioned_share * size), len(captioned)) if len(others) else size
    rows = captioned[shuffled_batch(step, some, len(captioned), seed=(recipe.seed, 6))]
    if not len(others):
        return rows
    return np.concatenate([rows, others[shuffled_batch(step, size - some, len(others), seed=(recipe.seed, 11))]])


def _any_captions(data: PhotoData, rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
    """Of those of the rows that have captions."""
    return data.any_captions(rows[data.captioned[rows]], random)


def _losses(
    data: PhotoData, at: Tensor, visual: Tensor, captions: Tensor, queue: Tensor, queue_at: Tensor, recipe: VisualRecipe
) -> dict[str, Tensor]:
    """Photos without captions are what captions are not about."""
    has = torch.from_numpy(data.captioned)[at]
    own, own_at = visual[has], at[has]
    others, others_at = torch.cat([visual[~has], queue]), torch.cat([at[~has], queue_at])
    temperature = recipe.temperature
    losses = {
        "photo_to_text": photo_to_text_loss(own, own_at, data.vectors, data.owners, temperature=temperature),
        "text_to_photo": text_to_photo_loss(captions, own, own_at, others, others_at, temperature=temperature),
    }
    if len(data.names.names):
        told = name_loss(visual, data.names.vectors, data.names.shares[at], temperature=temperature)
        losses["names"] = recipe.name_weight * told
    return losses


def _make_run(
    model: nn.Module, optimizer: torch.optim.Optimizer, work: Path, recipe: VisualRecipe, *, steps: int
) -> Run:
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
