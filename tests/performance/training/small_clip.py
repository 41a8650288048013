"""A small CLIPModel or SiglipModel, trained on our own photos: the dual encoders that the whole chain is shown with.

    python -m tests.performance.training.small_clip --data DIR --work DIR --to DIR [--loss sigmoid]

Killed, it goes on where it was. It writes what transformers saves of such a model: config.json, model.safetensors,
vocab.json and merges.txt of CLIP's kind of byte pairs, and preprocessor_config.json. Its weights aren't shipped.

A vision transformer knows nothing about pictures when it starts, and there are few photos. So beside CLIP's own loss
(Radford et al. 2021, arXiv 2103.00020), or SigLIP's (Zhai et al. 2023, arXiv 2303.15343), it learns from the shipped
models: each patch what the shipped backbone sees there, each photo the shipped visual view, and each text the shipped
encoder's vector, both through one linear map.
"""

# transformers' configurations and tokenizers come without types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPTokenizerFast,
    CLIPVisionConfig,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from export.training.data.augmentation import load_pixels, to_input
from export.training.data.corpus import CaptionedPhoto, read_photos
from export.training.losses import distillation_loss
from export.training.training_run import Run, shuffled_batch
from tests.performance.training.byte_pairs import train_byte_pairs
from tests.performance.training.shipped_targets import Seen, look, read, training_photos

