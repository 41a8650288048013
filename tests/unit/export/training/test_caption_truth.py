"""The calibration of truth, on captions of which everything is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.training.data.corpus import CaptionedPhoto
from export.training.data.tasks import Lexicon
from export.training.evaluation.caption_truth import CAPTION_FROM, fit_truth, is_true, score_truth
from export.training.photo_training.invention import Invention
from export.understanding.captioner import Understanding
from export.understanding.onnx_captioner import Described

COUNT = 400
NAMES = ("chair", "lamp")


@pytest.fixture
def photos() -> list[CaptionedPhoto]:
    return [CaptionedPhoto(path=Path(f"{row}.jpg"), captions=(), names=("chair",)) for row in range(COUNT)]


@pytest.fixture
def described() -> Described:
    """The closer a caption comes to the view, the seldomer it invents a dog; the lamp is told of every fifth photo."""
    random = np.random.default_rng(0)
    cosines = random.uniform(0, 1, COUNT)
    invented = random.random(COUNT) > cosines
    supports = np.column_stack([cosines, random.normal(size=(COUNT, 2))]).astype(np.float32)
    told = np.array(
        [(0.4, 0.6) if row % 5 == 0 else (0.1 + 0.9 * row / COUNT, 0.0) for row in range(COUNT)], np.float32
    )
    return Described(
        answers=[["A dog" if dog else "A chair" for dog in invented]],
        supports=supports,
        visual=np.zeros((COUNT, 2), np.float32),
        told=told,
    )


def test_nine_of_ten_captions_that_are_just_believed_are_true(
    photos: list[CaptionedPhoto], described: Described
) -> None:
    truth = fit_truth([(photos, described)], NAMES)
    assert truth is not None
    assert described.supports is not None
    believed = truth.of(described.supports) >= truth.caption_from
    invented = np.array([text == "A dog" for text in described.answers[0]])
    assert truth.caption_from == CAPTION_FROM
    assert 0.1 < invented[believed].mean() < 1 - CAPTION_FROM
    assert (believed & ~invented).mean() > 0.1
    assert truth.weights[0] > 10 * max(abs(weight) for weight in truth.weights[1:])


def test_nine_of_ten_names_that_are_said_are_right(photos: list[CaptionedPhoto], described: Described) -> None:
    truth = fit_truth([(photos, described)], NAMES)
    assert truth is not None
    said = described.told.max(1) >= truth.name_from
    right = described.told.argmax(1) == 0
    assert right[said].mean() >= 0.9
    assert truth.name_from > 0.6  # the lamps


def test_without_supports_there_is_no_truth(photos: list[CaptionedPhoto], described: Described) -> None:
    blind = Described(answers=described.answers, supports=None, visual=described.visual, told=described.told)
    assert fit_truth([(photos, blind)], NAMES) is None


def test_what_is_said_is_counted(photos: list[CaptionedPhoto]) -> None:
    lexicon = Lexicon(things=frozenset({"chair", "dog", "lamp"}), verbs=frozenset())
    understood = [
        Understanding(captions=("A dog on a chair",), view=None),
        Understanding(captions=("A chair",), view=None),
        Understanding(captions=("",), view=None, names="A chair"),
        Understanding(captions=("",), view=None),
    ]
    scores = score_truth(photos[:4], understood, Invention(photos[:4], lexicon))
    assert (scores.captioned, scores.named, scores.somebody_invented) == (0.5, 0.25, 0.25)
    assert scores.things_invented == pytest.approx(0.25)  # one of two things, and none


@pytest.mark.parametrize(
    ("captions", "names", "caption", "true"),
    [
        ((), ("dining table",), "Two tables", True),
        ((), ("dining table",), "A bed", False),
        ((), ("dining table",), "A dog on a table", False),
        (("A man walks a dog", "Somebody with a dog"), (), "A woman and her dog", True),
        (("A man walks a dog",), (), "The cat", False),
        (("A man walks a dog",), (), "", False),
    ],
)
def test_a_caption_is_true_that_names_what_is_there_and_nobody_else(
    captions: tuple[str, ...], names: tuple[str, ...], caption: str, true: bool
) -> None:
    assert is_true(CaptionedPhoto(path=Path("a.jpg"), captions=captions, names=names), caption) == true
