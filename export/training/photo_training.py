"""Training the photo model in four runs, each from the last one's weights.

1. *language*: the decoder alone learns to write a caption from that caption's vector and an
   instruction, on every caption list (text only, as in CapDec, Nukrai et al. 2022,
   arXiv 2211.00575: noise stands for the gap between a caption's vector and a photo's).
2. *heads*: the backbone stays as it is; visual head and decoder learn from photos.
3. *whole*: everything learns at a small rate, from pseudo-captioned photos too, with averaged weights.
4. *view*: a visual head of its own for search learns on what the backbone now sees. The decoder keeps the one that it
   was trained with: given the new one, its captions lost a point of BLEU-4.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from export.training.augmentation import augment, load_pixels, to_input
from export.training.caption_text import IGNORED, Examples, choose_answer, make_examples, train_tokenizer
from export.training.corpus import CaptionedPhoto, read_paraphrases, read_split
from export.training.encoder_training import EmbedTexts
from export.training.photo_model import PhotoModel, PhotoModelShape, VisualHead
from export.training.pseudo_captions import pseudo_captioned
from export.training.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecipe:
    """What the default photo model was trained with; steps are optimizer steps."""

    shape: PhotoModelShape = field(default_factory=PhotoModelShape)
    language_steps: int = 500
    language_batch: int = 128
    language_rate: float = 1e-3
    language_noise: float = 0.03
    heads_steps: int = 1_100
    heads_rate: float = 8e-4
    whole_steps: int = 480
    whole_rate: float = 2e-4
    backbone_rate: float = 6e-5
    view_steps: int = 175
    view_rate: float = 1e-3
    view_photos_per_step: int = 256
    view_weight_decay: float = 0.05
    photos_per_step: int = 64
    answers_per_photo: int = 2
    temperature: float = 0.05
    queue: int = 1_024
    answer_weight: float = 0.5
    label_smoothing: float = 0.1
    weight_decay: float = 0.02
    average_decay: float = 0.995
    seed: int = 20_261_122


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoData:
    """Training photos in memory.

    Attributes:
        photos: what they are and their captions.
        pixels: uint8 [n, size, size, 3].
        vectors: float32 [captions, dim], the text encoder's, of all captions in order.
        owners: int64 [captions], the photo of each caption.
    """

    photos: Sequence[CaptionedPhoto]
    pixels: NDArray[np.uint8]
    vectors: Tensor
    owners: Tensor


def train_photo_model(
    data: Path, work: Path, recipe: PhotoRecipe, vectors_of: EmbedTexts
) -> tuple[PhotoModel, Tokenizer]:
    """Train the photo model, or go on with a run that was interrupted.

    Args:
        data: the corpus, laid out as corpus.py says, with ``weights/mobilenet_v2_1.0_224_fp32.onnx``.
        work: one folder a run goes below it.
        recipe: seeds and sizes.
        vectors_of: the text encoder in whose space the visual view is to lie.

    Returns:
        The model with averaged weights, and the decoder's tokenizer.
    """
    torch.manual_seed(recipe.seed)
    lists = read_paraphrases(data)
    tokenizer = train_tokenizer([caption for captions in lists for caption in captions], recipe.shape.vocabulary_size)
    model = PhotoModel(recipe.shape)
    model.backbone.load_onnx(data / "weights" / "mobilenet_v2_1.0_224_fp32.onnx")
    model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _train_language(model, tokenizer, lists, work / "language", recipe, vectors_of)
    captioned = read_split(data, "train")
    held_back = _load_photos(read_split(data, "dev"), vectors_of)
    training = _load_photos(captioned, vectors_of)
    _train_on_photos(model, tokenizer, training, held_back, work / "heads", recipe, whole=False)
    training = _load_photos([*captioned, *pseudo_captioned(data, seed=recipe.seed)], vectors_of)
    _train_on_photos(model, tokenizer, training, held_back, work / "whole", recipe, whole=True)
    _train_view(model, training, held_back, work / "view", recipe)
    return model.eval(), tokenizer


def answer_loss(logits: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
    """Cross-entropy on the answer's tokens only: logits [n, steps, vocabulary], targets int64 [n, steps]."""
    return functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, label_smoothing=label_smoothing
    )


def photo_to_text_loss(visual: Tensor, rows: Tensor, captions: Tensor, owners: Tensor, *, temperature: float) -> Tensor:
    """Each photo has to find its own captions among all training captions.

    Args:
        visual: float32 [n, dim], unit L2 norm.
        rows: int64 [n], which photo each is.
        captions: float32 [captions, dim], unit L2 norm.
        owners: int64 [captions], the photo of each caption.
        temperature: divides the cosines.

    Returns:
        The mean over photos and their captions of -log softmax against captions of other photos.
    """
    logits = visual @ captions.T / temperature
    own = rows[:, None] == owners[None, :]
    others = torch.logsumexp(logits.masked_fill(own, -torch.inf), dim=1, keepdim=True)
    loss = torch.where(own, torch.logaddexp(logits, others) - logits, 0.0)
    return (loss.sum(1) / own.sum(1)).mean()


