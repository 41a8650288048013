"""Names of things: what a WordNet, ImageNet's classes and labelled photos call them, specific and general.

It knows words and files, nothing of photos or models. A name's general word is the head of its gloss, as dictionaries
define a thing by genus and difference: "chair: a seat for one person" makes a chair a seat.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from export.errors import DataError
from export.training.data.corpus import CaptionedPhoto, read_labelled, read_lines, read_synsets
from export.understanding.naming import with_article

CLASSES = 1_000

_CONCRETE = frozenset(f"noun.{kind}" for kind in "animal artifact body food object person phenomenon plant".split())
_FEWEST_USES = 3
_WORD = re.compile(r"[a-z]+")
_IN_BRACKETS = re.compile(r"\([^)]*\)")
_DETERMINER = re.compile(
    r"^(?:an?|the|any|some|one|either|several|various|numerous|of|kind|type|breed|variety|members?) "
)
_DIFFERENCE = re.compile(
    r"[,;:.]| (?:that|which|who|whose|with|for|of|used|having|in|on|at|to|from|made|consisting|or|and|by|as|worn)\b"
)
_IRREGULAR = {
    "man": "men", "woman": "women", "child": "children", "person": "people", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "sheep": "sheep", "fish": "fish", "deer": "deer", "knife": "knives",
    "leaf": "leaves", "loaf": "loaves", "shelf": "shelves", "wolf": "wolves", "calf": "calves", "scarf": "scarves",
}  # fmt: skip


def plural(name: str) -> str:
    """The name of several: ``"box with lid"`` -> ``"boxes with lid"``."""
    head, *rest = re.split(r"(?= (?:with|of|for|in|on|and|or) )", name, maxsplit=1)
    before, _, last = head.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif re.search(r"(?:s|x|z|ch|sh)$", last):
        last += "" if last.endswith("s") and not last.endswith("ss") else "es"
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join(part for part in (before, last) if part) + "".join(rest)


def general_name(gloss: str) -> str | None:
    """What a gloss says that a thing is, without what sets it apart; None where it says nothing.

    Example: ``"a seat for one person, with a support for the back"`` -> ``"seat"``
    """
    text = _IN_BRACKETS.sub(" ", gloss.lower())
    text = " ".join(text.split()) + " "
    while (stripped := _DETERMINER.sub("", text, count=1)) != text:
        text = stripped
    head = _DIFFERENCE.split(text, maxsplit=1)[0].split()
    said = bool(head) and len(head[-1]) > 2 and head[-1].isalpha() and not re.search(r"(?:ly|ed)$", head[-1])
    return head[-1] if said else None


def read_name_lists(data: Path) -> list[tuple[str, ...]]:
    """Texts that mean one thing: its names, one and several, what it is, and its gloss.

    Of a WordNet's concrete nouns only those that its own glosses or the labels of photos use are taken; the rest
    nobody asks for.

    Raises:
        DataError: There are none.
    """
    synsets = read_synsets(data)
    labelled = read_labelled(data, "train")
    labels = {name for photo in labelled for name in photo.names}
    known = labels | set(read_class_names(data))
    uses = Counter(word for synset in synsets for word in set(_WORD.findall(synset.gloss.lower())))
    lists = [
        _texts(synset.lemmas, general_name(synset.gloss), synset.gloss)
        for synset in synsets
        if synset.file in _CONCRETE and any(uses[lemma] >= _FEWEST_USES or lemma in known for lemma in synset.lemmas)
    ]
    general = {photo.names for photo in labelled if is_one_thing(photo) and len(photo.names) == 2}
    lists.extend(_texts((specific,), kind, None) for specific, kind in sorted(general))
    in_wordnet = {lemma for synset in synsets for lemma in synset.lemmas}
    lists.extend(_texts((name,), None, None) for name in sorted(known - in_wordnet))
    if not lists:
        raise DataError("captions/wordnet-glosses.jsonl.gz has no concrete noun that its own glosses use three times")
    return lists


def is_one_thing(photo: CaptionedPhoto) -> bool:
    """Whether the names of a labelled photo are of one thing, the most specific first, and not of several things."""
    return len(photo.names) == 1 or photo.source in _SPECIFIC_FIRST


def read_class_names(data: Path) -> tuple[str, ...]:
    """ImageNet's classes in English, in the order of its classifiers; none where the corpus doesn't name them.

    Raises:
        DataError: They are not a thousand.
    """
    path = data / "texts" / "imagenet-names.tsv.gz"
    if not path.is_file():
        return ()
    names = dict(_UNTRANSLATED)
    for line in read_lines(path):
        synset, english, *_ = line.split("\t")
        names.setdefault(synset, english)
    for jsonl in sorted((data / "photos").glob("*.jsonl")):
        for record in map(json.loads, read_lines(jsonl)):
            if "synset" in record:
                names.setdefault(record["synset"], record["labels"][0])
    if len(names) != CLASSES:
        raise DataError(f"{path} and the labels of photos name {len(names)} of ImageNet's classes, expected {CLASSES}")
    return tuple(names[synset] for synset in sorted(names))


_UNTRANSLATED = {"n01768244": "trilobite", "n01871265": "tusker"}
"""The classes of which neither a translation nor a photo is in the corpus."""

_SPECIFIC_FIRST = frozenset({"imagenet1000", "grocery"})
"""Sources whose photos have one thing with two names; elsewhere two labels are two things."""


def _texts(lemmas: Sequence[str], kind: str | None, gloss: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_all_texts(lemmas, kind, gloss)))


def _all_texts(lemmas: Iterable[str], kind: str | None, gloss: str | None) -> Iterator[str]:
    for lemma in lemmas:
        yield from (lemma, with_article(lemma), plural(lemma))
    if kind:
        yield from (kind, with_article(kind), plural(kind))
    if gloss:
        yield gloss
