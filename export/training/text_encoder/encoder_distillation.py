"""Distilling a text encoder: a small BERT student of any sentence encoder, or of a dual encoder's text tower.

The student starts from some layers of a BERT encoder, knows the word pieces that the texts use, and learns

* the teacher's vectors: 1 - cos(student, teacher);
* the teacher's neighbours: in each batch, the distribution of a text's similarities to the others (probabilistic
  knowledge transfer, Passalis and Tefas 2018, arXiv 1803.10837), by cross-entropy;
* where there are photos, which of them the teacher finds for a text: the distribution of its similarities to them, by
  cross-entropy. That is InfoNCE whose targets are the teacher's own (affinity mimicking, TinyCLIP, arXiv 2309.12314),
  so that photos need no captions.

A student has a space of its own, of its own width, in which the teacher's vectors are laid by their principal
components where they are wider. One of a dual encoder is mapped into the teacher's space instead, where the image
tower's vectors lie.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn

from export.errors import DataError
from export.models.hub import read_configuration
from export.training.losses import distillation_loss, neighbour_loss, photo_loss
from export.training.text_encoder.sentence_model import (
    EmbedTexts,
    TextEncoder,
    default_teacher,
    embed,
    fit_projection,
    load_teacher,
    make_student,
    narrow_feed_forward,
    pad,
)
from export.training.training_run import Run, shuffled_batch

LEAST_TEXTS = 200
_HELD_OUT_SHARE = 0.05
_MOST_HELD_OUT = 1_000
_ROWS_OF_COMPONENTS = 20_000
_TEXTS_FITTED, _RIDGE = 6_000, 1e-2
"""On so many texts the projection into the teacher's space is fitted before the training, and held back a little."""
_PHOTOS_PER_STEP = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationRecipe:
    """How a student is made and trained.

    Attributes:
        layers: How many it has, evenly spread over those of the encoder that it starts from.
        feed_forward: Units of each layer's feed-forward half that are kept; None keeps all.
        vocabulary_size: How many word pieces are kept.
        neighbour_weight: Of the loss on neighbours, beside that on vectors.
        photo_weight: Of the loss on photos.
        temperature: Divides the cosines of neighbours.
    """

    layers: int = 3
    feed_forward: int | None = None
    vocabulary_size: int = 14_000
    steps: int = 1_000
    texts_per_step: int = 256
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    vector_weight: float = 10.0
    neighbour_weight: float = 0.3
    photo_weight: float = 1.0
    temperature: float = 0.05
    average_decay: float = 0.99
    seed: int = 20_261_122


DUAL_STUDENT = DistillationRecipe(feed_forward=1_024, vocabulary_size=10_000)
"""Of a dual encoder's student: in static int8, with a projection into 1,024 dimensions, it takes less than 8 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """A student, its tokenizer, and the texts that it was not trained on."""

    student: TextEncoder
    tokenizer: Tokenizer
    held_out: tuple[str, ...]
    cosine: float
    """Mean over the texts held out, between student and teacher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPhotos:
    """Photos that a dual encoder has seen.

    Attributes:
        vectors: float32 [photos, dim], unit L2 norm.
        scale: By which it multiplies their cosines with a text, before a softmax says which of them is meant.
    """

    vectors: NDArray[np.float32]
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """A text encoder whose vectors are learnt.

    Attributes:
        vectors_of: Embeds texts.
        identity: Of its content.
        shares_space: Whether the student's vectors are to lie where its own do, as those of photos do too.
        photos: Some of these; only where the space is shared.
    """

    vectors_of: EmbedTexts
    identity: str
    shares_space: bool = False
    photos: FoundPhotos | None = None


def find_start(teacher: Path) -> tuple[TextEncoder, Tokenizer]:
    """What a student starts from: a BERT teacher's own layers, else those of all-MiniLM-L6-v2."""
    if read_configuration(teacher).get("model_type") == "bert" and (teacher / "tokenizer.json").is_file():
        return load_teacher(teacher)
    return load_teacher(default_teacher())