def text_to_photo_loss(
    texts: Tensor, visual: Tensor, rows: Tensor, queue: Tensor, queue_rows: Tensor, *, temperature: float
) -> Tensor:
    """Each caption has to find its photo among the batch and a queue of recent ones (MoCo, arXiv 1911.05722).

    Args:
        texts: float32 [n, dim], a caption of each photo of the batch.
        visual: float32 [n, dim], those photos.
        rows: int64 [n], which photos they are.
        queue: float32 [m, dim], photos of earlier steps.
        queue_rows: int64 [m], which photos they are; the batch's own are left out.
        temperature: divides the cosines.
    """
    logits = texts @ torch.cat([visual, queue]).T / temperature
    candidates = torch.cat([rows, queue_rows])
    itself = functional.one_hot(torch.arange(len(rows)), len(candidates)).bool()
    logits = logits.masked_fill((rows[:, None] == candidates[None, :]) & ~itself, -torch.inf)
    return functional.cross_entropy(logits, torch.arange(len(rows)))


def _train_language(
    model: PhotoModel,
    tokenizer: Tokenizer,
    lists: Sequence[tuple[str, ...]],
    work: Path,
    recipe: PhotoRecipe,
    vectors_of: EmbedTexts,
) -> None:
    optimizer = torch.optim.AdamW(
        [parameter for name, parameter in model.named_parameters() if not name.startswith(_VISION)],
        lr=recipe.language_rate,
        weight_decay=recipe.weight_decay,
    )
    run = _make_run(model, optimizer, work, recipe, steps=recipe.language_steps)
    run.resume()
    model.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 2))
        chosen = random.choice(len(lists), recipe.language_batch, replace=False)
        pairs = [choose_answer(lists[row], random) for row in chosen]
        vectors = vectors_of([answer for _, answer in pairs])
        noisy = vectors + recipe.language_noise * random.standard_normal(vectors.shape).astype(np.float32)
        noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
        examples = make_examples(tokenizer, pairs, recipe.shape.max_tokens)
        with torch.autocast("cpu", torch.bfloat16):
            memory = model.remember_text(torch.from_numpy(noisy))
            logits = model.decode(examples.tokens, memory, model.empty_cache(len(pairs))).logits
        loss = answer_loss(logits, examples.targets, label_smoothing=recipe.label_smoothing)
        run.advance({"answers": loss})
        _note_and_save(run, {"answers": loss})
    run.use_averages()


def _train_on_photos(
    model: PhotoModel,
    tokenizer: Tokenizer,
    data: PhotoData,
    held_back: PhotoData,
    work: Path,
    recipe: PhotoRecipe,
    *,
    whole: bool,
) -> None:
    rate = recipe.whole_rate if whole else recipe.heads_rate
    backbone = list(model.backbone.parameters())
    rest = [parameter for name, parameter in model.named_parameters() if not name.startswith("backbone.")]
    groups = [{"params": rest, "lr": rate}]
    if whole:
        groups.append({"params": backbone, "lr": recipe.backbone_rate})
    for parameter in backbone:
        parameter.requires_grad_(whole)
    optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=recipe.weight_decay)
    run = _make_run(model, optimizer, work, recipe, steps=recipe.whole_steps if whole else recipe.heads_steps)
    run.resume()
    queue = torch.zeros(0, recipe.shape.dim)
    queue_rows = torch.zeros(0, dtype=torch.long)
    first_caption = np.cumsum([0, *(len(photo.captions) for photo in data.photos)])
    model.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 3 + whole))
        rows = _batch(step, recipe.seed, recipe.photos_per_step, len(data.photos), salt=5 + whole)
        captions = [int(random.integers(first_caption[row], first_caption[row + 1])) for row in rows]
        examples = _answers(data, rows, tokenizer, recipe, random)
        with torch.autocast("cpu", torch.bfloat16):
            images = augment(to_input(data.pixels[rows]), recipe.shape.trained_size, random)
            understood = model.understand(images)
            memory = understood.memory.repeat_interleave(recipe.answers_per_photo, dim=0)
            logits = model.decode(examples.tokens, memory, model.empty_cache(len(memory))).logits
        at = torch.from_numpy(rows)
        visual = understood.visual
        losses = {
            "photo_to_text": photo_to_text_loss(visual, at, data.vectors, data.owners, temperature=recipe.temperature),
            "text_to_photo": text_to_photo_loss(
                data.vectors[captions], visual, at, queue, queue_rows, temperature=recipe.temperature
            ),
            "answers": recipe.answer_weight
            * answer_loss(logits, examples.targets, label_smoothing=recipe.label_smoothing),
        }
        run.advance(losses)
        queue = torch.cat([visual.detach(), queue])[: recipe.queue]
        queue_rows = torch.cat([at, queue_rows])[: recipe.queue]
        _note_and_save(run, losses)
        if run.step % _PROBE_EVERY == 0 or run.step == run.steps:
            with run.averaged():
                run.note(**_probe(model, held_back))
    run.use_averages()


