"""Matching: which text of a photo explains that words found it, and where in it they stand.

Knows one record and the words of a question; knows nothing of how the photo was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handler.bundle.photos.catalogue import PhotoRecord
from handler.bundle.words.photo_texts import Field, field_texts
from handler.bundle.words.tokens import Token
from handler.bundle.words.words_file import Phrase
from handler.search.query_words import Wording
from handler.search.word_hits import SURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A text of a photo in which words of a question stand.

    Attributes:
        field: To which it belongs.
        text: The text: a caption, a name, a line.
        marks: From which character to before which each word stands, rising, none of them within another.
    """

    field: Field
    text: str
    marks: tuple[tuple[int, int], ...]


def best_match(record: PhotoRecord, wordings: Sequence[Wording]) -> Match | None:
    """The text of a photo in which most of a question's words stand, by what they tell and how sure the field is."""
    best, most = None, 0.0
    weights = {unit.phrase: unit.weight for wording in wordings for unit in wording.units}
    for text in field_texts(record):
        tokens = text.tokens()
        places = {phrase: list(_places(phrase, tokens)) for phrase in weights}
        worth = SURE[text.field] * sum(weights[phrase] for phrase, found in places.items() if found)
        if worth > most:
            marks = _joined(mark for found in places.values() for mark in found)
            best, most = Match(field=text.field, text=text.text, marks=marks), worth
    return best


def _places(phrase: Phrase, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Where the terms of a phrase follow each other."""
    for place in range(len(tokens) - len(phrase) + 1):
        found = tokens[place : place + len(phrase)]
        if all(token.text == term for token, term in zip(found, phrase, strict=True)):
            yield found[0].start, found[-1].end


def _joined(marks: Iterator[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Marks in their order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
