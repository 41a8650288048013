"""Encoders as graphs: they answer as transformers does, in every scheme of bits, or they are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import BertConfig

from export.conversion.bert_graph import Pooling, bert_graph, can_be_written
from export.conversion.encoder_folder import FloatEncoder, write_encoder_folder
from export.conversion.quantisation import BITS_4, BITS_8, FLOAT32, SCHEMES, STATIC_INT8, Scheme, quantise, write_graph
from export.errors import ModelError
from export.evaluation.probes import PROBES
from export.training.photo_model.packing import write_encoder
from export.training.text_encoder.sentence_model import TextEncoder
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration
from handler.runtime import onnxruntime
from tests.functional.export.training.tiny_models import probe_vectors, tiny_bert, word_tokenizer

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0]])
INPUTS = {"input_ids": IDS, "attention_mask": (IDS > 0).long()}


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_written_graph_is_transformers_bert(pooling: Pooling, tmp_path: Path) -> None:
    bert = tiny_bert()
    with torch.no_grad():
        hidden = bert(**INPUTS).last_hidden_state
        mask = INPUTS["attention_mask"].unsqueeze(-1)
        pooled = (hidden * mask).sum(1) / mask.sum(1) if pooling == "mean" else hidden[:, 0]
        expected = torch.nn.functional.normalize(pooled, dim=-1)
    write_graph(bert_graph(bert, pooling), tmp_path / "encoder.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(["sentence_embedding"], {name: value.numpy() for name, value in INPUTS.items()})
    assert np.abs(found - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("difference", [{"hidden_act": "relu"}, {"is_decoder": True}])
def test_what_is_not_plain_bert_is_not_written(difference: dict[str, object]) -> None:
    assert can_be_written(BertConfig())  # type: ignore[no-untyped-call]
    assert not can_be_written(BertConfig(**difference))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_every_scheme_is_served(scheme: Scheme, tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    encoder = TextEncoder(tiny_bert(tokenizer.get_vocab_size())).eval()
    write_encoder(encoder, tokenizer, tmp_path / "float32", scheme=FLOAT32)
    write_encoder(encoder, tokenizer, tmp_path / "few", scheme=scheme)
    assert {path.name for path in (tmp_path / "few").iterdir()} == set(ENCODER_FILES)
    served = Encoder.load(tmp_path / "few")
    vectors = served.encode(PROBES)
    assert (vectors * Encoder.load(tmp_path / "float32").encode(PROBES)).sum(1).min() >= scheme.least_cosine
    if not scheme.dynamic:
        alone = np.concatenate([served.encode([probe]) for probe in PROBES])
        assert (alone * vectors).sum(1).min() > 0.999


@pytest.mark.parametrize(("scheme", "share"), [(BITS_8, 0.30), (BITS_4, 0.17)], ids=["8-bit", "4-bit"])
def test_fewer_bits_are_smaller_files(scheme: Scheme, share: float, tmp_path: Path) -> None:
    graph = bert_graph(tiny_bert(width=128), "mean")
    for name, chosen in (("float32", FLOAT32), ("few", scheme)):
        write_graph(quantise(graph, chosen), tmp_path / f"{name}.onnx")
    assert (tmp_path / "few.bin").stat().st_size < share * (tmp_path / "float32.bin").stat().st_size


def test_a_graph_that_disagrees_with_its_source_is_refused(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    graph = bert_graph(tiny_bert(tokenizer.get_vocab_size()), "mean")
    expected = probe_vectors(tiny_bert(tokenizer.get_vocab_size(), seed=1), tokenizer)
    with pytest.raises(ModelError, match=r"tiny disagrees with its source: .* expected at most 0\.0001; it isn't used"):
        _write(graph, tokenizer, tmp_path, scheme=BITS_8, expected=expected)
    assert list(tmp_path.iterdir()) == []


def test_nan_disagrees_too(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    bert = tiny_bert(tokenizer.get_vocab_size())
    expected = probe_vectors(bert, tokenizer)
    bert.embeddings.word_embeddings.weight.data.fill_(np.nan)
    with pytest.raises(ModelError, match="differs by nan"):
        _write(bert_graph(bert, "mean"), tokenizer, tmp_path, scheme=BITS_8, expected=expected)


def test_an_encoder_that_few_bits_spoil_is_refused(tmp_path: Path) -> None:
    tokenizer = word_tokenizer()
    bert = tiny_bert(tokenizer.get_vocab_size())
    strict = Scheme(name="4-bit", products=4, table=4, least_cosine=0.99999)
    with pytest.raises(ModelError, match=r"tiny in 4-bit disagrees with its source: cosine 0\.\d+, expected at least"):
        _write(bert_graph(bert, "mean"), tokenizer, tmp_path, scheme=strict, expected=probe_vectors(bert, tokenizer))
    assert list(tmp_path.iterdir()) == []


def test_the_graph_that_is_given_stays_as_it_is(tmp_path: Path) -> None:
    graph = bert_graph(tiny_bert(), "mean")
    before = graph.SerializeToString()
    for scheme in SCHEMES:
        texts = [{name: value.numpy() for name, value in INPUTS.items()}]
        write_graph(quantise(graph, scheme, texts), tmp_path / "encoder.onnx")
    assert graph.SerializeToString() == before


def test_products_of_integers_are_not_made_for_nothing() -> None:
    with pytest.raises(
        ValueError, match=r"static-int8-table-4 rounds for what it sees flow through the graph; found nothing"
    ):
        quantise(bert_graph(tiny_bert(), "mean"), STATIC_INT8)


def _write(
    graph: onnx.ModelProto, tokenizer: Tokenizer, folder: Path, *, scheme: Scheme, expected: NDArray[np.float32]
) -> None:
    configuration = EncoderConfiguration(name="tiny", dim=64, max_tokens=64)
    encoder = FloatEncoder(graph=graph, tokenizer=tokenizer.to_str(), configuration=configuration, expected=expected)
    write_encoder_folder(encoder, folder, scheme=scheme)
