"""The choice of a scheme of bits, by what is measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from export.conversion.bert_graph import bert_graph
from export.conversion.encoder_folder import FloatEncoder
from export.conversion.quantisation import BITS_4, BITS_8, FLOAT32, SCHEMES, Scheme
from export.conversion.scheme_choice import LEAST_TEXTS, choose_scheme, read_texts
from export.disk.model_files import SCHEME_FILE
from export.errors import DataError, ModelError
from export.evaluation.probes import PROBES
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import EncoderConfiguration
from tests.functional.export.training.tiny_models import probe_vectors, tiny_bert, word_tokenizer

TEXTS = [f"{first} and {second}" for first, second in zip(PROBES, reversed(PROBES), strict=True)] + list(PROBES)


@pytest.fixture(scope="module")
def encoder() -> FloatEncoder:
    tokenizer: Tokenizer = word_tokenizer()
    bert = tiny_bert(tokenizer.get_vocab_size())
    return FloatEncoder(
        graph=bert_graph(bert, "mean"),
        tokenizer=tokenizer.to_str(),
        configuration=EncoderConfiguration(name="tiny", dim=64, max_tokens=64),
        expected=probe_vectors(bert, tokenizer),
    )


def test_every_scheme_is_measured_and_the_smallest_good_one_taken(encoder: FloatEncoder, tmp_path: Path) -> None:
    choice = choose_scheme(encoder, TEXTS, tmp_path, least_neighbours=0.9)
    assert [item.scheme for item in choice.measured] == [scheme.name for scheme in SCHEMES]
    by_name = {item.scheme: item for item in choice.measured}
    assert by_name["float32"].neighbours == 1.0
    good = [item for item in choice.measured if not item.refused and item.neighbours >= 0.9]
    assert choice.chosen == min(good, key=lambda item: item.size_bytes).scheme
    assert all(item.took_ms > 0 for item in good)
    assert json.loads((tmp_path / SCHEME_FILE).read_text())["chosen"] == choice.chosen
    served = Encoder.load(tmp_path).encode(PROBES)
    assert (served * encoder.expected).sum(1).min() > 0.9


def test_all_neighbours_are_found_by_float32_alone(encoder: FloatEncoder, tmp_path: Path) -> None:
    choice = choose_scheme(encoder, TEXTS, tmp_path, least_neighbours=1.0, schemes=(FLOAT32, BITS_4))
    assert choice.chosen == "float32"


def test_what_disagrees_is_recorded_and_not_taken(encoder: FloatEncoder, tmp_path: Path) -> None:
    strict = Scheme(name="strict", products=4, table=4, least_cosine=0.99999)
    choice = choose_scheme(encoder, TEXTS, tmp_path, least_neighbours=0.0, schemes=(BITS_8, strict))
    assert choice.chosen == "8-bit"
    assert "disagrees with its source" in choice.measured[1].refused


def test_no_scheme_is_good_enough(encoder: FloatEncoder, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no scheme finds 100\.0% of .*; the best, 4-bit, finds \d\d\.\d%"):
        choose_scheme(encoder, TEXTS, tmp_path / "to", least_neighbours=1.0, schemes=(BITS_4,))
    assert not (tmp_path / "to").exists()


def test_texts_are_read_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"text {n % LEAST_TEXTS} \n" for n in range(2 * LEAST_TEXTS)))
    assert read_texts(path) == [f"text {n}" for n in range(LEAST_TEXTS)]
    path.write_text("one\ntwo\n")
    with pytest.raises(DataError, match=r"texts\.txt holds 2 texts, expected at least 100, one a line"):
        read_texts(path)
    path.write_bytes(b"\xff" * 10)
    with pytest.raises(DataError, match=r"texts\.txt can't be read: .* expected UTF-8 text"):
        read_texts(path)
    with pytest.raises(DataError, match=r"missing\.txt can't be read: No such file or directory; expected"):
        read_texts(tmp_path / "missing.txt")


def test_probe_vectors_are_of_unit_norm(encoder: FloatEncoder) -> None:
    assert np.linalg.norm(encoder.expected, axis=1) == pytest.approx(np.ones(len(PROBES)), abs=1e-5)