def _train_view(model: PhotoModel, data: PhotoData, held_back: PhotoData, work: Path, recipe: PhotoRecipe) -> None:
    head = VisualHead(recipe.shape)
    optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.view_rate, weight_decay=recipe.view_weight_decay)
    run = _make_run(head, optimizer, work, recipe, steps=recipe.view_steps)
    run.resume()
    if run.step < run.steps:
        as_they_are, mirrored = (_pooled(model, data.pixels[:, :, ::way]) for way in (1, -1))
    if run.step == 0:
        torch.manual_seed(recipe.seed)
        head.restart(torch.cat([as_they_are, mirrored]))
    first_caption = np.cumsum([0, *(len(photo.captions) for photo in data.photos)])
    nothing = torch.zeros(0, recipe.shape.dim), torch.zeros(0, dtype=torch.long)
    head.train()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 7))
        rows = _batch(step, recipe.seed, recipe.view_photos_per_step, len(data.photos), salt=8)
        captions = [int(random.integers(first_caption[row], first_caption[row + 1])) for row in rows]
        at = torch.from_numpy(rows)
        pooled = torch.where(torch.from_numpy(random.random((len(rows), 1)) < 0.5), mirrored[at], as_they_are[at])
        with torch.autocast("cpu", torch.bfloat16):
            visual = head(pooled)
        losses = {
            "photo_to_text": photo_to_text_loss(visual, at, data.vectors, data.owners, temperature=recipe.temperature),
            "text_to_photo": text_to_photo_loss(
                data.vectors[captions], visual, at, *nothing, temperature=recipe.temperature
            ),
        }
        run.advance(losses)
        _note_and_save(run, losses)
    run.use_averages()
    model.view_head = head
    run.note(**_probe(model, held_back))


def _pooled(model: PhotoModel, pixels: NDArray[np.uint8]) -> Tensor:
    """The pooled grids of photos as they are, float32 [n, 2560]."""
    pooled = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(pixels), 64):
            images = to_input(np.ascontiguousarray(pixels[start : start + 64]))
            grid = model.backbone(images.contiguous(memory_format=torch.channels_last))
            pooled.append(VisualHead.pool(grid.float()))
    return torch.cat(pooled)


def _probe(model: PhotoModel, held_back: PhotoData) -> dict[str, float]:
    """Recall of the visual view: each held-back caption has to find its photo among the held-back photos."""
    model.eval()
    with torch.inference_mode():
        visual = (model.view_head or model.visual_head)(_pooled(model, held_back.pixels))
    model.train()
    scores = held_back.vectors @ visual.T
    own = scores.gather(1, held_back.owners[:, None])
    ranks = (scores >= own).sum(1)
    return {f"dev_r_at_{k}": round((ranks <= k).float().mean().item(), 4) for k in (1, 5, 10)}


_VISION = ("backbone.", "visual_head.", "cell_projection.")
_KEPT_SIZE = 224
_PROBE_EVERY = 220


def _make_run(
    model: nn.Module, optimizer: torch.optim.Optimizer, work: Path, recipe: PhotoRecipe, *, steps: int
) -> Run:
    return Run(
        folder=work,
        model=model,
        optimizer=optimizer,
        steps=steps,
        warmup=min(100, steps // 10),
        recipe=json.loads(json.dumps(asdict(recipe))),
        seed=recipe.seed,
        average_decay=recipe.average_decay,
    )


def _note_and_save(run: Run, losses: dict[str, Tensor]) -> None:
    if run.step % 20 == 0:
        run.note(**{name: round(loss.item(), 4) for name, loss in losses.items()})
    if run.step % 200 == 0 or run.step == run.steps:
        run.save()


def _load_photos(photos: Sequence[CaptionedPhoto], vectors_of: EmbedTexts) -> PhotoData:
    counts = [len(photo.captions) for photo in photos]
    return PhotoData(
        photos=photos,
        pixels=load_pixels([photo.path for photo in photos], _KEPT_SIZE),
        vectors=torch.from_numpy(vectors_of([caption for photo in photos for caption in photo.captions])),
        owners=torch.from_numpy(np.repeat(np.arange(len(photos)), counts)),
    )


def _batch(step: int, seed: int, size: int, count: int, *, salt: int) -> NDArray[np.int64]:
    """The step's photos in a shuffled pass over all of them."""
    size = min(size, count)
    steps_per_pass = count // size
    order = np.random.default_rng((seed, salt, step // steps_per_pass)).permutation(count)
    return order[step % steps_per_pass * size :][:size]


def _answers(
    data: PhotoData, rows: NDArray[np.int64], tokenizer: Tokenizer, recipe: PhotoRecipe, random: np.random.Generator
) -> Examples:
    """``answers_per_photo`` examples of each photo, next to each other."""
    pairs = [choose_answer(data.photos[row].captions, random) for row in rows for _ in range(recipe.answers_per_photo)]
    return make_examples(tokenizer, pairs, recipe.shape.max_tokens)
