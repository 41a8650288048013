"""Small models out of large ones: encoders by vectors and neighbours, captioners by what they say."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer
from transformers import MPNetConfig, MPNetModel
from transformers.models.bert.modeling_bert import BertLayer

from export.cli.main import main
from export.conversion.sentence_encoder import load_sentence_encoder
from export.errors import DataError, ModelError, TrainingError
from export.evaluation.probes import PROBES
from export.models.hub import content_identity
from export.models.model_set import MODELS
from export.training.data.corpus import read_photos, read_split
from export.training.losses import neighbour_loss
from export.training.photo_training.captioner_distillation import open_word_teacher, write_teacher_corpus
from export.training.text_encoder.encoder_distillation import (
    DistillationRecipe,
    Teacher,
    distil_encoder,
    find_start,
    to_width,
)
from export.training.text_encoder.sentence_model import TextEncoder, embed, load_teacher, narrow_feed_forward
from export.understanding.hub_models import torch_captioner
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.encoder import Encoder
from tests.functional.export.galleries import write_photos
from tests.functional.export.training.tiny_models import save_tokenizer, tiny_bert, word_tokenizer
from tests.functional.export.understanding.training.tiny_captioners import save_captioner

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

TEXTS = [f"{first} {word} {second}" for first in PROBES[::4] for second in PROBES[1::4] for word in ("and", "near")]
RECIPE = DistillationRecipe(layers=1, vocabulary_size=350, steps=60, texts_per_step=32, learning_rate=3e-3)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT folder of random weights."""
    folder = tmp_path_factory.mktemp("start")
    tiny_bert(save_tokenizer(folder)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """A sentence encoder of another architecture, wider than the student."""
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(1)
    config = MPNetConfig(  # type: ignore[no-untyped-call]
        vocab_size=save_tokenizer(folder / "plain"),
        hidden_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=96,
        initializer_range=0.2,
    )
    MPNetModel(config).save_pretrained(folder / "plain")  # type: ignore[no-untyped-call]
    modules = [Transformer(str(folder / "plain")), Pooling(96, "mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "whole"))
    model = load_sentence_encoder(folder / "whole")

    def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(list(texts), convert_to_numpy=True, normalize_embeddings=True), np.float32)

    return Teacher(vectors_of=vectors_of, identity=content_identity(folder / "whole", "teacher"))


def test_a_student_comes_close_to_a_teacher_of_another_architecture(
    teacher: Teacher, start: Path, tmp_path: Path
) -> None:
    distilled = distil_encoder(teacher, *load_teacher(start), TEXTS, tmp_path, RECIPE)
    assert distilled.student.bert.config.num_hidden_layers == 1
    assert distilled.tokenizer.get_vocab_size() < load_teacher(start)[1].get_vocab_size()
    assert set(distilled.held_out) < set(TEXTS)
    nothing = dataclasses.replace(RECIPE, steps=0)
    untrained = distil_encoder(teacher, *load_teacher(start), TEXTS, tmp_path / "none", nothing)
    held_out = list(distilled.held_out)
    expected = teacher.vectors_of(held_out)
    assert _agreement(embed(distilled.student, distilled.tokenizer, held_out), expected) > _agreement(
        embed(untrained.student, untrained.tokenizer, held_out), expected
    )
    assert distilled.cosine > untrained.cosine + 0.2

    again = distil_encoder(teacher, *load_teacher(start), TEXTS, tmp_path, RECIPE)  # finished: nothing is trained
    assert again.cosine == distilled.cosine
    with pytest.raises(TrainingError, match="train in another --work folder"):
        distil_encoder(teacher, *load_teacher(start), TEXTS[:-1], tmp_path, RECIPE)


def _agreement(vectors: np.ndarray, expected: np.ndarray) -> float:
    """The correlation of similarities between texts: what neighbours depend on."""
    upper = np.triu_indices(len(vectors), 1)
    return float(np.corrcoef((vectors @ vectors.T)[upper], (expected @ expected.T)[upper])[0, 1])


def test_too_few_texts(teacher: Teacher, start: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="5 texts to distil on, expected at least 200; give more --texts"):
        distil_encoder(teacher, *load_teacher(start), TEXTS[:5], tmp_path, RECIPE)


def test_neighbours_by_hand() -> None:
    vectors = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), dim=1)
    same = neighbour_loss(vectors, vectors, temperature=0.1)
    turned = neighbour_loss(vectors @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), vectors, temperature=0.1)
    assert turned == pytest.approx(float(same), abs=1e-6)  # neighbours know nothing of directions
    assert neighbour_loss(vectors.flip(0), vectors, temperature=0.1) > same + 1


def test_fewer_units_of_those_that_do_nothing_change_nothing() -> None:
    tokenizer: Tokenizer = word_tokenizer()
    encoder = TextEncoder(tiny_bert(tokenizer.get_vocab_size())).eval()
    with torch.no_grad():
        for layer in encoder.bert.encoder.layer:
            assert isinstance(layer, BertLayer)
            layer.output.dense.weight[:, ::2] = 0.0
    before = embed(encoder, tokenizer, PROBES)
    narrow_feed_forward(encoder, 64)
    assert encoder.bert.config.intermediate_size == 64
    assert (embed(encoder, tokenizer, PROBES) * before).sum(1).min() > 0.999