IMAGE_SIZE = 96
PATCH = 16
TOKENS = 32
Loss = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Sizes, rates and weights of the losses, and whose it is: CLIP's by a softmax, SigLIP's by sigmoids."""

    loss: Loss = "softmax"
    width: int = 192
    layers: int = 4
    text_width: int = 256
    text_layers: int = 4
    dim: int = 256
    vocabulary_size: int = 8_192
    other_texts: int = 30_000
    steps: int = 500
    photos_per_step: int = 128
    texts_per_step: int = 48
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    average_decay: float = 0.99
    cell_weight: float = 4.0
    view_weight: float = 6.0
    text_weight: float = 6.0
    seed: int = 20_261_130


class Learner(nn.Module):
    """The model, and the linear maps into what the shipped models see, which are thrown away."""

    def __init__(self, model: CLIPModel | SiglipModel, *, dim: int, view: int, cell: int) -> None:
        super().__init__()
        # The gradient of the fused attention in bfloat16 is slow on CPUs.
        model.set_attn_implementation("eager")
        self.clip = model
        self.to_view = nn.Linear(dim, view, bias=False)
        self.to_cell = nn.Linear(model.config.vision_config.hidden_size, cell)

    def see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors of photos, of unit length, and what is seen at each patch."""
        with torch.autocast("cpu", torch.bfloat16):
            seen = self.clip.vision_model(images)
            vectors = seen.pooler_output
            if isinstance(self.clip, CLIPModel):
                vectors = self.clip.visual_projection(vectors)
            cells = self.to_cell(seen.last_hidden_state[:, -((IMAGE_SIZE // PATCH) ** 2) :])
        return functional.normalize(vectors.float(), dim=-1), functional.normalize(cells.float(), dim=-1)

    def read(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """The vectors of texts, of unit length."""
        with torch.autocast("cpu", torch.bfloat16):
            if isinstance(self.clip, SiglipModel):  # which reads the padding
                tokens = functional.pad(
                    tokens, (0, TOKENS - tokens.shape[1]), value=self.clip.config.text_config.pad_token_id
                )
                vectors = self.clip.get_text_features(tokens)
            else:
                vectors = self.clip.get_text_features(tokens, attention_mask=mask)
        return functional.normalize(vectors.float(), dim=-1)

    def as_shipped(self, vectors: Tensor) -> Tensor:
        return functional.normalize(self.to_view(vectors), dim=-1)


def train(data: Path, work: Path, to: Path, recipe: Recipe) -> None:
    """Train the model, or go on with a run that was interrupted, and write it into ``to``."""
    work.mkdir(parents=True, exist_ok=True)
    captioned, others = training_photos(data)
    seen = look([*captioned, *others], work, seed=recipe.seed)
    known = read(data, captioned, work, others=recipe.other_texts, seed=recipe.seed)
    first, vectors = known.first, known.vectors
    tokenizer = train_byte_pairs(known.texts, work / "tokenizer", size=recipe.vocabulary_size, max_tokens=TOKENS)
    ids = tokenizer(list(known.texts), truncation=True, max_length=TOKENS)["input_ids"]
    torch.manual_seed(recipe.seed)
    learner = Learner(_model(recipe, tokenizer), dim=recipe.dim, view=vectors.shape[1], cell=seen.cells.shape[-1])
    run = _make_run(learner, work, recipe)
    run.resume()
    learner.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step))
        rows = shuffled_batch(step, recipe.photos_per_step, len(seen.pixels), seed=(recipe.seed, 1))
        with_captions = np.flatnonzero(rows < len(captioned))
        photos = rows[with_captions]
        own = random.integers(first[photos], first[photos + 1])
        chosen = np.concatenate([own, random.integers(0, len(ids), recipe.texts_per_step)])
        losses = _losses(
            learner, seen, rows, with_captions, _padded(ids, chosen, tokenizer), vectors[chosen], random, recipe
        )
        run.advance(losses)
        with torch.no_grad():
            learner.clip.logit_scale.clamp_(max=np.log(100.0))
        run.note_and_save(losses)
    run.use_averages()
    learner.eval()
    _write(learner.clip, tokenizer, to)
    found = recall(learner, tokenizer, read_photos(data / "photos" / "flickr8k.jsonl", "dev"))
    run.note(**found)


def recall(learner: Learner, tokenizer: CLIPTokenizerFast, photos: Sequence[CaptionedPhoto]) -> dict[str, float]:
    """How often a caption finds its photo among all of them, in the first 1, 5 and 10."""
    pixels = load_pixels([photo.path for photo in photos], IMAGE_SIZE)
    captions = [caption for photo in photos for caption in photo.captions]
    owners = torch.from_numpy(np.repeat(np.arange(len(photos)), [len(photo.captions) for photo in photos]))
    ids = tokenizer(captions, truncation=True, max_length=TOKENS)["input_ids"]
    with torch.inference_mode():
        seen = torch.cat([learner.see(to_input(pixels[start : start + 64]))[0] for start in range(0, len(pixels), 64)])
        rows = [np.arange(start, min(start + 256, len(ids))) for start in range(0, len(ids), 256)]
        scores = torch.cat([learner.read(*_padded(ids, part, tokenizer)) for part in rows]) @ seen.T
    ranks = (scores >= scores.gather(1, owners[:, None])).sum(1)
    return {f"dev_r_at_{k}": round((ranks <= k).float().mean().item(), 4) for k in (1, 5, 10)}


def _losses(
    learner: Learner,
    seen: Seen,
    rows: NDArray[np.int64],
    with_captions: NDArray[np.int64],
    tokens: tuple[Tensor, Tensor],
    text_vectors: NDArray[np.float32],
    random: np.random.Generator,
    recipe: Recipe,
) -> dict[str, Tensor]:
    """CLIP's or SigLIP's loss, where the texts of no photo of the batch are negatives too, and what the shipped see."""
    images, wanted = _parts(seen, rows, random)
    photo, cells = learner.see(images)
    text = learner.read(*tokens)
    own = torch.from_numpy(with_captions)
    logits = learner.clip.logit_scale.exp() * text @ photo.T
    itself = torch.arange(len(own))
    if isinstance(learner.clip, SiglipModel):
        belongs = torch.zeros_like(logits)
        belongs[itself, own] = 1.0
        logits = logits + learner.clip.logit_bias
        pairs = functional.binary_cross_entropy_with_logits(logits, belongs, reduction="sum") / len(own)
        found = 2.0 * pairs
    else:
        found = functional.cross_entropy(logits[: len(own)], own) + functional.cross_entropy(logits.T[own], itself)
    views = torch.from_numpy(seen.views[rows].astype(np.float32))
    return {
        "captions": 0.5 * found,
        "cells": recipe.cell_weight * (1.0 - (cells * wanted).sum(-1).mean()),
        "views": recipe.view_weight * distillation_loss(learner.as_shipped(photo), views),
        "texts": recipe.text_weight * distillation_loss(learner.as_shipped(text), torch.from_numpy(text_vectors)),
    }


def _parts(seen: Seen, rows: NDArray[np.int64], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Parts of photos, mirrored or not and in another light, and what is to be seen at their patches."""
    images = to_input(seen.pixels[rows])
    cells = torch.from_numpy(seen.cells[rows].astype(np.float32)).permute(0, 3, 1, 2)
    count, side = len(rows), IMAGE_SIZE // PATCH
    shares = np.sqrt(random.uniform(0.5, 1.0, (count, 1)) * np.exp(random.uniform(-0.2, 0.2, (count, 1)) * [[1, -1]]))
    shares = np.minimum(shares, 1.0)
    transform = np.zeros((count, 2, 3), np.float32)
    transform[:, 0, 0] = shares[:, 0] * np.where(random.random(count) < 0.5, -1.0, 1.0)
    transform[:, 1, 1] = shares[:, 1]
    transform[:, :, 2] = random.uniform(-1, 1, (count, 2)) * (1 - shares)
    images, cells = (
        functional.grid_sample(
            tensor,
            functional.affine_grid(torch.from_numpy(transform), [count, 1, size, size], align_corners=False),
            padding_mode="reflection",
            align_corners=False,
        )
        for tensor, size in ((images, IMAGE_SIZE), (cells, side))
    )
    light = (random.uniform(low, high, (count, channels, 1, 1)) for low, high, channels in _LIGHT)
    contrast, brightness, tint = (torch.from_numpy(part.astype(np.float32)) for part in light)
    lit = (images * contrast + brightness + tint).clamp_(-1.0, 1.0)
    return lit, functional.normalize(cells.flatten(2).transpose(1, 2), dim=-1)


_LIGHT = ((0.8, 1.25, 1), (-0.2, 0.2, 1), (-0.05, 0.05, 3))


def _make_run(learner: Learner, work: Path, recipe: Recipe) -> Run:
    matrices = [parameter for parameter in learner.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in learner.parameters() if parameter.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    return Run(
        folder=work,
        model=learner,
        optimizer=torch.optim.AdamW(
            groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
        ),
        steps=recipe.steps,
        warmup=60,
        recipe=dataclasses.asdict(recipe),
        seed=recipe.seed,
        average_decay=recipe.average_decay,
    )


def _model(recipe: Recipe, tokenizer: CLIPTokenizerFast) -> CLIPModel | SiglipModel:
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **_tower(recipe.text_width, recipe.text_layers),
    }
    vision = {"image_size": IMAGE_SIZE, "patch_size": PATCH, **_tower(recipe.width, recipe.layers)}
    if recipe.loss == "softmax":
        text, vision = CLIPTextConfig(**text).to_dict(), CLIPVisionConfig(**vision).to_dict()
        return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=recipe.dim))
    model = SiglipModel(SiglipConfig(text_config={**text, "projection_size": recipe.dim}, vision_config=vision))
    with torch.no_grad():
        model.logit_scale.fill_(np.log(10.0))
        model.logit_bias.fill_(-10.0)
    return model


def _tower(width: int, layers: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64,
        "hidden_act": "gelu",
    }


def _padded(
    ids: Sequence[Sequence[int]], rows: NDArray[np.int64], tokenizer: CLIPTokenizerFast
) -> tuple[Tensor, Tensor]:
    """The tokens of some texts, and where they are, both int64 [texts, longest]."""
    chosen = [torch.tensor(ids[row]) for row in rows]
    tokens = nn.utils.rnn.pad_sequence(chosen, batch_first=True, padding_value=tokenizer.pad_token_id)
    lengths = torch.tensor([len(row) for row in chosen])
    return tokens, (torch.arange(tokens.shape[1]) < lengths[:, None]).long()


def _write(model: CLIPModel | SiglipModel, tokenizer: CLIPTokenizerFast, to: Path) -> None:
    """As transformers saves such a model with its processor."""
    half, square = [0.5, 0.5, 0.5], {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    model.save_pretrained(to)
    if isinstance(model, SiglipModel):
        SiglipImageProcessor(size=square, image_mean=half, image_std=half).save_pretrained(to)
        tokenizer.model_input_names = ["input_ids"]
        tokenizer.save_pretrained(to)
    else:
        shortest = {"shortest_edge": IMAGE_SIZE}
        pictures = CLIPImageProcessor(size=shortest, crop_size=square, image_mean=half, image_std=half)
        CLIPProcessor(pictures, tokenizer).save_pretrained(to)


def main() -> None:
    """Read the command line, and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the corpus, laid out as in export/training/README.md")
    parser.add_argument("--work", type=Path, required=True, help="what the shipped models see, checkpoint and log")
    parser.add_argument("--to", type=Path, required=True, help="where the model goes")
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--loss", choices=("softmax", "sigmoid"), default="softmax", help="CLIP's or SigLIP's")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(loss=arguments.loss, steps=arguments.steps)
    if recipe.loss == "sigmoid":
        recipe = dataclasses.replace(recipe, dim=recipe.width)  # SigLIP's photos lie where its tower ends
    train(arguments.data, arguments.work, arguments.to, recipe)


if __name__ == "__main__":
    main()
