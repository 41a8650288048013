"""The encoder: batches change nothing, texts are normalised, broken files are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from handler.bundle.encoder import BATCH_SIZE, Encoder
from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration
from handler.errors import BundleError
from tests.functional.handler.artefacts import DIM, WORDS, write_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder.load(folder)


def test_vectors_are_what_the_bag_of_words_says(encoder: Encoder) -> None:
    table = np.random.default_rng(0).normal(size=(len(WORDS) + 4, DIM)).astype(np.float32)
    table[:4] *= 0.01
    words = ["[CLS]", "dog", "runs", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
    expected = table[[vocabulary[word] for word in words]].sum(axis=0)

    vectors = encoder.encode(["dog runs"])

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [expected / np.linalg.norm(expected)], atol=1e-6)


def test_a_text_is_the_same_alone_and_in_any_batch(encoder: Encoder) -> None:
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS, size=rng.integers(0, 12))) for _ in range(3 * BATCH_SIZE + 1)]

    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])

    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)


def test_texts_are_normalised_and_cut(encoder: Encoder) -> None:
    one, other = encoder.encode(["dog\u00a0\x00 runs\u200b", "ｄｏｇ runs"])
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert encoder.encode(["dog " * 100_000]).shape == (1, DIM)


def test_prompts_stand_before_what_is_asked_and_what_is_found(encoder: Encoder, tmp_path: Path) -> None:
    prompted = Encoder.load(write_encoder(tmp_path, prompts={"query": "red ", "document": "two of "}))
    assert prompted.configuration.tells_queries_apart
    np.testing.assert_array_equal(prompted.encode_queries([" dog  runs"]), encoder.encode(["red dog runs"]))
    np.testing.assert_array_equal(prompted.encode([" dog  runs"]), encoder.encode(["two of dog runs"]))
    assert prompted.canonical(" Dog") == "dog"
    assert not prompted.knows("🐕")
    assert prompted.identity != encoder.identity


def test_an_encoder_without_prompts_makes_no_difference(encoder: Encoder) -> None:
    assert not encoder.configuration.tells_queries_apart
    assert "prompts" not in encoder.configuration.to_json()
    np.testing.assert_array_equal(encoder.encode_queries(["dog runs"]), encoder.encode(["dog runs"]))


@pytest.mark.parametrize(
    ("prompts", "reason"),
    [
        ({"query": "q: "}, "Missing field 'prompts.document' in encoder.json"),
        ({"query": "q: ", "document": "", "passage": ""}, "Unexpected field 'prompts.passage' in encoder.json"),
        ({"query": 1, "document": ""}, r"Unexpected type int \(expected str\) in 'prompts.query' of encoder.json"),
        ({"query": "q" * 1025, "document": ""}, "Unexpected length 1025"),
        (["q: "], "Unexpected type list"),
    ],
)
def test_broken_prompts_are_refused(prompts: object, reason: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "encoder.json"
    path.write_text(json.dumps({**json.loads((folder / "encoder.json").read_text()), "prompts": prompts}))
    with pytest.raises(BundleError, match=reason):
        EncoderConfiguration.read(path)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    said = EncoderConfiguration(name="e5", dim=2, max_tokens=9, query_prompt="query: ", document_prompt="passage: ")
    (tmp_path / "encoder.json").write_text(said.to_json())
    assert EncoderConfiguration.read(tmp_path / "encoder.json") == said


def test_nothing_is_encoded_as_nothing(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, DIM)


@pytest.mark.parametrize(
    ("text", "expected"), [("dog", True), ("a xylophone", True), ("xylophone", False), ("🎉🎉", False), ("", False)]
)
def test_knows_whether_a_text_says_anything(encoder: Encoder, text: str, expected: bool) -> None:
    assert encoder.knows(text) is expected


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """An encoder of the pieces "▁hund", "▁", "e" and "n"."""
    folder = write_encoder(tmp_path_factory.mktemp("pieces"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = [("<pad>", 0.0), ("<unk>", 0.0), ("▁hund", -1.0), ("▁", -2.0), ("e", -3.0), ("n", -3.0), ("▁un", -4.0)]
    tokenizer.model = models.Unigram(vocabulary, unk_id=1)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    tokenizer.save(str(folder / "tokenizer.json"))
    return Encoder.load(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hund", True), ("🦄 hund", True), ("en", True), ("犬", False), ("🎉 🎉", False), ("", False)],
)
def test_the_mark_of_a_word_alone_says_nothing(pieces: Encoder, text: str, expected: bool) -> None:
    assert pieces.knows(text) is expected


@pytest.mark.parametrize(("word", "expected"), [("hund", True), ("e", False), ("hunde", False), ("und", False)])
def test_a_word_is_whole_with_the_mark_of_its_begin(pieces: Encoder, word: str, expected: bool) -> None:
    assert pieces.is_word(word) is expected
    assert pieces.words == ()


def test_the_identity_is_that_of_the_files(folder: Path, encoder: Encoder, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    other = write_encoder(tmp_path / "other", seed=1)

    assert len(encoder.identity) == 64
    assert Encoder.load(copy).identity == encoder.identity
    assert Encoder.load(other).identity != encoder.identity


@pytest.mark.parametrize("name", ENCODER_FILES)
def test_refuses_a_missing_or_broken_file(folder: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / name).write_bytes((copy / name).read_bytes()[:20])
    with pytest.raises(BundleError, match=name.replace(".bin", "")):
        Encoder.load(copy)
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"Encoder file missing: {name}"):
        Encoder.load(copy)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"name": "x", "dim": DIM + 1, "max_tokens": 16}, rf"expected float sentence_embedding \[batch, {DIM + 1}\]"),
        ({"name": "x", "dim": DIM, "max_tokens": 0}, "'max_tokens' of encoder.json"),
        ({"name": "x", "dim": "64", "max_tokens": 16}, "Unexpected type str"),
        ({"name": "x", "dim": DIM, "max_tokens": 16, "space": "y"}, "expected 64 lower-case hexadecimal digits"),
        ({"name": "x" * 70_000, "dim": DIM, "max_tokens": 16}, "longer than"),
    ],
)
def test_refuses_a_configuration_of_another_model(
    folder: Path, tmp_path: Path, configuration: dict[str, object], message: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "encoder.json").write_text(json.dumps(configuration))
    with pytest.raises(BundleError, match=message):
        Encoder.load(copy)


def test_refuses_weights_outside_the_folder(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "inner" / "copy"))
    shutil.copy(folder / "encoder.bin", tmp_path / "secret.bin")
    graph = (copy / "encoder.onnx").read_bytes()
    assert b"encoder.bin" in graph
    # Of the same length, so that the graph stays well-formed.
    (copy / "encoder.onnx").write_bytes(graph.replace(b"encoder.bin", b"../sec.bin\x00"[:11]))
    (tmp_path / "inner" / "sec.bin").write_bytes((folder / "encoder.bin").read_bytes())
    with pytest.raises(BundleError, match=r"encoder\.onnx is not a model that can be run"):
        Encoder.load(copy)
