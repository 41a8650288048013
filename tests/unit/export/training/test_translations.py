"""Translations: read with their languages; what is measured on is never learnt."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from PIL import Image

from export.errors import DataError
from export.training.data.translations import read_names, read_nouns, read_queries, read_sentences, read_tatoeba

SYNSETS = [f"n{number:08}" for number in range(40)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos/a.png")
    photo = {"file": "a.png", "split": "dev", "captions": ["A boy waves ."]}
    (tmp_path / "photos/a.jsonl").write_text(json.dumps(photo))
    write(
        tmp_path / "texts/parallel/de.tsv.gz",
        "A dog runs .\tEin Hund läuft .",
        "A boy waves.\tEin Junge winkt.",
        "He is  late\tEr ist zu spät",
        "A cat\tEine Katze",
        "It is a cat\tEine Katze!",
        "nothing\t .",
    )
    write(tmp_path / "texts/words/cs.tsv.gz", "dog\tpes")
    write(tmp_path / "texts/test/tatoeba500.de.tsv.gz", "He is late.\tEr kommt zu spät.")
    queries = {"file": "a.png", "en": "A cat .", "de": "Eine Katze ."}
    (tmp_path / "texts/test/flickr8k-dev-queries.jsonl").write_text(json.dumps(queries) + "\n")
    write(tmp_path / "texts/imagenet-names.tsv.gz", *(f"{synset}\ttench\tde\tSchleie; Schlei;" for synset in SYNSETS))
    return tmp_path


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def test_what_is_measured_on_is_left_out_in_either_language(data: Path) -> None:
    pairs = [(pair.english, pair.text, pair.language) for pair in read_sentences(data)]
    assert pairs == [("A dog runs", "Ein Hund läuft", "de")]
    assert [(pair.english, pair.text, pair.language) for pair in read_nouns(data)] == [("dog", "pes", "cs")]


def test_what_is_measured_on_is_read(data: Path) -> None:
    ((language, (pair,)),) = read_tatoeba(data).items()
    assert (language, pair.english, pair.text) == ("de", "He is late", "Er kommt zu spät")
    (query,) = read_queries(data)
    assert (query.file, query.captions) == ("a.png", {"en": "A cat", "de": "Eine Katze"})


def test_a_class_is_either_learnt_or_held_out(data: Path) -> None:
    learnt, held_out = read_names(data, "train"), read_names(data, "dev")
    assert len(learnt) + len(held_out) == 2 * len(SYNSETS)
    assert 0 < len(held_out) < len(learnt)
    assert {name.text for name in learnt} == {name.text for name in held_out} == {"Schleie", "Schlei"}


def test_a_line_without_a_tab_is_named(data: Path) -> None:
    write(data / "texts/parallel/fr.tsv.gz", "a dog\tun chien", "un chat")
    with pytest.raises(DataError, match=r"fr.tsv.gz:2: expected English, TAB"):
        read_sentences(data)


def test_a_corpus_without_translations(tmp_path: Path, data: Path) -> None:
    (data / "texts/words/cs.tsv.gz").unlink()
    with pytest.raises(DataError, match=r"no texts/words/\*.tsv.gz below"):
        read_nouns(data)
