"""Spelling: the known word that is closest to one that nobody knows.

Knows words; knows nothing of photos. It is asked only where a query found nothing, so a rare word that is
right is never taken for another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from handler.bundle.encoder import TextEncoder
from handler.search.query import Query

SHORTEST = 4
_LONG = 6
_WORD = re.compile(r"[^\W\d_]+")
_DOUBLED = re.compile(r"(.)\1")


class Vocabulary(Protocol):
    """What is known of words, as ``TextEncoder`` has it."""

    @property
    def words(self) -> Sequence[str]: ...

    def is_word(self, word: str) -> bool: ...


def corrected(text: str, vocabulary: Vocabulary) -> str | None:
    """The text with the closest known word in the place of each unknown one; None where there is nothing to correct.

    Args:
        text: In the encoder's canonical form.
        vocabulary: Knows words, those that are used most first.

    Example:
        "an elefant" -> "an elephant"
    """

    def better(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) < SHORTEST or vocabulary.is_word(word):
            return word
        return closest_word(word, vocabulary.words) or word

    spelt = _WORD.sub(better, text)
    return spelt if spelt != text else None


def respelt(query: Query, encoder: TextEncoder) -> Query | None:
    """The query with known words in the place of unknown ones; None where all are known."""
    typed = tuple(map(encoder.canonical, query.texts))
    texts = tuple(corrected(text, encoder) or text for text in typed)
    return None if texts == typed else replace(query, texts=texts)


def closest_word(word: str, known: Sequence[str]) -> str | None:
    """The first of the known words that are closest to a word, if that is close enough.

    Close enough is one letter more, less, other or in its neighbour's place (Damerau 1964), and two in a word of six
    letters or more. Of those that are, one that is spelt after the same sounds is meant rather than any other:
    "elefant" is no "elegant".
    """
    most = 1 if len(word) < _LONG else 2
    near = [other for other in known if abs(len(other) - len(word)) <= most and len(other) >= SHORTEST]
    if not near:
        return None
    sound = _sound(word)
    close = [
        (_sound(other) != sound, int(distance), place)
        for place, (other, distance) in enumerate(zip(near, _distances(word, near), strict=True))
        if distance <= most
    ]
    return near[min(close)[-1]] if close else None


def _sound(word: str) -> str:
    """A word without what is spelt in two ways and heard in one.

    Example: "giraffe" -> "girafe"; "elephant" -> "elefant"
    """
    return _DOUBLED.sub(r"\1", word.replace("ph", "f").replace("ck", "k"))


def _distances(word: str, others: Sequence[str]) -> NDArray[np.int16]:
    """The edit distance of a word to each of others, where two neighbours that change places are one edit: int16 [n].

    It is the usual table, filled for all others at once.
    """
    longest = max(map(len, others))
    padded = "".join(other.ljust(longest, "\0") for other in others).encode("utf-32-le")
    letters = np.frombuffer(padded, dtype=np.uint32).reshape(len(others), longest).T.copy()
    rows = [np.tile(np.arange(longest + 1, dtype=np.int16)[:, np.newaxis], (1, len(others)))]
    for place, letter in enumerate(map(ord, word), start=1):
        above, row = rows[-1], np.full_like(rows[-1], place)
        for column in range(1, longest + 1):
            changed = above[column - 1] + (letters[column - 1] != letter)
            row[column] = np.minimum(np.minimum(above[column], row[column - 1]) + 1, changed)
            if place > 1 and column > 1:
                swapped = (letters[column - 2] == letter) & (letters[column - 1] == ord(word[place - 2]))
                row[column] = np.where(swapped, np.minimum(row[column], rows[-2][column - 2] + 1), row[column])
        rows.append(row)
    lengths = np.fromiter(map(len, others), dtype=np.int64, count=len(others))
    found: NDArray[np.int16] = rows[-1][lengths, np.arange(len(others))]
    return found