def test_wide_vectors_keep_their_similarities_and_narrow_ones_get_zeros() -> None:
    random = np.random.default_rng(0)
    wide = (random.standard_normal((50, 8)) @ random.standard_normal((8, 100))).astype(np.float32)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    narrow = to_width(wide, 16)
    assert np.abs(narrow @ narrow.T - wide @ wide.T).max() < 1e-4
    assert to_width(wide, 128)[:, 100:].tolist() == np.zeros((50, 28)).tolist()


def test_a_student_of_a_bert_starts_from_it(start: Path) -> None:
    encoder, _ = find_start(start)
    expected, _ = load_teacher(start)
    assert torch.equal(encoder.bert.embeddings.word_embeddings.weight, expected.bert.embeddings.word_embeddings.weight)


def test_a_teacher_that_is_not_there_or_no_bert_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no-such has no config\.json; expected the folder of a model"):
        load_teacher(tmp_path / "no-such")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mpnet"}))
    with pytest.raises(ModelError, match="a model of the kind 'mpnet', expected 'bert'.* models distil encoder"):
        load_teacher(tmp_path)


def test_the_command_line_distils_and_quantises(
    start: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    modules = [transformer := Transformer(str(start)), Pooling(transformer.get_embedding_dimension(), "mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(source))
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS))
    common = ["--texts", str(texts), "--least-neighbours", "0.5"]
    small = ["--layers", "1", "--feed-forward", "32", "--vocabulary", "350", "--steps", "5"]
    work, student, few = (str(tmp_path / name) for name in ("work", "student", "few"))
    distil = ["models", "distil", "encoder", "--teacher", str(source), "--work", work, "--to", student]
    assert main([*distil, *common, *small]) == 0
    assert "texts that it didn't learn" in capsys.readouterr().out
    assert Encoder.load(Path(student)).encode(["a dog"]).shape == (1, 64)
    assert main(["models", "quantise", str(source), "--to", few, *common]) == 0
    assert "<- taken" in capsys.readouterr().out
    assert main(["models", "quantise", "./no-such", "--to", few, *common]) == 1
    assert "thinlens: ./no-such is no folder; expected a model's folder" in capsys.readouterr().err


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The folders of a corpus, with a photo of its own."""
    folder = tmp_path / "data"
    for name in ("photos", "captions"):
        (folder / name).mkdir(parents=True)
    Image.new("RGB", (40, 40), "red").save(folder / "photos" / "own.png")
    (folder / "photos" / "own.jsonl").write_text(json.dumps({"file": "own.png", "split": "dev", "captions": ["red"]}))
    return folder


@pytest.mark.parametrize("kind", ["vision-encoder-decoder", "idefics3"])
def test_a_teacher_captions_photos_into_a_corpus(
    kind: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_captioner, "MAX_NEW_TOKENS", 10)
    teacher, photos, target = tmp_path / "teacher", tmp_path / "gallery", tmp_path / "corpus"
    save_captioner(teacher, kind)
    write_photos(photos, 3)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8nonsense")
    assert write_teacher_corpus(str(teacher), photos, corpus, target) == 3
    (jsonl,) = (target / "photos").glob("teacher-*.jsonl")
    captioned = read_photos(jsonl, "train")
    assert all(photo.path.is_file() and len(photo.captions) > 1 for photo in captioned)  # a beam's hypotheses
    assert [photo.captions for photo in read_split(target, "dev")] == [("red",)]

    whole = jsonl.read_text()
    jsonl.write_text(whole[: whole.rindex('"captions"')])  # killed while the last line was written
    assert write_teacher_corpus(str(teacher), photos, corpus, target) == 3
    assert sorted(jsonl.read_text().splitlines()) == sorted(whole.splitlines())


def test_only_a_captioner_of_our_own_teaches_how_probable_words_are(tmp_path: Path) -> None:
    captioner = MODELS / "captioner"
    teacher = open_word_teacher(str(captioner))
    assert teacher is not None
    assert teacher.identity == OnnxCaptionerSource.open(captioner).identity
    assert teacher.tokenizer.to_str() == Tokenizer.from_file(str(captioner / "tokenizer.json")).to_str()
    assert teacher.model.shape.vocabulary_size == teacher.tokenizer.get_vocab_size()
    assert open_word_teacher(str(save_captioner(tmp_path, "blip"))) is None


@pytest.mark.parametrize("width", ["0", "100"])
def test_a_width_that_heads_cant_share(width: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["models", "distil", "captioner", "--width", width])
    assert f"argument --width: {width} (expected" in capsys.readouterr().err


def test_no_photo_can_be_captioned(corpus: Path, tmp_path: Path) -> None:
    teacher, photos = tmp_path / "teacher", tmp_path / "gallery"
    save_captioner(teacher, "vision-encoder-decoder")
    photos.mkdir()
    (photos / "broken.jpg").write_bytes(b"\xff\xd8nonsense")
    with pytest.raises(DataError, match=r"none of the photos in .* could be captioned"):
        write_teacher_corpus(str(teacher), photos, corpus, tmp_path / "corpus")
    shutil.rmtree(corpus / "captions")
    with pytest.raises(DataError, match=r"captions is missing; --data wants the layout"):
        write_teacher_corpus(str(teacher), photos, corpus, tmp_path / "corpus")
