"""Names: how they are written, what they are in general, and which ones a corpus has."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from export.errors import DataError
from export.training.data.names import (
    CLASSES,
    general_name,
    plural,
    read_class_names,
    read_name_lists,
)


def write_corpus(folder: Path, photos: list[dict[str, Any]], synsets: list[dict[str, Any]]) -> Path:
    for name in ("photos", "captions", "texts"):
        (folder / name).mkdir()
    for photo in photos:
        (folder / "photos" / photo["file"]).touch()
    lines = (json.dumps({"split": "train", "captions": [], **photo}) for photo in photos)
    (folder / "photos" / "some.jsonl").write_text("\n".join(lines))
    with gzip.open(folder / "captions" / "wordnet-glosses.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps({"examples": [], **synset}) + "\n" for synset in synsets)
    return folder


def synset(lemmas: list[str], gloss: str, file: str = "noun.artifact") -> dict[str, Any]:
    return {"lemmas": lemmas, "gloss": gloss, "file": file}


@pytest.mark.parametrize(
    ("name", "several"),
    [
        ("dog", "dogs"),
        ("box with lid", "boxes with lid"),
        ("baby", "babies"),
        ("toy", "toys"),
        ("glass", "glasses"),
        ("glasses", "glasses"),
        ("coat or jacket", "coats or jacket"),
        ("fisherman", "fishermans"),
        ("old man", "old men"),
        ("sheep", "sheep"),
        ("bookshelf", "bookshelfs"),
    ],
)
def test_plurals_are_those_of_the_first_noun(name: str, several: str) -> None:
    assert plural(name) == several


@pytest.mark.parametrize(
    ("gloss", "expected"),
    [
        ("a seat for one person, with a support for the back", "seat"),
        ("any of various small breeds of dog", "breeds"),
        ("(botany) a woody plant", "plant"),
        ("furniture that is designed for sitting on", "furniture"),
        ("originally made in China", None),
        ("", None),
    ],
)
def test_a_gloss_says_what_a_thing_is(gloss: str, expected: str | None) -> None:
    assert general_name(gloss) == expected


def test_texts_about_one_name_stand_together(tmp_path: Path) -> None:
    seat = [synset(["chair", "seat"], "a seat for one person")] + [synset(["thing"], "a chair", "noun.cognition")] * 3
    photos = [
        {"file": "a.jpg", "labels": ["whippet", "dog"], "source": "imagenet1000"},
        {"file": "b.jpg", "labels": ["lamp", "sofa"], "source": "indoor85"},
    ]
    lists = read_name_lists(write_corpus(tmp_path, photos, seat))
    assert lists[0] == ("chair", "a chair", "chairs", "seat", "a seat", "seats", "a seat for one person")
    assert ("whippet", "a whippet", "whippets", "dog", "a dog", "dogs") in lists
    assert ("lamp", "a lamp", "lamps") in lists
    assert not any("lamp" in texts and "sofa" in texts for texts in lists)


def test_a_corpus_without_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no concrete noun"):
        read_name_lists(write_corpus(tmp_path, [], [synset(["idea"], "a thought", "noun.cognition")]))


def test_class_names_stand_in_the_order_of_their_synsets(tmp_path: Path) -> None:
    data = write_corpus(tmp_path, [{"file": "a.jpg", "labels": ["last"], "synset": "n99999999"}], [])
    assert read_class_names(data) == ()  # no classifier is asked where nobody says what its outputs are called
    with gzip.open(data / "texts" / "imagenet-names.tsv.gz", "wt") as stream:
        stream.writelines(f"n{number:08}\tname {number}\tde\tName\n" for number in reversed(range(CLASSES - 3)))
    names = read_class_names(data)
    assert (len(names), names[0], names[-3:]) == (CLASSES, "name 0", ("trilobite", "tusker", "last"))


def test_other_than_a_thousand_classes_are_refused(tmp_path: Path) -> None:
    data = write_corpus(tmp_path, [], [])
    with gzip.open(data / "texts" / "imagenet-names.tsv.gz", "wt") as stream:
        stream.write("n00000000\tname\tde\tName\n")
    with pytest.raises(DataError, match="name 3 of ImageNet's classes, expected 1000"):
        read_class_names(data)
