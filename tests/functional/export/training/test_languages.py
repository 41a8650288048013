"""A tiny encoder for many languages through the whole path: trained, interrupted, written, served, measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from export.errors import TrainingError
from export.training.evaluation.languages import language_table, score_names, score_sentences
from export.training.photo_model.packing import write_languages
from export.training.text_encoder.language_training import (
    LanguageRecipe,
    LanguageStudent,
    LanguageTeacher,
    keep_read,
    make_language_student,
    train_languages,
)
from export.training.text_encoder.packed_e5 import PackedEncoder, read_packed
from export.training.text_encoder.sentence_model import embed
from export.training.text_encoder.word_pieces import lower_pieces
from handler.bundle.encoder import Encoder
from tests.functional.export.training.packed import write_packed
from tests.unit.export.training.test_translations import write

RECIPE = LanguageRecipe(
    layers=(0, 1),
    vocabulary_size=60,
    english_texts=20,
    steps=200,
    warmup=3,
    sentences_per_step=6,
    nouns_per_step=4,
    english_per_step=4,
    most_tokens=9,
    learning_rate=3e-3,
    fitted_texts=12,
)
SPACE = "a" * 64
PAIRS = {
    "a red house": "ein rotes Haus",
    "a green house": "ein grünes Haus",
    "a red boat": "ein rotes Boot",
    "a green boat": "ein grünes Boot",
    "a red dog": "ein rotes Hund",
    "a green dog": "ein grünes Hund",
}


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """A teacher: a bag of words."""
    words = {word: np.random.default_rng(sum(word.encode())).normal(size=32) for text in texts for word in text.split()}
    sums = np.stack([sum(words[word] for word in text.split()) for text in texts])
    vectors: NDArray[np.float32] = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return vectors


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "photos/a.png")
    photo = {"file": "a.png", "split": "train", "captions": ["a boat", "a red boat on a lake"]}
    (folder / "photos/a.jsonl").write_text(json.dumps(photo))
    write(folder / "captions/coco-single.txt.gz", "a house by the lake")
    glosses = {"lemmas": ["oak"], "gloss": "a tall tree", "examples": [], "file": "noun.plant"}
    write(folder / "captions/wordnet-glosses.jsonl.gz", json.dumps(glosses))
    write(folder / "texts/parallel/de.tsv.gz", *("\t".join(pair) for pair in PAIRS.items()))
    write(folder / "texts/words/de.tsv.gz", "house\tHaus", "dog\tHund", "boat\tBoot")
    write(folder / "texts/imagenet-names.tsv.gz", *(f"n{number:08}\tdog\tde\tHund" for number in range(20)))
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> PackedEncoder:
    return read_packed(write_packed(tmp_path_factory.mktemp("start") / "start.bin"))


def train(data: Path, start: PackedEncoder, work: Path, recipe: LanguageRecipe = RECIPE) -> LanguageStudent:
    teacher = LanguageTeacher(vectors_of=vectors_of, identity=SPACE)
    return train_languages(data, teacher, lambda: start, work, recipe)


@pytest.fixture(scope="module")
def student(data: Path, start: PackedEncoder, tmp_path_factory: pytest.TempPathFactory) -> LanguageStudent:
    return train(data, start, tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def served(student: LanguageStudent, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("served") / "languages"
    write_languages(student, folder, space=SPACE)
    return Encoder.load(folder)


def test_a_translation_has_the_vector_of_the_original(student: LanguageStudent, served: Encoder) -> None:
    translations = list(PAIRS.values())
    vectors = embed(student.encoder, student.tokenizer, translations)
    cosines = vectors @ vectors_of(list(PAIRS)).T
    assert cosines.argmax(1).tolist() == list(range(len(PAIRS)))
    assert cosines.diagonal().mean() > 0.8
    assert (served.encode(translations) * vectors).sum(1).min() > 0.8


def test_every_piece_that_is_kept_and_every_tensor_was_trained(
    student: LanguageStudent, data: Path, start: PackedEncoder, tmp_path: Path
) -> None:
    before = train(data, start, tmp_path, replace(RECIPE, learning_rate=0.0))
    states = before.encoder.state_dict(), student.encoder.state_dict()
    assert states[0].keys() == states[1].keys()
    assert before.tokenizer.get_vocab() == student.tokenizer.get_vocab()
    for name, after in states[1].items():
        changed = (after - states[0][name]).abs()
        if "word_embeddings" in name:
            assert (changed[2:].amax(1) > 1e-5).all()
            assert not after[0].any()  # the padding, which no text reads
        elif "position_embeddings" in name:
            assert (changed.amax(1) > 1e-5).all()
        else:
            assert changed.max() > 1e-5 or "key.bias" in name, name


def test_pieces_that_no_step_has_read_are_left_out(start: PackedEncoder) -> None:
    pieces = lower_pieces(start.pieces, start.scores)[:4]
    student = make_language_student(start, pieces, (0,), positions=8)
    rows = student.bert.embeddings.word_embeddings.weight.detach().clone()
    tokenizer = keep_read(student, pieces, np.array([False, True, True, True, True, False, True, True]))
    assert [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])] == [
        *("<pad>", "<unk>", "<s>", "</s>"),
        *(pieces[number].text for number in (0, 2, 3)),
    ]
    expected = torch.cat([torch.zeros(1, 32), rows[[1, 2, 3, 4, 6, 7]]])
    assert torch.equal(student.bert.embeddings.word_embeddings.weight, expected)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    student: LanguageStudent, data: Path, start: PackedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        pass

    from export.training import training_run

    monkeypatch.setattr(training_run, "_SAVE_EVERY", 10)
    real = training_run.Run.note_and_save

    def note_and_stop(run: training_run.Run, losses: dict[str, torch.Tensor]) -> None:
        real(run, losses)
        if run.step == 14:
            raise StoppedError

    monkeypatch.setattr(training_run.Run, "note_and_save", note_and_stop)
    with pytest.raises(StoppedError):
        train(data, start, tmp_path)
    monkeypatch.setattr(training_run.Run, "note_and_save", real)
    again = train(data, start, tmp_path)
    for name, tensor in student.encoder.state_dict().items():
        torch.testing.assert_close(again.encoder.state_dict()[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    with pytest.raises(TrainingError, match="was written by the recipe"):
        train(data, start, tmp_path, replace(RECIPE, seed=2))


def test_the_folder_says_whose_vectors_it_gives(served: Encoder) -> None:
    configuration = served.configuration
    assert (configuration.name, configuration.dim, configuration.max_tokens) == ("thinlens-languages-1", 32, 9)
    assert configuration.space == SPACE
    assert served.canonical("Ein  HUND") == "ein hund"
    assert served.knows("Hund")
    assert not served.knows("🦄")


def test_sentences_and_names_are_found_among_all(data: Path, tmp_path: Path) -> None:
    """The measured encoder says of each German word what the English one says of its neighbour's, but for one."""
    write(tmp_path / "texts/test/tatoeba500.de.tsv.gz", "one\teins", "two\tzwei", "three\tdrei", "four\tdrei")
    names = ["one", "two", *(f"name {number}" for number in range(996))]
    lines = [f"n{number:08}\t{name}\tde\t{name}" for number, name in enumerate(names)]
    write(tmp_path / "texts/imagenet-names.tsv.gz", *lines)
    (tmp_path / "photos").mkdir()
    english = {text: row for row, text in enumerate(("one", "two", "three", "four"))}
    german = {"eins": 0, "zwei": 1, "drei": 2}

    def of(rows: dict[str, int]) -> object:
        return lambda texts: np.stack([np.eye(1_004, dtype=np.float32)[rows.get(text, 1_003)] for text in texts])

    scores = score_sentences(of(german), of(english), tmp_path)  # type: ignore[arg-type]
    assert scores == {"de": 0.75}
    rows = {name: row for row, name in enumerate(names)}
    found = score_names(of(rows | {"two": 0}), of(rows), tmp_path)  # type: ignore[arg-type]
    counts = {kind: share["de"] for kind, share in found.items()}
    wrong = "learnt" if counts["learnt"] < 1 else "held_out"
    assert sorted(counts.values())[1] == 1.0
    assert 0.99 < counts[wrong] < 1.0
    report = {"english_encoder": {"1": 0.5, "5": 0.6, "10": 0.7}, "photos": {"de": {"1": 0.1, "5": 0.2, "10": 0.3}}}
    table = language_table({**report, "sentences": scores, "names": found})  # type: ignore[typeddict-item]
    assert table.splitlines()[1].split() == ["en,", "English", "encoder", "50.0%", "60.0%", "70.0%"]
    assert table.splitlines()[2].split()[:5] == ["de", "10.0%", "20.0%", "30.0%", "75.0%"]
