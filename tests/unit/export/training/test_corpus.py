"""The corpus: what is read, what is left out, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from export.errors import DataError
from export.training.data.corpus import caption_key, normalise_caption, read_paraphrases, read_photos, read_split


def write_photos(data: Path, lines: list[object]) -> Path:
    path = data / "photos" / "some.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog runs , fast .", "A dog runs, fast"),
        (" Two   dogs\t", "Two dogs"),
        ("The man 's hat !", "The man's hat"),
        ('A sign says " stop " .', "A sign says stop"),
        (" . ", ""),
    ],
)
def test_captions_are_normalised(caption: str, expected: str) -> None:
    assert normalise_caption(caption) == expected


def test_only_the_split_asked_for_is_read(tmp_path: Path) -> None:
    path = write_photos(
        tmp_path,
        [
            {"file": "a.jpg", "split": "train", "captions": ["A cat .", " "]},
            {"file": "b.jpg", "split": "dev", "captions": ["A dog ."]},
        ],
    )
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).touch()
    photos = read_photos(path, "train")
    assert [(photo.path.name, photo.captions) for photo in photos] == [("a.jpg", ("A cat",))]


def test_captions_of_dev_photos_are_kept_out_of_training(tmp_path: Path) -> None:
    write_photos(
        tmp_path,
        [
            {"file": "a.jpg", "split": "train", "captions": ["A cat sits", "A cat"]},
            {"file": "b.jpg", "split": "dev", "captions": ["A dog runs .", "A brown dog"]},
        ],
    )
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).touch()
    (tmp_path / "captions").mkdir()
    with gzip.open(tmp_path / "captions" / "other-paraphrases.jsonl.gz", "wt") as stream:
        stream.write('["A fish", "A fish swims"]\n["a dog runs!", "Something else"]\n')
    assert read_paraphrases(tmp_path) == [("A cat sits", "A cat"), ("A fish", "A fish swims")]
    assert caption_key("a dog runs!") == caption_key("A dog runs .")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", r"some\.jsonl:1: found '.*', expected file, split and captions"),
        ('{"file": "a.jpg"}', r"some\.jsonl:1: found '.*', expected file, split and captions"),
        ('{"file": "no.jpg", "split": "dev", "captions": ["x"]}', r"some\.jsonl:1: the photo .*no\.jpg is missing"),
        ('{"file": "a.jpg", "split": "dev", "captions": [" ."]}', r"some\.jsonl:1: no caption that isn't empty"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = write_photos(tmp_path, [line])
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(DataError, match=message):
        read_photos(path, "dev")


def test_a_folder_without_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no photos/\*\.jsonl below .*export/training/README.md"):
        read_split(tmp_path, "train")