def distil_encoder(
    teacher: Teacher,
    start: TextEncoder,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    work: Path,
    recipe: DistillationRecipe,
) -> Distilled:
    """Train a student, or go on with a run that was interrupted.

    Args:
        teacher: Whose vectors are learnt.
        start: The BERT encoder whose layers the student starts from; may be the teacher's own.
        tokenizer: Of ``start``.
        texts: LEAST_TEXTS or more, of the kind that will be embedded; some are held out.
        work: Where the teacher's vectors, checkpoint and log go.
        recipe: Seeds and sizes.

    Raises:
        DataError: There are too few texts.
        TrainingError: The loss is not finite, or ``work`` holds a run of another recipe.
    """
    if len(texts) < LEAST_TEXTS:
        raise DataError(f"{len(texts)} texts to distil on, expected at least {LEAST_TEXTS}; give more --texts")
    torch.manual_seed(recipe.seed)
    work.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(recipe.seed).permutation(len(texts))
    held_out_count = min(_MOST_HELD_OUT, round(_HELD_OUT_SHARE * len(texts)))
    held_out = [texts[row] for row in order[:held_out_count]]
    learnt = [texts[row] for row in order[held_out_count:]]
    student, trimmed = make_student(
        start, tokenizer, learnt, layers=_evenly(start, recipe.layers), vocabulary_size=recipe.vocabulary_size
    )
    if recipe.feed_forward is not None:
        narrow_feed_forward(student, recipe.feed_forward)
    targets = _teacher_vectors(teacher, learnt + held_out, work)
    if teacher.shares_space:
        student.projection = nn.Linear(student.dim, targets.shape[1], bias=False)
        shown = learnt[:_TEXTS_FITTED]
        fit_projection(student, trimmed, shown, targets[: len(shown)], ridge=_RIDGE)
    else:
        targets = to_width(targets, student.dim)
    token_ids = [encoding.ids for encoding in trimmed.encode_batch(learnt)]
    known = {"teacher and texts": _digest(teacher, texts)}
    if teacher.photos is not None:
        known["photos"] = hashlib.sha256(teacher.photos.vectors.tobytes()).hexdigest()[:16]
    _train(student, token_ids, targets, teacher.photos, work, recipe, known)
    vectors = embed(student, trimmed, held_out)
    return Distilled(
        student=student,
        tokenizer=trimmed,
        held_out=tuple(held_out),
        cosine=float((vectors * targets[len(learnt) :]).sum(1).mean()),
    )


def to_width(vectors: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Unit vectors [n, dim] brought to another width: their principal components, or zeros behind them."""
    dim = vectors.shape[1]
    if dim <= width:
        return np.pad(vectors, ((0, 0), (0, width - dim)))
    _, _, components = np.linalg.svd(vectors[:_ROWS_OF_COMPONENTS], full_matrices=False)
    narrow = vectors @ components[:width].T
    scaled: NDArray[np.float32] = narrow / np.maximum(np.linalg.norm(narrow, axis=1, keepdims=True), 1e-12)
    return scaled


def _train(
    student: TextEncoder,
    token_ids: Sequence[Sequence[int]],
    targets: NDArray[np.float32],
    photos: FoundPhotos | None,
    work: Path,
    recipe: DistillationRecipe,
    known: Mapping[str, str],
) -> None:
    optimizer = torch.optim.AdamW(student.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    run = Run(
        folder=work,
        model=student,
        optimizer=optimizer,
        steps=recipe.steps,
        warmup=min(60, recipe.steps // 10),
        recipe={**dataclasses.asdict(recipe), **known},
        seed=recipe.seed,
        average_decay=recipe.average_decay,
    )
    run.resume()
    student.train()
    for step in run.remaining():
        rows = shuffled_batch(step, recipe.texts_per_step, len(token_ids), seed=(recipe.seed, 1))
        batch = pad([token_ids[row] for row in rows])
        wanted = torch.from_numpy(targets[rows])
        with torch.autocast("cpu", torch.bfloat16):
            vectors = student(batch.input_ids, batch.attention_mask)
        losses = {
            "vectors": recipe.vector_weight * distillation_loss(vectors, wanted),
            "neighbours": recipe.neighbour_weight * neighbour_loss(vectors, wanted, temperature=recipe.temperature),
        }
        if photos is not None:
            some = shuffled_batch(step, _PHOTOS_PER_STEP, len(photos.vectors), seed=(recipe.seed, 2))
            seen = torch.from_numpy(photos.vectors[some])
            losses["photos"] = recipe.photo_weight * photo_loss(vectors, wanted, seen, scale=photos.scale)
        run.advance(losses)
        run.note_and_save(losses)
    run.use_averages()
    student.eval()


def _evenly(start: TextEncoder, layers: int) -> list[int]:
    """Which layers to keep, for instance 3 of 6: [0, 2, 4]."""
    count = start.bert.config.num_hidden_layers
    return [number * count // min(layers, count) for number in range(min(layers, count))]


def _digest(teacher: Teacher, texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join([teacher.identity, *texts]).encode()).hexdigest()[:16]


def _teacher_vectors(teacher: Teacher, texts: Sequence[str], work: Path) -> NDArray[np.float32]:
    """What the teacher makes of each text, float32 [texts, dim], unit L2 norm, computed once and kept in ``work``."""
    path = work / f"teacher-{_digest(teacher, texts)}.npy"
    if not path.is_file():
        beside = path.with_suffix(".part.npy")
        np.save(beside, teacher.vectors_of(texts).astype(np.float16))
        beside.rename(path)
    loaded: NDArray[np.float32] = np.load(path).astype(np.float32)
    return loaded
