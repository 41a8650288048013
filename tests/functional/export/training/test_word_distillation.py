"""A student learns how probable its teacher finds each next word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from export.errors import TrainingError
from export.training.data.augmentation import to_input
from export.training.data.caption_text import make_examples, train_tokenizer
from export.training.data.corpus import CaptionedPhoto
from export.training.data.tasks import DESCRIBE, Answer
from export.training.losses import IGNORED, word_distillation_loss
from export.training.photo_model.photo_model import PhotoModel, PhotoModelShape
from export.training.photo_training.decoder_training import train_answers
from export.training.photo_training.name_targets import no_names
from export.training.photo_training.photo_data import PhotoData
from export.training.photo_training.teaching import ChooseAnswer, DecoderRecipe, Teaching, WordTeacher

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (240, 240, 240)}
CAPTIONS = [f"a {size} {colour} wall" for colour in COLOURS for size in ("large", "wide", "small", "low")]
SHAPE = PhotoModelShape(
    trained_size=64, dim=32, visual_hidden=32, width=32, heads=2, layers=2, vocabulary_size=90, max_tokens=64
)
SMALL = replace(SHAPE, width=16, layers=1)
RECIPE = DecoderRecipe(
    answer_steps=150, answer_rate=5e-3, photos_per_step=8, crop_size=64, answers_per_photo=2, average_decay=0.9
)


def test_divergence_by_hand() -> None:
    targets = torch.tensor([[IGNORED, 1]])
    teacher = torch.log(torch.tensor([[[0.5, 0.5], [0.25, 0.75]]]))
    student = torch.log(torch.tensor([[[0.9, 0.1], [0.5, 0.5]]]))
    by_hand = 0.25 * np.log(0.25 / 0.5) + 0.75 * np.log(0.75 / 0.5)
    assert float(word_distillation_loss(student, teacher, targets, temperature=1.0)) == pytest.approx(by_hand, abs=1e-6)
    assert float(word_distillation_loss(teacher, teacher, targets, temperature=3.0)) == pytest.approx(0.0, abs=1e-6)
    roots = np.sqrt([0.25, 0.75]) / np.sqrt([0.25, 0.75]).sum()
    softened = 4 * float((roots * np.log(roots / 0.5)).sum())
    assert float(word_distillation_loss(student, teacher, targets, temperature=2.0)) == pytest.approx(
        softened, abs=1e-6
    )


def _photos(seed: int, captions: Sequence[str] = CAPTIONS) -> PhotoData:
    """32 noisy squares with captions that name their colour."""
    random = np.random.default_rng(seed)
    captions = list(captions) * (32 // len(captions))
    colours = np.array([COLOURS[caption.split()[2]] for caption in captions])
    noise = random.integers(-25, 25, (len(captions), 64, 64, 3))
    return PhotoData(
        photos=[CaptionedPhoto(path=Path("unused"), captions=(caption,)) for caption in captions],
        pixels=np.clip(colours[:, None, None] + noise, 0, 255).astype(np.uint8),
        vectors=torch.zeros(len(captions), SHAPE.dim),
        owners=torch.arange(len(captions)),
        first=np.arange(len(captions) + 1),
        names=no_names(len(captions), SHAPE.dim),
    )


def _model(seed: int, shape: PhotoModelShape) -> PhotoModel:
    torch.manual_seed(seed)
    return PhotoModel(shape).eval()


def _divergence(student: PhotoModel, teacher: WordTeacher, held_out: PhotoData) -> float:
    """From the teacher's next words of the held-out photos' captions, in nats a word."""
    answers = [Answer(instruction=DESCRIBE, text=photo.captions[0]) for photo in held_out.photos]
    examples = make_examples(teacher.tokenizer, answers, SHAPE.max_tokens)
    images = to_input(held_out.pixels)
    with torch.no_grad():
        mine, theirs = (
            model.decode(examples.tokens, model.understand(images).memory, model.empty_cache(len(answers))).logits
            for model in (student, teacher.model)
        )
        return float(word_distillation_loss(mine, theirs, examples.targets, temperature=1.0))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> WordTeacher:
    """A captioner that has learnt the colours, and that any size may be said of a wall."""
    tokenizer: Tokenizer = train_tokenizer(CAPTIONS * 2, SHAPE.vocabulary_size)
    model, photos = _model(0, SHAPE), _photos(0)
    work = tmp_path_factory.mktemp("teacher")
    recipe = replace(RECIPE, answer_steps=150)
    train_answers(Teaching(model=model, tokenizer=tokenizer, recipe=recipe), photos, _caption_of(photos), work)
    return WordTeacher(model=model, tokenizer=tokenizer, identity="teacher")


def _caption_of(photos: PhotoData) -> ChooseAnswer:
    return lambda row, random: Answer(instruction=DESCRIBE, text=photos.photos[row].captions[0])


def test_a_student_with_a_teacher_is_closer_to_it_on_photos_that_neither_has_seen(
    teacher: WordTeacher, tmp_path: Path
) -> None:
    photos, held_out = _photos(1, CAPTIONS[::4]), _photos(2)  # the student's captions only ever say "large"
    found = {}
    for name, taught_by in (("alone", None), ("taught", teacher)):
        student = _model(5, SMALL)
        teaching = Teaching(model=student, tokenizer=teacher.tokenizer, recipe=RECIPE, teacher=taught_by)
        train_answers(teaching, photos, _caption_of(photos), tmp_path / name)
        found[name] = _divergence(student, teacher, held_out)
    assert found["taught"] < 0.5 * found["alone"]


def test_a_checkpoint_that_another_teacher_taught_is_refused(teacher: WordTeacher, tmp_path: Path) -> None:
    photos, short = _photos(1), replace(RECIPE, answer_steps=2)
    answers = _caption_of(photos)

    def train(taught_by: WordTeacher | None) -> None:
        student = _model(5, SMALL)
        teaching = Teaching(model=student, tokenizer=teacher.tokenizer, recipe=short, teacher=taught_by)
        train_answers(teaching, photos, answers, tmp_path)

    train(teacher)
    for other in (replace(teacher, identity="another"), replace(teacher, temperature=1.0), None):
        with pytest.raises(TrainingError, match="train in another --work folder"):
            train(other)
