"""What photos are to be called, from captions, labels and a classifier; and what captions invent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.training.data.corpus import CaptionedPhoto
from export.training.data.tasks import Lexicon
from export.training.losses import name_loss
from export.training.photo_model.backbone import pretrained_backbone
from export.training.photo_training.invention import Invention
from export.training.photo_training.name_targets import make_name_targets

LEXICON = Lexicon(things=frozenset({"dog", "ball", "cat", "chair"}), verbs=frozenset())
CLASSES = tuple(f"class {number}" for number in range(1_000))


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    random = np.random.default_rng(len(texts))
    found = random.standard_normal((len(texts), 8)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def photo(*captions: str, names: tuple[str, ...] = ()) -> CaptionedPhoto:
    return CaptionedPhoto(path=Path("unused"), captions=captions, names=names)


PHOTOS = (
    photo("A dog", "A dog and a ball", "Nothing to name"),
    photo(names=("chair",)),
    photo(),
)


def test_names_are_said_as_often_as_people_say_them() -> None:
    pixels = np.zeros((3, 64, 64, 3), np.uint8)
    targets = make_name_targets(PHOTOS, pixels, LEXICON, (), Path("unused"), vectors_of, told_share=0.5)
    assert targets.names == ("ball", "chair", "dog")
    assert torch.allclose(targets.shares, torch.tensor([[1 / 3, 0, 2 / 3], [0, 1, 0], [0, 0, 0]]))
    assert torch.allclose(targets.vectors.norm(dim=1), torch.ones(3))


def test_the_classifier_says_the_rest_and_alone_where_nobody_says_anything() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    targets = make_name_targets(PHOTOS, pixels, LEXICON, CLASSES, pretrained_backbone(), vectors_of, told_share=0.75)
    of_classes = targets.shares[:, : len(CLASSES)].sum(1)
    assert of_classes.tolist() == pytest.approx([0.25, 0.25, 1.0], abs=1e-2)
    assert targets.shares[1, targets.names.index("chair")] == pytest.approx(0.75)


def test_the_loss_of_names_is_least_where_photos_tell_them() -> None:
    names = torch.eye(3)
    targets = torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]])
    right = torch.tensor([[1.0, 0, 0], [0, 0.7071, 0.7071], [1.0, 0, 0]])
    wrong = right.roll(1, dims=1)
    least = float(name_loss(right, names, targets, temperature=0.05))
    assert least == pytest.approx(np.log(2) / 2, abs=1e-3)  # of two names that are as likely
    assert float(name_loss(wrong, names, targets, temperature=0.05)) > least + 5
    assert float(name_loss(right, names, torch.zeros(3, 3), temperature=0.05)) == 0.0


def test_what_nobody_named_is_invented() -> None:
    invention = Invention([*PHOTOS, photo("A cat")], LEXICON)
    assert invention.share(0, "a dog with a ball") == 0.0
    assert invention.share(0, "a dog and a cat") == 0.5
    assert invention.share(0, "something") == 0.0
    assert invention.share(1, "a cat on a chair") == 0.5
    assert invention.share(1, "a cat") == 1.0
    assert invention.share(2, "a cat") == 0.0  # nothing is known of it
    assert invention.share(3, "a dog") == 0.0  # one caption tells too little
