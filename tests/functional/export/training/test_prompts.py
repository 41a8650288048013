"""Encoders with prompts, and Matryoshka ones: served as sentence-transformers encodes queries and documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import DistilBertConfig, DistilBertModel

from export.conversion.encoder_folder import write_encoder_folder
from export.conversion.quantisation import BITS_8, FLOAT32, Scheme
from export.conversion.sentence_encoder import LONGEST, export_sentence_encoder
from export.errors import ModelError
from export.evaluation.probes import PROBES
from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from export.models.model_choice import ModelChoice
from handler.bundle.encoder import Encoder
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import write_photos
from tests.functional.export.training.tiny_models import save_tokenizer, tiny_bert

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """What a model says of its prompts, and what is to stand before queries and before documents."""

    given: dict[str, str]
    query: str = ""
    document: str = ""
    default: str | None = None


PROMPTS = {
    "none": Prompts(given={}),
    "a default for queries": Prompts(given={"query": "a dog "}, default="query", query="a dog "),
    "queries and documents": Prompts(
        given={"query": "a dog ", "document": "the man "}, query="a dog ", document="the man "
    ),
    "a default of another name": Prompts(given={"query": "a dog ", "sts": "the man "}, default="sts", query="a dog "),
    "an empty document before a passage": Prompts(given={"query": "a dog ", "passage": "the man "}, query="a dog "),
}


def save(folder: Path, prompts: Prompts, *, dim: int | None, kind: str = "bert", include_prompt: bool = True) -> Path:
    """A sentence-transformers folder of random weights."""
    plain = folder.parent / "plain"
    size = save_tokenizer(plain, token_types=kind == "bert")
    if kind == "bert":
        tiny_bert(size).save_pretrained(plain)
    else:
        DistilBertModel(
            DistilBertConfig(vocab_size=size, dim=64, n_layers=1, n_heads=2, hidden_dim=64)  # type: ignore[no-untyped-call]
        ).save_pretrained(plain)
    transformer = Transformer(str(plain))
    pooling = Pooling(transformer.get_embedding_dimension(), include_prompt=include_prompt)
    modules = [transformer, pooling, *([] if kind == "bert" else [Normalize()])]
    SentenceTransformer(
        modules=modules, device="cpu", prompts=prompts.given, default_prompt_name=prompts.default, truncate_dim=dim
    ).save(str(folder))
    return folder


@pytest.mark.parametrize("dim", [None, 24])
@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_texts_are_encoded_as_sentence_transformers_does(prompts: Prompts, dim: int | None, tmp_path: Path) -> None:
    _assert_served(save(tmp_path / "source", prompts, dim=dim), tmp_path / "served", prompts, dim or 64)


def test_a_graph_that_is_traced_is_cut_too(tmp_path: Path) -> None:
    prompts = PROMPTS["queries and documents"]
    source = save(tmp_path / "source", prompts, dim=24, kind="distilbert")
    _assert_served(source, tmp_path / "served", prompts, 24, BITS_8)


def _assert_served(source: Path, served: Path, prompts: Prompts, dim: int, scheme: Scheme = FLOAT32) -> None:
    model = SentenceTransformer(str(source), device="cpu")
    asked = model.encode_query(list(PROBES), normalize_embeddings=True)
    found = model.encode_document(list(PROBES), normalize_embeddings=True)
    assert (asked.shape[1], bool(np.allclose(asked, found))) == (dim, prompts.query == prompts.document)
    write_encoder_folder(export_sentence_encoder(source, name="own"), served, scheme=scheme)
    written = Encoder.load(served)
    worst = 1e-4 if scheme is FLOAT32 else 0.1
    np.testing.assert_allclose(written.encode_queries(PROBES), asked, atol=worst)
    np.testing.assert_allclose(written.encode(PROBES), found, atol=worst)
    configuration = written.configuration
    assert (configuration.query_prompt, configuration.document_prompt) == (prompts.query, prompts.document)


def test_captions_are_documents_and_questions_are_queries(tmp_path: Path) -> None:
    prompts = Prompts(given={"query": f"{PROBES[1]} {PROBES[2]} ", "document": "the man "})
    source = save(tmp_path / "source", prompts, dim=24)
    (photo,) = write_photos(tmp_path / "photos", 1)
    index_photos(tmp_path / "photos", tmp_path / "out", workers=1, choice=ModelChoice(encoder=str(source)))
    correct_caption(photo, PROBES[0], tmp_path / "out")
    bundle = open_bundle(tmp_path / "out/bundle")
    (caption,) = bundle.photos.views(np.array([0]))[0]
    model = SentenceTransformer(str(source), device="cpu")
    said = model.encode_document(PROBES[0], normalize_embeddings=True)
    asked = model.encode_query(PROBES[0], normalize_embeddings=True)
    assert said @ caption > 0.98 > asked @ caption
    assert bundle.encoder.encode_queries([PROBES[0]])[0] @ asked > 0.98
    (found,) = Searcher(bundle).search(Query(texts=(PROBES[0],), mode="meaning"))["results"]
    assert (found["id"], found["relevance"]) == (photo, 1.0)


def test_a_long_prompt_takes_no_room_from_the_text(tmp_path: Path) -> None:
    instruction = f"{PROBES[0]} " * 4
    source = save(tmp_path / "source", Prompts(given={"query": instruction}), dim=None, kind="distilbert")
    encoder = export_sentence_encoder(source, name="own")
    assert encoder.configuration.max_tokens == LONGEST + 4 * len(PROBES[0].split())
    assert encoder.configuration.query_prompt == instruction


def test_a_pooling_that_leaves_prompts_out_is_refused(tmp_path: Path) -> None:
    source = save(tmp_path / "source", PROMPTS["queries and documents"], dim=None, include_prompt=False)
    with pytest.raises(ModelError, match="own can't be served: its pooling leaves prompts out"):
        export_sentence_encoder(source, name="own")
