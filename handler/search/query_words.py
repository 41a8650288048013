"""The wording of a question: which words and phrases are looked up in the photos' texts, and what each counts.

Knows words; knows nothing of photos. A text in quotation marks is a phrase that must be there. Of a run in a script
that is written without spaces two characters each are looked up, as Lucene's CJKAnalyzer does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from handler.bundle.words.tokens import Token, is_unspaced, tokens
from handler.bundle.words.words_file import Phrase

Rank: TypeAlias = Callable[[str], int | None]
"""The place of a word among those that are known, those that are used most first; None for one that isn't known."""

_QUOTED = re.compile('"([^"]*)"|\u201c([^\u201d]*)\u201d|\u201e([^\u201c]*)\u201c|\u00ab([^\u00bb]*)\u00bb')
_USUAL = 50
"""So many places the words are all used about equally often."""
_LAST = 14_000
_UNSPACED_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A word, or two characters of a script without spaces: what is looked up as one.

    Attributes:
        phrase: Its terms, which follow each other.
        weight: How much it tells in the language at large, above 0, 1 for a word that is hardly ever used.
    """

    phrase: Phrase
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of a text that is asked.

    Attributes:
        units: What is looked up, each once.
        whole: All of its terms, in order.
        quoted: The phrases in quotation marks.
    """

    units: tuple[Unit, ...]
    whole: Phrase
    quoted: tuple[Phrase, ...]

    @classmethod
    def of(cls, text: str, rank: Rank) -> Wording:
        """The wording of a query."""
        found = tokens(text)
        phrases = dict.fromkeys(_phrases(found))
        quoted = (tuple(token.text for token in tokens("".join(filter(None, q)))) for q in _QUOTED.findall(text))
        return cls(
            units=tuple(Unit(phrase=phrase, weight=_weight(phrase, rank)) for phrase in phrases),
            whole=tuple(token.text for token in found),
            quoted=tuple(phrase for phrase in quoted if phrase),
        )


def unquoted(text: str) -> str:
    """A query without the quotation marks around its phrases.

    Example: 'a sign that says "hand soap"' -> "a sign that says hand soap"
    """
    return _QUOTED.sub(lambda match: next(filter(None, match.groups()), ""), text)


def _phrases(found: Sequence[Token]) -> Iterator[Phrase]:
    """Words, and of characters that follow each other without a space each two neighbours.

    Example: "dog 夕焼け" -> ("dog",), ("夕", "焼"), ("焼", "け")
    """
    run: list[str] = []
    for place, token in enumerate(found):
        after = found[place + 1] if place + 1 < len(found) else None
        if not is_unspaced(token.text):
            yield (token.text,)
            continue
        run.append(token.text)
        if after is None or not is_unspaced(after.text) or after.start != token.end:
            yield from pairwise(run) if len(run) > 1 else [(token.text,)]
            run = []


def _weight(phrase: Phrase, rank: Rank) -> float:
    """How much a word tells: it rises with the logarithm of its rank, as its information does (Zipf 1949)."""
    if len(phrase) > 1 or is_unspaced(phrase[0]):
        return _UNSPACED_WEIGHT
    place = rank(phrase[0])
    return 1.0 if place is None else min(1.0, math.log1p((1 + place) / _USUAL) / math.log1p(_LAST / _USUAL))
