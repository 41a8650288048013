"""Translations: sentences and nouns in English and in other languages, read from the documented data layout.

It knows files and splits, nothing of models. The layout, below one folder, beside what corpus.py reads:

    texts/parallel/LANGUAGE.tsv.gz    an English sentence, TAB, the same in the other language
    texts/words/LANGUAGE.tsv.gz       an English noun, TAB, the same in the other language
    texts/imagenet-names.tsv.gz       synset, English name, language, names with ";" between them
    texts/test/                       for measuring only: tatoeba500.LANGUAGE.tsv.gz as in parallel/, and
                                      flickr8k-dev-queries.jsonl, {"file", "en", "de", …}: captions of `dev` photos
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.errors import DataError
from export.training.data.corpus import Split, caption_key, normalise_caption, read_lines, read_split

ENGLISH = "en"
TATOEBA = "tatoeba500"
QUERIES = "flickr8k-dev-queries.jsonl"
_HELD_OUT_OF = 5
"""One in so many of ImageNet's classes is held out: its names aren't learnt from imagenet-names.tsv.gz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A text in English and in another language."""

    english: str
    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionedQuery:
    """A photo, and one caption of it in several languages, by language."""

    file: str
    captions: dict[str, str]


def read_sentences(data: Path) -> list[Translation]:
    """Sentences to learn from; what is measured on, and captions of ``dev`` photos, are left out."""
    held_out = _measured_keys(data)
    pairs = _read_folder(data, "parallel")
    return [pair for pair in pairs if not {caption_key(pair.english), caption_key(pair.text)} & held_out]


def read_nouns(data: Path) -> list[Translation]:
    """Nouns to learn from."""
    return list(_read_folder(data, "words"))


def read_names(data: Path, split: Split) -> list[Translation]:
    """Names of ImageNet's classes, one a line: those of one class in five are ``dev``, by their synset's hash."""
    path = data / "texts" / "imagenet-names.tsv.gz"
    names = []
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.rstrip("\n").split("\t")
        if len(cells) != 4:
            raise DataError(f"{path}:{number}: expected synset, English name, language and names, found {len(cells)}")
        synset, english, language, others = cells
        if _split_of(synset) == split:
            texts = dict.fromkeys(text for text in (part.strip() for part in others.split(";")) if text)
            names += [Translation(english=english, text=text, language=language) for text in texts]
    return names


def read_tatoeba(data: Path) -> dict[str, list[Translation]]:
    """Sentences to measure on, by language."""
    folder = data / "texts" / "test"
    pairs = (pair for path in sorted(folder.glob(f"{TATOEBA}.*.tsv.gz")) for pair in _read_pairs(path))
    by_language: dict[str, list[Translation]] = {}
    for pair in pairs:
        by_language.setdefault(pair.language, []).append(pair)
    return by_language


def read_queries(data: Path) -> list[CaptionedQuery]:
    """Captions of ``dev`` photos in several languages, to measure on."""
    records = map(json.loads, read_lines(data / "texts" / "test" / QUERIES))
    return [
        CaptionedQuery(
            file=record.pop("file"), captions={name: normalise_caption(text) for name, text in record.items()}
        )
        for record in records
    ]


def _split_of(synset: str) -> Split:
    return "dev" if hashlib.sha256(synset.encode()).digest()[0] % _HELD_OUT_OF == 0 else "train"


def _measured_keys(data: Path) -> frozenset[str]:
    """What identifies the texts that are measured on."""
    texts = [caption for photo in read_split(data, "dev") for caption in photo.captions]
    if (data / "texts" / "test").is_dir():
        texts += [caption for query in read_queries(data) for caption in query.captions.values()]
        texts += [text for pairs in read_tatoeba(data).values() for pair in pairs for text in (pair.english, pair.text)]
    return frozenset(map(caption_key, texts))


def _read_folder(data: Path, folder: str) -> Iterator[Translation]:
    files = sorted((data / "texts" / folder).glob("*.tsv.gz"))
    if not files:
        raise DataError(
            f"no texts/{folder}/*.tsv.gz below {data}; --data wants the layout of export/training/README.md"
        )
    for path in files:
        yield from _read_pairs(path)


def _read_pairs(path: Path) -> Iterator[Translation]:
    language = path.name.removesuffix(".tsv.gz").rpartition(".")[2]
    for number, line in enumerate(read_lines(path), start=1):
        english, tab, text = line.rstrip("\n").partition("\t")
        if not tab:
            raise DataError(f"{path}:{number}: expected English, TAB and the same in another language, found no TAB")
        pair = Translation(english=normalise_caption(english), text=normalise_caption(text), language=language)
        if pair.english and pair.text:
            yield pair
