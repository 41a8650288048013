"""Fine-tuning: the shipped photo model learns on from a user's own captioned photos.

It needs nothing but these photos: text encoder, backbone and vocabulary stay as they are. The
visual head learns on at a small rate, then the decoder, by rewards as it did last: cross-entropy
alone would undo what rewards gave. What the shipped captioner answers to the other instructions is
learnt beside it, so that none is forgotten (Li and Hoiem 2016, arXiv 1606.09282).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.errors import DataError, PhotoError
from export.pictures.decoding import decode_photo
from export.progress import Progress
from export.training.data.caption_text import PADDING_ID
from export.training.data.corpus import CaptionedPhoto
from export.training.data.fine_tuning_photos import FineTuningPhotos
from export.training.data.tasks import Answer
from export.training.photo_model.unpacking import TrainedCaptioner, read_captioner
from export.training.photo_training.decoder_training import train_rewards
from export.training.photo_training.photo_data import KEPT_SIZE, PhotoData, with_captions
from export.training.photo_training.teaching import DecoderRecipe, Teaching
from export.training.photo_training.visual_training import VisualRecipe, tune_view
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.encoder import Encoder

LAST_RUN = "rewards"
_PHOTOS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuningRecipe:
    """How the shipped models are fine-tuned.

    Attributes:
        view: Of the visual head.
        decoder: Of the decoder; its ``reward_steps`` follow from the passes.
        reward_passes: How often it sees each photo.
        describe_share: How often it is asked to describe a photo, and answers as the user did; of the other
            instructions each is asked as often, and it answers as before.
    """

    view: VisualRecipe = field(
        default_factory=lambda: VisualRecipe(view_passes=20, head_rate=3e-4, head_photos_per_step=128)
    )
    decoder: DecoderRecipe = field(default_factory=lambda: DecoderRecipe(reward_rate=1e-4))
    reward_passes: int = 5
    describe_share: float = 0.7


def run_folder(jsonl: Path, models: Path, work: Path, recipe: FineTuningRecipe) -> Path:
    """Where the runs of a file, of the models that they start from and of a recipe lie: others train elsewhere."""
    digest = hashlib.sha256(jsonl.read_bytes())
    digest.update(OnnxCaptionerSource.open(models / "captioner").identity.encode())
    digest.update(json.dumps(dataclasses.asdict(recipe)).encode())
    return work / f"tuned-{digest.hexdigest()[:16]}"


def fine_tune(photos: FineTuningPhotos, models: Path, work: Path, recipe: FineTuningRecipe) -> TrainedCaptioner:
    """Fine-tune a captioner, or go on with a run that was interrupted.

    Args:
        photos: To learn from and to note the recall on.
        models: The folder with encoder/ and captioner/ from which it starts; stays as it is.
        work: Each run has a folder below it.
        recipe: Seeds and sizes.

    Raises:
        DataError: A photo can't be decoded, or no caption can be written with the captioner's word pieces.
        ModelError: The captioner doesn't hold weights that training can go on from.
        TrainingError: A loss isn't finite; the last good checkpoint is kept.
    """
    encoder = Encoder.load(models / "encoder")
    source = OnnxCaptionerSource.open(models / "captioner")
    start = read_captioner(source.folder)
    training, held_out = (
        with_captions(part, _decode(part), encoder.encode) for part in (photos.training, photos.held_out)
    )
    answers = OwnAnswers(start.tokenizer, training, source, recipe.describe_share)
    tune_view(start.model, training, held_out, work / "view", recipe.view)
    steps = recipe.reward_passes * max(1, len(training.photos) // recipe.decoder.photos_per_step)
    decoder = dataclasses.replace(recipe.decoder, reward_steps=steps)
    teaching = Teaching(model=start.model, tokenizer=start.tokenizer, recipe=decoder)
    train_rewards(teaching, training, answers.choose, work / LAST_RUN)
    return dataclasses.replace(start, model=start.model.eval())


class OwnAnswers:
    """What is answered of each photo: what the user wrote, and what the captioner says to other instructions."""

    def __init__(
        self, tokenizer: Tokenizer, data: PhotoData, source: OnnxCaptionerSource, describe_share: float
    ) -> None:
        """Look through what the user wrote; the captioner is only asked when something is chosen.

        Args:
            tokenizer: The decoder's.
            data: The photos, of the size that the captioner takes.
            source: The captioner; the user's captions answer its first instruction.
            describe_share: How often they are chosen.

        Raises:
            DataError: No caption can be written with the captioner's word pieces.
        """
        self._pixels = data.pixels
        self._source = source
        self._describe_share = describe_share
        self._written = [
            [
                Answer(instruction=source.instructions[0], text=text)
                for text in photo.captions
                if _writable(text, tokenizer)
            ]
            for photo in data.photos
        ]
        self._all = [answer for answers in self._written for answer in answers]
        if not self._all:
            raise DataError(
                "none of the captions can be written with the captioner's word pieces, which are lower-case English; "
                f"found {data.photos[0].captions[0]!r}"
            )

    def choose(self, row: int, random: np.random.Generator) -> Answer:
        """An answer about a photo; about any other where there is none."""
        describe = random.random() < self._describe_share
        answers: Sequence[Answer] = self._written[row] if describe else self._others[row]
        answers = answers or self._written[row] or self._others[row] or self._all
        return answers[int(random.integers(len(answers)))]

    @cached_property
    def _others(self) -> list[tuple[Answer, ...]]:
        describe, known = self._source.instructions[0], self._source.known_instructions
        others = tuple(instruction for instruction in known if instruction != describe)
        return _answer(self._source.asking(others), self._pixels) if others else [()] * len(self._pixels)


def _writable(text: str, tokenizer: Tokenizer) -> bool:
    return PADDING_ID not in tokenizer.encode(text).ids


def _answer(source: OnnxCaptionerSource, pixels: NDArray[np.uint8]) -> list[tuple[Answer, ...]]:
    """What a captioner says of each photo to each of its instructions."""
    captioner = source.load()
    progress = Progress()
    progress.begin("asking what the captioner says", len(pixels))
    answers = []
    for start in range(0, len(pixels), _PHOTOS_AT_ONCE):
        part = captioner.understand(pixels[start : start + _PHOTOS_AT_ONCE], beams=1)
        for understanding in part:
            pairs = zip(source.instructions, understanding.captions, strict=True)
            answers.append(tuple(Answer(instruction=asked, text=text) for asked, text in pairs if text))
        progress.advance(len(part))
    progress.end()
    return answers


def _decode(photos: Sequence[CaptionedPhoto]) -> NDArray[np.uint8]:
    """Photos as indexing sees them, uint8 [n, size, size, 3]."""
    pixels = np.empty((len(photos), KEPT_SIZE, KEPT_SIZE, 3), np.uint8)
    for row, photo in enumerate(photos):
        try:
            pixels[row] = decode_photo(photo.path, image_size=KEPT_SIZE).pixels
        except PhotoError as error:
            raise DataError(f"{photo.path}: {error}; restore the photo or remove its line") from error
    return pixels
