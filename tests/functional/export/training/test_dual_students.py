"""Students of a dual encoder: a text encoder and a view in its space, that come closer to it than untrained ones."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from export.errors import DataError, TrainingError
from export.training import training_run
from export.training.losses import photo_loss
from export.training.photo_model.backbone import pretrained_backbone
from export.training.photo_model.photo_model import PhotoModel, PhotoModelShape
from export.training.photo_training import view_runs
from export.training.photo_training.taught_photos import teach_photos
from export.training.photo_training.view_distillation import ViewDistillationRecipe, distil_view
from export.training.photo_training.view_runs import view_of
from export.training.text_encoder.encoder_distillation import (
    DistillationRecipe,
    Distilled,
    FoundPhotos,
    Teacher,
    distil_encoder,
)
from export.training.text_encoder.sentence_model import TextEncoder, embed
from tests.functional.export.galleries import write_photos
from tests.functional.export.training.test_distillation import TEXTS
from tests.functional.export.training.tiny_models import tiny_bert, word_tokenizer

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

DIMENSIONS = 24
LOSSES = ("vectors", "neighbours", "photos")
RECIPE = DistillationRecipe(
    layers=1, vocabulary_size=350, steps=60, texts_per_step=32, learning_rate=5e-3, average_decay=0.9
)
VIEW_RECIPE = ViewDistillationRecipe(
    head_passes=2, head_photos_per_step=8, whole_steps=4, photos_per_step=8, view_passes=30, head_rate=3e-3
)


class ToyDualEncoder:
    """Two towers: a text is the sum of its words' directions, in one corner; a picture that of its colours."""

    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self.shown = 0

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        directions = [[_direction(word) for word in text.lower().split()] for text in texts]
        return _unit(np.abs(np.stack([np.sum(each, axis=0) for each in directions])))

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.shown += len(pictures)
        colours = np.array([np.asarray(picture).mean((0, 1)) / 255 - 0.5 for picture in pictures], np.float32)
        return _unit(colours.reshape(-1, 3) @ np.stack([_direction(name) for name in ("red", "green", "blue")]))


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    random = np.random.default_rng(3)
    photos = _unit(random.standard_normal((60, DIMENSIONS)).astype(np.float32))
    return Teacher(
        vectors_of=ToyDualEncoder().embed_texts,
        identity="toy",
        shares_space=True,
        photos=FoundPhotos(vectors=photos, scale=20.0),
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def distilled(teacher: Teacher, work: Path) -> Distilled:
    return _distil(teacher, work)


def test_a_student_gives_vectors_in_the_teachers_space(
    teacher: Teacher, distilled: Distilled, work: Path, tmp_path: Path
) -> None:
    held_out = list(distilled.held_out)
    vectors = embed(distilled.student, distilled.tokenizer, held_out)
    expected = teacher.vectors_of(held_out)
    assert vectors.shape == (len(held_out), DIMENSIONS)
    assert (vectors * expected).sum(1).mean() == pytest.approx(distilled.cosine, abs=1e-3)
    fitted = _distil(teacher, tmp_path, dataclasses.replace(RECIPE, steps=0))  # the projection alone
    assert distilled.cosine > fitted.cosine + 0.01
    assert fitted.cosine > 0.5
    first, *_, last = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
    assert sum(last[loss] for loss in LOSSES) < sum(first[loss] for loss in LOSSES)


def test_photos_are_learnt_too(teacher: Teacher, distilled: Distilled, tmp_path: Path) -> None:
    alone = _distil(dataclasses.replace(teacher, photos=None), tmp_path)
    weights = distilled.student.state_dict()
    assert not all(torch.equal(weights[name], tensor) for name, tensor in alone.student.state_dict().items())
    assert teacher.photos is not None
    others = dataclasses.replace(teacher.photos, vectors=teacher.photos.vectors[:-1])
    with pytest.raises(TrainingError, match="train in another --work folder"):
        _distil(dataclasses.replace(teacher, photos=others), tmp_path)


def test_a_student_whose_training_was_killed_becomes_the_same(
    teacher: Teacher, distilled: Distilled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    whole = training_run.Run.note_and_save

    def note_and_die(run: training_run.Run, losses: dict[str, torch.Tensor]) -> None:
        whole(run, losses)
        if run.step == 14:
            raise KilledError

    monkeypatch.setattr(training_run, "_SAVE_EVERY", 10)
    monkeypatch.setattr(training_run.Run, "note_and_save", note_and_die)
    with pytest.raises(KilledError):
        _distil(teacher, tmp_path)
    monkeypatch.setattr(training_run.Run, "note_and_save", whole)
    again = _distil(teacher, tmp_path)
    for name, tensor in distilled.student.state_dict().items():
        torch.testing.assert_close(again.student.state_dict()[name], tensor, rtol=1e-4, atol=1e-5, msg=name)


def test_finding_photos_by_hand() -> None:
    photos = torch.eye(3)
    texts = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    same = photo_loss(texts, texts, photos, scale=10.0)
    p = np.exp(10) / (np.exp(10) + 2)
    entropy = -(p * np.log(p) + (1 - p) * np.log((1 - p) / 2))
    assert same == pytest.approx(entropy, rel=1e-4)  # of the teacher's own distribution: nothing is below
    assert photo_loss(texts.flip(0), texts, photos, scale=10.0) == pytest.approx(10 * (1 - (3 * (1 - p) / 2)) + same)


def test_what_a_teacher_saw_is_kept(tmp_path: Path) -> None:
    teacher = ToyDualEncoder()
    write_photos(tmp_path / "photos", 5)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8nonsense")
    taught = teach_photos(teacher, "toy", tmp_path / "photos", tmp_path / "work")  # type: ignore[arg-type]
    assert len(taught.paths) == teacher.shown == 5
    assert taught.vectors.shape == (5, DIMENSIONS)
    assert taught.pixels(64).shape == (5, 64, 64, 3)
    again = teach_photos(teacher, "toy", tmp_path / "photos", tmp_path / "work")  # type: ignore[arg-type]
    assert again.paths == taught.paths
    assert (again.vectors == taught.vectors).all()
    assert teacher.shown == 5
    teach_photos(teacher, "another", tmp_path / "photos", tmp_path / "work")  # type: ignore[arg-type]
    assert teacher.shown == 10
    with pytest.raises(DataError, match="none of the photos in .* could be decoded"):
        teach_photos(teacher, "toy", _only_broken(tmp_path / "none"), tmp_path / "work")  # type: ignore[arg-type]


def test_a_view_comes_close_to_the_teachers_of_any_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_runs, "_pooled_as_served", view_runs._pooled)  # in 8 bits it would take a minute
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (48, 1, 1, 3))
    pixels = np.clip(colours + random.integers(-20, 20, (48, 64, 64, 3)), 0, 255).astype(np.uint8)
    wanted = ToyDualEncoder().embed_pictures([Image.fromarray(photo) for photo in pixels])
    start = _start()
    distilled = distil_view(pixels, wanted, start, tmp_path, VIEW_RECIPE)
    assert distilled.model.shape.dim == DIMENSIONS
    cosines = (view_of(distilled.model, pixels).numpy() * wanted).sum(1)
    assert cosines.mean() > 0.7
    assert distilled.cosine > 0.5
    assert not torch.equal(
        next(distilled.model.backbone.parameters()), next(start.backbone.parameters())
    )  # the backbone learns too

    again = distil_view(pixels, wanted, start, tmp_path, VIEW_RECIPE)  # finished: nothing is trained
    assert again.cosine == pytest.approx(distilled.cosine, abs=1e-3)
    with pytest.raises(DataError, match="19 photos to distil on, expected at least 20; give more --photos"):
        distil_view(pixels[:19], wanted[:19], start, tmp_path / "few", VIEW_RECIPE)


def _distil(teacher: Teacher, work: Path, recipe: DistillationRecipe = RECIPE) -> Distilled:
    tokenizer = word_tokenizer()
    tokenizer.enable_truncation(64)
    start = TextEncoder(tiny_bert(tokenizer.get_vocab_size(), width=16))
    return distil_encoder(teacher, start, tokenizer, TEXTS, work, recipe)


def _start() -> PhotoModel:
    shape = PhotoModelShape(trained_size=64, dim=64, visual_hidden=32, width=16, heads=2, layers=1, vocabulary_size=20)
    model = PhotoModel(shape)
    model.backbone.load_pretrained(pretrained_backbone())
    return model


def _only_broken(folder: Path) -> Path:
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"\xff\xd8nonsense")
    return folder


def _direction(word: str) -> NDArray[np.float32]:
    return np.random.default_rng(zlib.crc32(word.encode())).standard_normal(DIMENSIONS).astype(np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit
