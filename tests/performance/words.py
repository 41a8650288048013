"""Words: whether a word that only one photo has finds it first, by where it stands.

Two collections are indexed as a user's are. The photos with text are those of reading.jsonl, whose text is read; a word
is asked that stands in the transcription of one of them alone. Of the `dev` photos of Flickr8k some get a name, a
keyword and a corrected caption, each with a noun that nobody else has.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from export.gallery.indexing import index_photos
from export.library.library import Library
from export.models.model_set import shipped_models
from export.progress import Progress
from export.training.data.corpus import read_synsets
from export.understanding.text.rapid_text_reader import RapidTextReaderSource
from handler.bundle.words.tokens import tokens
from handler.search.query import Mode, Query
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.performance.report import ROOT, Table

DATA = Path(os.environ.get("THINLENS_SHARED", ROOT.parent / "shared")) / "data"
FLICKR = 1_000
NAMED = 200
SHORTEST = 3
XP_KEYWORDS = 0x9C9E

Asked = Mapping[str, str]
"""Words, and the id of the one photo that has each."""


def measure(folder: Path) -> Table:
    """Index both collections, and ask every word."""
    scenes = _scenes(folder / "scenes")
    rows = [
        *_rows("text in the photo", *_reading(folder / "reading")),
        *(row for where, asked in scenes.items() for row in _rows(where, folder / "scenes", asked)),
    ]
    return Table(
        title="Words",
        how=(
            f"The {len(list(_transcribed()))} photos of reading.jsonl, whose text is read, and the words of {SHORTEST} "
            f"letters or digits and more that stand in the transcription of one of them alone; {FLICKR:,} `dev` photos "
            f"of Flickr8k, of which {NAMED} each have a noun in their name, in a keyword and in a corrected caption "
            "that no other has. Shares of the words that find their photo first, and anywhere; by meaning alone for "
            "comparison."
        ),
        header=("where the word stands", "words", "mode", "found first", "found"),
        rows=rows,
    )


def _rows(where: str, folder: Path, asked: Asked) -> Iterator[tuple[str, ...]]:
    searcher = Searcher(open_bundle(folder / "out" / "bundle"))
    modes: Sequence[Mode] = ("all", "meaning")
    for mode in modes:
        found = [
            [result["id"] for result in searcher.search(Query(texts=(word,), mode=mode), k=100)["results"]]
            for word in asked
        ]
        first = [bool(ids) and ids[0] == photo for ids, photo in zip(found, asked.values(), strict=True)]
        there = [photo in ids for ids, photo in zip(found, asked.values(), strict=True)]
        yield where, f"{len(asked)}", mode, f"{sum(first) / len(asked):.1%}", f"{sum(there) / len(asked):.1%}"


def _transcribed() -> Iterator[tuple[Path, str]]:
    """The photos with text, and what stands in each."""
    for line in (DATA / "photos/reading.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        yield DATA / "photos" / record["file"], " ".join(record["text"])


def _reading(folder: Path) -> tuple[Path, Asked]:
    (folder / "photos").mkdir(parents=True)
    words: dict[str, set[str]] = {}
    for number, (path, text) in enumerate(_transcribed()):
        name = f"{number:04}{path.suffix}"
        shutil.copyfile(path, folder / "photos" / name)
        words[name] = {token.text for token in tokens(text) if len(token.text) >= SHORTEST}
    _index(folder, read_text=True)
    counts = Counter(word for of_photo in words.values() for word in of_photo)
    return folder, {word: name for name, of in words.items() for word in sorted(of) if counts[word] == 1}


def _scenes(folder: Path) -> dict[str, Asked]:
    """Index photos of which some have nouns in several places: the nouns and their photos, by where they stand."""
    (folder / "photos").mkdir(parents=True)
    nouns = _nouns(3 * NAMED)
    named, keyworded, captioned = (nouns[start::3] for start in range(3))
    asked: dict[str, dict[str, str]] = {"name of the file": {}, "keyword": {}, "corrected caption": {}}
    lines = (DATA / "photos/flickr8k.jsonl").read_text(encoding="utf-8").splitlines()
    paths = [DATA / "photos" / record["file"] for record in map(json.loads, lines) if record["split"] == "dev"]
    for number, path in enumerate(paths[:FLICKR]):
        name = f"{named[number]}{number:04}.jpg" if number < NAMED else f"IMG_{number:04}.jpg"
        if number < NAMED:
            asked["name of the file"][named[number]] = name
        if NAMED <= number < 2 * NAMED:
            _with_keyword(path, folder / "photos" / name, keyworded[number - NAMED])
            asked["keyword"][keyworded[number - NAMED]] = name
        else:
            shutil.copyfile(path, folder / "photos" / name)
        if 2 * NAMED <= number < 3 * NAMED:
            asked["corrected caption"][captioned[number - 2 * NAMED]] = name
    _index(folder)
    with Library.open(folder / "out") as library:
        for noun, name in asked["corrected caption"].items():
            library.photos.edit(name, f"this is a {noun}")
    _index(folder)
    return dict(asked)


def _nouns(count: int) -> list[str]:
    """Words of WordNet, spread over its whole alphabet, that are longer than three letters."""
    lemmas = sorted({lemma for synset in read_synsets(DATA) for lemma in synset.lemmas})
    words = [word for word in lemmas if word.isalpha() and word.isascii() and word.islower() and len(word) > SHORTEST]
    return words[:: len(words) // count][:count]


def _with_keyword(source: Path, target: Path, keyword: str) -> None:
    """A photo with a keyword as Windows writes it."""
    with Image.open(source) as image:
        exif = image.getexif()
        exif[XP_KEYWORDS] = f"{keyword}\0".encode("utf-16-le")
        image.save(target, "JPEG", quality="keep", exif=exif)


def _index(folder: Path, *, read_text: bool = False) -> None:
    index_photos(
        folder / "photos",
        folder / "out",
        models=shipped_models(),
        text_reader=RapidTextReaderSource.open() if read_text else None,
        progress=Progress(),
    )
