"""Hits by words: the photos in whose texts the words of a question stand, and how relevant each is by that alone.

Knows words and fields; knows nothing of vectors. A photo's relevance is how sure its fields are, times the square of
the share of the question's words that stand there, each by what it tells: by its rank in the language, or in this
collection, whichever is less (Spärck Jones 1972).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.numbers import are_among
from handler.bundle.photos.segments import Mask
from handler.bundle.words.photo_texts import FIELDS, Field
from handler.bundle.words.words import Standing, as_terms
from handler.bundle.words.words_file import Lookup
from handler.search.query_words import Unit, Wording

SURE: dict[Field, float] = {"edited": 1.0, "column": 0.95, "name": 0.9, "text": 0.9, "caption": 0.4}
"""How surely a photo is meant by a word that stands in one of its texts."""

_TELLING = 0.25
"""A word of less weight isn't looked up beside others."""
_RARE = 0.5
"""A word of less weight isn't looked up in what captioners say: the vectors know it better."""
_MOST_ROWS = 1 << 14
_MOST_SAID = 1 << 10
"""A word that stands in more texts of a segment, of people's and of captioners', tells too little."""
_STEPS = 20
_LEAST = 0.2

_SAID = FIELDS.index("caption")
_SURE = np.array([SURE[field] for field in FIELDS], dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordHits:
    """Photos by the words in their texts: their numbers, int64 [n], rising, and relevances, float32 [n], above 0.

    Relevances are multiples of a twentieth, so that those that words can't tell apart are ranked by what they show.
    """

    numbers: NDArray[np.int64]
    relevances: NDArray[np.float32]

    @classmethod
    def none(cls) -> Self:
        return cls(numbers=np.empty(0, np.int64), relevances=np.empty(0, np.float32))

    def classes(self) -> Iterator[tuple[float, NDArray[np.int64]]]:
        """Each relevance that occurs, the highest first, and the photos that have it."""
        for step in range(_STEPS, 0, -1):
            numbers = self.numbers[self.relevances == np.float32(step / _STEPS)]
            if len(numbers):
                yield step / _STEPS, numbers

    def of(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """The relevances of some photos, float32 [n]; 0 for those that aren't among them."""
        if not len(self.numbers):
            return np.zeros(len(numbers), np.float32)
        places = np.minimum(np.searchsorted(self.numbers, numbers), len(self.numbers) - 1)
        return np.where(self.numbers[places] == numbers, self.relevances[places], np.float32(0.0))


class WordSearch:
    """Finds photos by the words of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._count = max(2, bundle.manifest.counts.photos)

    def hits(self, wordings: Sequence[Wording], shares: Sequence[float], *, words_alone: bool = False) -> WordHits:
        """The photos by the words of texts that should all fit.

        Args:
            wordings: At least one.
            shares: How much each counts, of a sum of 1.
            words_alone: Whether nothing else finds photos, so that every word is looked up everywhere.
        """
        if self._bundle.words is None:
            return WordHits.none()
        found = [self._hits(wording, words_alone=words_alone) for wording in wordings]
        numbers = _union([hits.numbers for hits in found])
        relevances = sum(
            (np.float32(share) * hits.of(numbers) for hits, share in zip(found, shares, strict=True)),
            start=np.zeros(len(numbers), np.float32),
        )
        steps = np.floor(relevances * np.float32(_STEPS) + np.float32(1e-4))
        enough = steps >= _LEAST * _STEPS
        return WordHits(numbers=numbers[enough], relevances=(steps[enough] / _STEPS).astype(np.float32))

    def with_phrases(self, wordings: Sequence[Wording]) -> Mask | None:
        """Which photos have all phrases in quotation marks in some text, bool [photos]; None where there is none."""
        quoted = [phrase for wording in wordings for phrase in wording.quoted]
        if not quoted or self._bundle.words is None:
            return None
        mask = np.ones(len(self._bundle.photos), dtype=bool)
        said = [as_terms(phrase, "caption") for phrase in quoted]
        standings = self._bundle.words.find([Lookup(phrase) for phrase in (*quoted, *said)])
        for pair in zip(standings[: len(quoted)], standings[len(quoted) :], strict=True):
            has_it = np.zeros(len(mask), dtype=bool)
            for standing in filter(None, pair):
                has_it[standing.numbers] = True
            mask &= has_it
        return mask

    def _hits(self, wording: Wording, *, words_alone: bool) -> WordHits:
        """The photos by the words of one text, with relevances that aren't rounded."""
        found = self._found(wording, words_alone=words_alone)
        numbers = _union([standing.numbers for standing in found.values()])
        if not len(numbers):
            return WordHits.none()
        weights = {unit: self._weight(unit, standing) for unit, standing in found.items()}
        share = np.zeros(len(numbers), np.float32)
        sure = np.zeros_like(share)
        for unit, standing in found.items():
            surest = np.zeros_like(share)
            rising = np.argsort(_SURE[standing.fields], kind="stable")  # of several of one photo the last one stays
            surest[np.searchsorted(numbers, standing.numbers[rising])] = _SURE[standing.fields[rising]]
            share += np.float32(weights[unit]) * (surest > 0)
            sure += np.float32(weights[unit]) * surest
        relevances = sure / np.maximum(share, np.float32(1e-9)) * np.square(share / np.float32(sum(weights.values())))
        in_order = np.zeros(len(numbers), dtype=bool)
        for standing in self._in_order(wording, found):
            in_order |= are_among(numbers, standing.numbers)
        return WordHits(numbers=numbers, relevances=np.where(in_order, (1 + relevances) / 2, relevances))

    def _found(self, wording: Wording, *, words_alone: bool) -> dict[Unit, Standing]:
        """Where each unit stands that is looked up and doesn't stand nearly everywhere, if it stands anywhere."""
        words = self._bundle.words
        if words is None or not wording.units:
            return {}
        units = [unit for unit in wording.units if words_alone or unit.weight >= _TELLING] or list(wording.units)
        said_of = [unit for unit in units if words_alone or unit.weight >= _RARE]
        standings = words.find(
            [
                *(Lookup(unit.phrase, None if words_alone else _MOST_ROWS) for unit in units),
                *(Lookup(as_terms(unit.phrase, "caption"), None if words_alone else _MOST_SAID) for unit in said_of),
            ]
        )
        by_people, said = standings[: len(units)], standings[len(units) :]
        if all(standing is None for standing in by_people):
            by_people = words.find([Lookup(unit.phrase) for unit in units])
        found = {unit: standing for unit, standing in zip(units, by_people, strict=True) if standing is not None}
        for unit, standing in zip(said_of, said, strict=True):
            if standing is not None:
                found[unit] = found[unit].and_then(standing) if unit in found else standing
        return found

    def _weight(self, unit: Unit, standing: Standing) -> float:
        """What a unit tells: less than in the language at large where many photos of this collection have it."""
        if not len(standing.numbers):
            return unit.weight
        of_collection = math.log(self._count / min(len(standing.numbers), self._count - 1)) / math.log(self._count)
        return max(1e-3, min(unit.weight, of_collection))

    def _in_order(self, wording: Wording, found: dict[Unit, Standing]) -> list[Standing]:
        """Where all words follow each other in one text as asked; half of what is missing to 1 is given for it.

        That is told only of words all of which were looked up.
        """
        words = self._bundle.words
        if (
            words is None
            or len(wording.whole) < 2
            or any(unit not in found or not len(found[unit].numbers) for unit in wording.units)
        ):
            return []
        whole = [Lookup(wording.whole), Lookup(as_terms(wording.whole, "caption"))]
        were_said = all(_SAID in standing.fields for standing in found.values())
        return [standing for standing in words.find(whole if were_said else whole[:1]) if standing is not None]


def _union(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """All numbers of some arrays, each once, rising."""
    numbers = np.sort(np.concatenate([np.empty(0, np.int64), *parts]))
    is_first = np.ones(len(numbers), dtype=bool)
    is_first[1:] = numbers[1:] != numbers[:-1]
    return numbers[is_first]
