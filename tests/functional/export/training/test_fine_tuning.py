"""A user's own captioned photos: read strictly, and the shipped models learn on from them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from export.cli.main import main
from export.errors import DataError, ModelError, TrainingError
from export.models.model_choice import ModelChoice
from export.models.model_set import MODELS, shipped_models
from export.pictures.decoding import decode_photo
from export.training.data.fine_tuning_photos import (
    FEWEST_HELD_OUT,
    FEWEST_TRAINING,
    FineTuningPhotos,
    read_fine_tuning_photos,
)
from export.training.evaluation.tuned_models import write_tuned
from export.training.photo_model.unpacking import read_captioner
from export.training.photo_training.fine_tuning import FineTuningRecipe, OwnAnswers, fine_tune, run_folder
from export.training.photo_training.photo_data import with_captions
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.encoder import Encoder
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

TILES = {
    "red": (200, 30, 30),
    "orange": (240, 140, 20),
    "yellow": (240, 220, 30),
    "green": (30, 170, 50),
    "turquoise": (40, 200, 190),
    "blue": (30, 50, 200),
    "purple": (130, 40, 160),
    "pink": (250, 150, 190),
    "grey": (128, 128, 128),
    "black": (10, 10, 10),
}
PER_TILE = 6


@pytest.fixture(scope="module")
def jsonl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten kinds of bathroom tiles, one photo of each held out."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "tiles").mkdir()
    random = np.random.default_rng(0)
    lines = []
    for colour, rgb in TILES.items():
        for number in range(PER_TILE):
            name = f"tiles/{colour}-{number}.png"
            pixels = np.clip(np.array(rgb) + random.integers(-20, 20, (96, 120, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name)
            captions = [f"A {colour} bathroom tile .", f"{colour} tiles, glazed"]
            lines.append({"file": name, "captions": captions, "split": "train" if number else "dev"})
    path = folder / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    return path


@pytest.fixture(scope="module")
def photos(jsonl: Path) -> FineTuningPhotos:
    return read_fine_tuning_photos(jsonl)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


def test_a_split_of_ones_own_is_kept(photos: FineTuningPhotos) -> None:
    assert len(photos.training) == len(TILES) * (PER_TILE - 1)
    assert [photo.path.name for photo in photos.held_out] == [f"{colour}-0.png" for colour in TILES]
    assert photos.held_out[0].captions == ("A red bathroom tile", "red tiles, glazed")


def test_a_tenth_is_held_out_whatever_the_order(jsonl: Path) -> None:
    lines = [{**json.loads(line), "split": None} for line in jsonl.read_text().split("\n") if line]
    other = jsonl.with_name("other.jsonl")
    found = []
    for order in (lines, lines[::-1]):
        other.write_text("\n".join(json.dumps(line) for line in order))
        photos = read_fine_tuning_photos(other)
        assert len(photos.held_out) == len(lines) // 10
        assert not {photo.path for photo in photos.held_out} & {photo.path for photo in photos.training}
        found.append({photo.path for photo in photos.held_out})
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r"bad\.jsonl:2: found 'nonsense', expected \{\"file\": \"a\.jpg\", \"captions\": \[\"a cat\"\]\}"),
        ("[1]", r"bad\.jsonl:2: found '\[1\]', expected "),
        ('{"file": "a.png"}', r"bad\.jsonl:2: found '\{.*\}', expected "),
        ('{"file": 1, "captions": ["a"]}', r"bad\.jsonl:2: expected a string as 'file' and a list as 'captions'"),
        ('{"file": "a.png", "captions": "a cat"}', r"bad\.jsonl:2: expected a string as 'file' and a list"),
        ('{"file": "no.png", "captions": ["a"]}', r"bad\.jsonl:2: the photo .*no\.png is missing; restore it"),
        ('{"file": "a.png", "captions": []}', r"bad\.jsonl:2: found the captions \[\], expected one or more"),
        ('{"file": "a.png", "captions": ["a cat", " . "]}', r"bad\.jsonl:2: found the captions .*each with text"),
        ('{"file": "a.png", "captions": [null]}', r"bad\.jsonl:2: found the captions \[None\]"),
        ('{"file": "a.png", "captions": ["a"], "split": "test"}', r"found the split 'test', expected 'train' or 'dev'"),
        ('{"file": "b.png", "captions": ["a"]}', r"bad\.jsonl:2: b\.png is in line 1 already; put its captions into"),
        ('{"file": "a.png", "captions": ["a"]}', r"has 2 photos to learn from and 0 .* expected at least 50 and 5"),
    ],
)
def test_a_line_that_is_not_as_it_should_be(line: str, message: str, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps({"file": "b.png", "captions": ["b"]}) + "\n" + line + "\n")
    with pytest.raises(DataError, match=message):
        read_fine_tuning_photos(path)


def test_a_file_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"own\.jsonl can't be read: .*No such file"):
        read_fine_tuning_photos(tmp_path / "own.jsonl")
    (tmp_path / "own.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"own\.jsonl can't be read: .*utf-8"):
        read_fine_tuning_photos(tmp_path / "own.jsonl")


def test_a_photo_that_is_no_image_ends_it(jsonl: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(jsonl.parent, folder)
    (folder / "tiles" / "red-3.png").write_bytes(b"nonsense")
    photos = read_fine_tuning_photos(folder / "own.jsonl")
    with pytest.raises(DataError, match=r"red-3\.png: .*; restore the photo or remove its line"):
        fine_tune(photos, MODELS, tmp_path / "work", FineTuningRecipe())


def test_a_loss_that_is_not_finite_ends_it_and_says_where(photos: FineTuningPhotos, tmp_path: Path) -> None:
    recipe = FineTuningRecipe()
    wild = replace(recipe, view=replace(recipe.view, head_rate=1e30))
    with pytest.raises(TrainingError, match=r"not finite at step \d+: .* the last good checkpoint is kept in .*view"):
        fine_tune(photos, MODELS, tmp_path, wild)
    assert not (tmp_path / "rewards").exists()


def test_the_command_line_fine_tunes_exports_and_indexes(
    jsonl: Path, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    common = ["--data", str(jsonl), "--work", str(work)]
    assert main(["models", "export", *common, "--to", str(mine)]) == 1
    assert "has no checkpoint of" in capsys.readouterr().err
    assert main(["models", "train", *common]) == 0
    assert "50 photos to learn from, 10 held out" in capsys.readouterr().out
    assert main(["models", "export", *common]) == 1
    assert "don't take the place of the shipped ones; say where with --to" in capsys.readouterr().err
    assert main(["models", "export", *common, "--to", str(mine)]) == 0
    assert "relevance stays calibrated as it was" in capsys.readouterr().out

    shipped, tuned = shipped_models(), shipped_models(mine)
    assert tuned.encoder_identity == shipped.encoder_identity
    assert tuned.image_encoder is not None
    assert tuned.captioner.identity != shipped.captioner.identity
    assert shipped.calibration is not None
    assert tuned.calibration is not None
    assert (tuned.calibration.sentence, tuned.calibration.weights) == (
        shipped.calibration.sentence,
        shipped.calibration.weights,
    )

    assert main(["index", str(jsonl.parent / "tiles"), "--models", str(mine), "--out", str(out)]) == 0
    assert ModelChoice.of(out) == ModelChoice(models=str(mine.resolve()))
    bundle = open_bundle(out / "bundle")
    assert bundle.manifest.calibration.captioner == tuned.captioner.identity
    best = Searcher(bundle).search("purple tiles", k=3, min_relevance=0.0)["results"]
    assert [result["id"].split("-")[0] for result in best] == ["purple"] * 3


def test_backbone_and_vocabulary_stay_and_the_rest_learns(jsonl: Path, photos: FineTuningPhotos, work: Path) -> None:
    recipe = FineTuningRecipe()
    tuned = fine_tune(photos, MODELS, run_folder(jsonl, MODELS, work, recipe), recipe)
    before = read_captioner(MODELS / "captioner").model.state_dict()
    changed = {name for name, weights in tuned.model.state_dict().items() if not torch.equal(weights, before[name])}
    parts, changed_parts = ({name.split(".")[0] for name in names} for names in (before, changed))
    assert parts - changed_parts == {"backbone", "hubness", "names"}
    assert tuned.tokenizer.to_str() == read_captioner(MODELS / "captioner").tokenizer.to_str()


def test_other_instructions_are_answered_as_before(photos: FineTuningPhotos) -> None:
    tokenizer = read_captioner(MODELS / "captioner").tokenizer
    source = OnnxCaptionerSource.open(MODELS / "captioner")
    pixels = np.stack([decode_photo(photo.path, image_size=256).pixels for photo in photos.held_out])
    data = with_captions(photos.held_out, pixels, Encoder.load(MODELS / "encoder").encode)
    answers = OwnAnswers(tokenizer, data, source, describe_share=0.5)
    random = np.random.default_rng(0)
    chosen = [answers.choose(3, random) for _ in range(200)]
    described = [answer.text for answer in chosen if answer.instruction == source.instructions[0]]
    assert set(described) == set(photos.held_out[3].captions)
    assert 60 < len(described) < 140
    asked = source.known_instructions[1:]
    said = source.asking(asked).load().understand(pixels[3:4], beams=1)[0].captions
    assert {(answer.instruction, answer.text) for answer in chosen if answer.text not in described} == set(
        zip(asked, said, strict=True)
    )


def test_captions_that_cant_be_written(photos: FineTuningPhotos) -> None:
    tokenizer = read_captioner(MODELS / "captioner").tokenizer
    source = OnnxCaptionerSource.open(MODELS / "captioner")
    foreign = [replace(photo, captions=("красная плитка",)) for photo in photos.held_out]
    data = with_captions(foreign, np.zeros((10, 256, 256, 3), np.uint8), Encoder.load(MODELS / "encoder").encode)
    with pytest.raises(DataError, match="none of the captions can be written .* found 'красная плитка'"):
        OwnAnswers(tokenizer, data, source, describe_share=0.5)


def test_models_that_find_fewer_photos_are_not_written(photos: FineTuningPhotos, tmp_path: Path) -> None:
    tuned = read_captioner(MODELS / "captioner")
    with torch.no_grad():
        for weight in tuned.model.visual_head.project.parameters():
            weight.mul_(-1.0)
    with pytest.raises(TrainingError, match=r"find the 10 held-out photos worse .* so nothing is written"):
        write_tuned(tuned, MODELS, photos.held_out, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    with pytest.raises(ModelError, match="holds the models that were fine-tuned; give another folder with --to"):
        write_tuned(tuned, MODELS, photos.held_out, MODELS)


def test_a_folder_of_models_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(["index", str(tmp_path), "--models", str(tmp_path / "no"), "--out", str(tmp_path / "out")]) == 1
    assert "expected what 'thinlens models export' writes" in capsys.readouterr().err


def test_so_many_photos_are_needed() -> None:
    assert (FEWEST_TRAINING, FEWEST_HELD_OUT) == (50, 5)  # the messages above name them
