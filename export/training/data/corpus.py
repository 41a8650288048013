"""The corpus: photos with captions or names and plain text, read from the documented data layout.

It knows files and splits, nothing of models. The layout, below one folder:

    photos/*.jsonl                    {"file", "split": "train" | "dev", "captions": [...]} a line; file below photos/.
                                      "labels" are the names of what a photo shows, the most specific first; "room" is
                                      one too; "source" says where a labelled photo is from. A line with "text" is of a
                                      photo to be read, and passed over
    captions/*-paraphrases.jsonl.gz   a JSON list of captions of one photo a line
    captions/*-lists.jsonl.gz         the same
    captions/coco-single.txt.gz       a caption a line
    captions/wordnet-glosses.jsonl.gz {"lemmas", "gloss", "examples", "file"} a line
    captions/sick-test.tsv.gz         sentence pairs with relatedness, for evaluation only
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.errors import DataError

Split = Literal["train", "dev"]

_SPACE_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?;:'])")
_END_PUNCTUATION = re.compile(r"[\s.,;:!]+$")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionedPhoto:
    """A photo file, the captions that people wrote for it, and the names that they gave to what it shows."""

    path: Path
    captions: tuple[str, ...]
    names: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePair:
    """Two sentences and how related people find them, from 1 (not at all) to 5 (the same)."""

    first: str
    second: str
    relatedness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Synset:
    """Words of one meaning, what it is, how it is used, and its lexicographer file (``noun.animal``)."""

    lemmas: tuple[str, ...]
    gloss: str
    examples: tuple[str, ...]
    file: str


def normalise_caption(caption: str) -> str:
    """Undo tokenised spacing and drop the final full stop; case is kept.

    Example: ``"A dog runs , fast ."`` -> ``"A dog runs, fast"``
    """
    text = _SPACE_BEFORE_PUNCTUATION.sub(r"\1", caption.replace('"', " "))
    return _END_PUNCTUATION.sub("", _SPACES.sub(" ", text)).strip()


def caption_key(caption: str) -> str:
    """What identifies a caption across collections: its letters and digits, lower case."""
    return "".join(character for character in caption.lower() if character.isalnum())


def read_photos(jsonl: Path, split: Split) -> list[CaptionedPhoto]:
    """The captioned photos of one split, in file order.

    Raises:
        DataError: A line is not an object with file, split and captions, or a photo is missing.
    """
    return [photo for photo in _read_photos(jsonl, split) if photo.captions]


def read_labelled(data: Path, split: Split) -> list[CaptionedPhoto]:
    """The photos of one split below ``data/photos`` that have names instead of captions."""
    return [photo for jsonl in _photo_files(data) for photo in _read_photos(jsonl, split) if not photo.captions]


def _read_photos(jsonl: Path, split: Split) -> Iterator[CaptionedPhoto]:
    for number, line in enumerate(read_lines(jsonl), start=1):
        try:
            record = json.loads(line)
            name, of_split, captions = record["file"], record["split"], record["captions"]
            names = [*record.get("labels", ()), *([record["room"]] if "room" in record else ())]
        except (ValueError, KeyError, TypeError) as error:
            found = line.strip()[:80]
            raise DataError(f"{jsonl}:{number}: found {found!r}, expected file, split and captions") from error
        if of_split != split or "text" in record:
            continue
        path = jsonl.parent / name
        if not path.is_file():
            raise DataError(f"{jsonl}:{number}: the photo {path} is missing; restore it or remove the line")
        kept = tuple(text for text in map(normalise_caption, captions) if text)
        if not kept and not names:
            raise DataError(f"{jsonl}:{number}: no caption that isn't empty and no label; add one or remove the line")
        yield CaptionedPhoto(path=path, captions=kept, names=tuple(names), source=record.get("source"))


def read_split(data: Path, split: Split) -> list[CaptionedPhoto]:
    """The captioned photos of one split of every collection below ``data/photos``."""
    return [photo for jsonl in _photo_files(data) for photo in read_photos(jsonl, split)]


def read_collections(data: Path, split: Split) -> dict[str, list[CaptionedPhoto]]:
    """The photos of one split, captioned and labelled, of each collection below ``data/photos`` that has any."""
    return {jsonl.stem: photos for jsonl in _photo_files(data) if (photos := list(_read_photos(jsonl, split)))}


def _photo_files(data: Path) -> list[Path]:
    files = sorted((data / "photos").glob("*.jsonl"))
    if not files:
        raise DataError(f"no photos/*.jsonl below {data}; --data wants the layout of export/training/README.md")
    return files


def read_paraphrases(data: Path) -> list[tuple[str, ...]]:
    """Lists of captions of one photo each, without any that share a caption with a ``dev`` photo.

    Flickr30k contains Flickr8k, so a list can belong to a photo that is evaluated on. A list that shares two captions
    with an earlier one is the same photo's, and left out.
    """
    held_out, read = _dev_keys(data), set[str]()
    lists = []
    files = [*(data / "captions").glob("*-paraphrases.jsonl.gz"), *(data / "captions").glob("*-lists.jsonl.gz")]
    photos = (photo.captions for photo in read_split(data, "train"))
    written = (json.loads(line) for path in sorted(files) for line in read_lines(path))
    for texts in itertools.chain(photos, written):
        captions = tuple(text for text in map(normalise_caption, texts) if text)
        keys = {caption_key(text) for text in captions}
        if len(captions) > 1 and not keys & held_out and len(keys & read) < 2:
            lists.append(captions)
        read |= keys
    return lists


def read_general_text(data: Path) -> list[str]:
    """Single captions, glosses, examples and lemmas: words beyond those of the caption lists."""
    held_out = _dev_keys(data)
    texts = [normalise_caption(line) for line in read_lines(data / "captions" / "coco-single.txt.gz")]
    texts = [text for text in texts if text and caption_key(text) not in held_out]
    for synset in read_synsets(data):
        texts.append(", ".join(synset.lemmas))
        texts.append(f"{synset.lemmas[0]}: {synset.gloss}")
        texts.extend(synset.examples)
    return texts


def read_synsets(data: Path) -> list[Synset]:
    """A WordNet's synsets, lemmas with spaces."""
    records = map(json.loads, read_lines(data / "captions" / "wordnet-glosses.jsonl.gz"))
    return [
        Synset(
            lemmas=tuple(lemma.replace("_", " ") for lemma in record["lemmas"]),
            gloss=record["gloss"],
            examples=tuple(record["examples"]),
            file=record["file"],
        )
        for record in records
    ]


def read_relatedness(data: Path) -> list[SentencePair]:
    """The pairs of SICK's test set (Marelli et al. 2014)."""
    rows = (line.split("\t") for line in read_lines(data / "captions" / "sick-test.tsv.gz"))
    next(rows)
    return [SentencePair(first=row[1], second=row[2], relatedness=float(row[3])) for row in rows]


def _dev_keys(data: Path) -> frozenset[str]:
    return frozenset(caption_key(text) for photo in read_split(data, "dev") for text in photo.captions)


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text, packed by gzip or not, but for empty ones; raises DataError where it isn't there."""
    if not path.is_file():
        raise DataError(f"{path} is missing; --data wants the layout of export/training/README.md")
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as packed:
            yield from (line for line in packed if line.strip())
    else:
        with path.open(encoding="utf-8") as plain:
            yield from (line for line in plain if line.strip())
