"""Teaching the decoder: what it is trained with, and the losses of answers.

It knows answers, photos and losses, nothing of what is learnt when.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from export.training.data.augmentation import augment, to_input
from export.training.data.caption_text import Examples, make_examples
from export.training.data.tasks import Answer
from export.training.losses import answer_loss, word_distillation_loss
from export.training.photo_model.photo_model import PhotoModel
from export.training.photo_training.photo_data import PhotoData
from export.training.training_run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRecipe:
    """What the default decoder was trained with; steps are optimizer steps.

    Attributes:
        crop_size: Side in pixels of the crops that are seen; things are as large in them as in whole photos at 256
            (Touvron et al. 2019, arXiv 1906.06423).
        shares: How often each of ``tasks.INSTRUCTIONS`` is asked.
        samples: Captions sampled for each photo whose mean reward is each other's baseline.
        answer_weight: Of the cross-entropy beside the rewards.
        invention_cost: What a sample loses that names nothing but what isn't there; CIDEr-D is the unit.
    """

    shares: tuple[float, ...] = (0.55, 0.15, 0.15, 0.15)
    language_steps: int = 400
    language_batch: int = 128
    language_rate: float = 1e-3
    language_noise: float = 0.03
    answer_steps: int = 700
    answer_rate: float = 8e-4
    answers_per_photo: int = 2
    photos_per_step: int = 64
    crop_size: int = 224
    label_smoothing: float = 0.1
    reward_steps: int = 320
    reward_rate: float = 2e-4
    samples: int = 5
    longest_sample: int = 20
    answer_weight: float = 0.2
    invention_cost: float = 0.5
    weight_decay: float = 0.02
    average_decay: float = 0.995
    seed: int = 20_261_122


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTeacher:
    """A captioner whose probabilities of the next word a student with the same vocabulary learns.

    Attributes:
        model: In evaluation mode.
        tokenizer: Its decoder's, and the student's.
        identity: Of its files.
        weight: Of the divergence from the teacher; cross-entropy counts what is left of 1.
        temperature: As ``losses.word_distillation_loss`` takes it.
    """

    model: PhotoModel
    tokenizer: Tokenizer
    identity: str
    weight: float = 0.5
    temperature: float = 2.0


ChooseAnswer = Callable[[int, np.random.Generator], Answer]
"""An instruction and an answer to it about the photo of a row, by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """A decoder that is taught: what all its runs share."""

    model: PhotoModel
    tokenizer: Tokenizer
    recipe: DecoderRecipe
    teacher: WordTeacher | None = None

    def run(self, work: Path, rate: float, steps: int) -> Run:
        for parameter in (*self.model.backbone.parameters(), *self.model.visual_head.parameters()):
            parameter.requires_grad_(False)
        decoder = self.model.decoder_parameters()
        optimizer = torch.optim.AdamW(decoder, lr=rate, weight_decay=self.recipe.weight_decay)
        run = Run(
            folder=work,
            model=self.model,
            optimizer=optimizer,
            steps=steps,
            warmup=min(100, steps // 10),
            recipe=self._known_by(),
            seed=self.recipe.seed,
            average_decay=self.recipe.average_decay,
        )
        run.resume()
        return run

    def _known_by(self) -> dict[str, Any]:
        """What a checkpoint is known by; the same as ever where there is no teacher."""
        known = dataclasses.asdict(self.recipe)
        if self.teacher:
            known |= {"teacher": self.teacher.identity, "weight": self.teacher.weight}
            known |= {"temperature": self.teacher.temperature}
        return dict(json.loads(json.dumps(known)))

    def images(self, data: PhotoData, rows: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """Crops of some photos."""
        return augment(to_input(data.pixels[rows]), self.recipe.crop_size, random)

    def answer_loss(self, answers: Sequence[Answer], memory: Tensor) -> Tensor:
        """Cross-entropy of as many answers for each photo of the memory, photo by photo."""
        examples = self._examples(answers)
        return self._cross_entropy(examples, self._logits(self.model, examples, memory))

    def answer_losses(self, answers: Sequence[Answer], images: Tensor) -> dict[str, Tensor]:
        """The same of photos, and the divergence from the teacher's next words if there is one."""
        examples = self._examples(answers)
        logits = self._logits(self.model, examples, remember(self.model, images))
        loss = self._cross_entropy(examples, logits)
        teacher = self.teacher
        if teacher is None:
            return {"answers": loss}
        with torch.no_grad():
            theirs = self._logits(teacher.model, examples, remember(teacher.model, images))
        divergence = word_distillation_loss(logits, theirs, examples.targets, temperature=teacher.temperature)
        return {"answers": (1.0 - teacher.weight) * loss, "teacher": teacher.weight * divergence}

    def _examples(self, answers: Sequence[Answer]) -> Examples:
        return make_examples(self.tokenizer, answers, self.model.shape.max_tokens)

    def _logits(self, model: PhotoModel, examples: Examples, memory: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return model.decode(examples.tokens, memory, model.empty_cache(len(examples.tokens))).logits

    def _cross_entropy(self, examples: Examples, logits: Tensor) -> Tensor:
        return answer_loss(logits, examples.targets, label_smoothing=self.recipe.label_smoothing)


def remember(model: PhotoModel, images: Tensor) -> Tensor:
    """The decoder's memory of photos."""
    with torch.autocast("cpu", torch.bfloat16):
        return model.understand(images).memory
