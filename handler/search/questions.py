"""Questions: what a query asks for becomes what photos are ranked by, its vectors and the hits of its words.

Knows the encoder and words; knows nothing of how photos are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from handler.bundle.bundle import Bundle
from handler.bundle.photos.columns import term
from handler.bundle.photos.segments import Mask
from handler.bundle.relevance import Curve, QueryKind, kind_of_query
from handler.search.blending import Question
from handler.search.filters import Filters
from handler.search.pictures.closeness import curve_by_closeness
from handler.search.pictures.picture_query import PictureQuery
from handler.search.pictures.vision import Vision
from handler.search.query import Query
from handler.search.query_words import Wording, unquoted
from handler.search.ranking import Sought
from handler.search.word_hits import WordSearch


class Questions:
    """Questions to one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._words = WordSearch(bundle)
        self._weights = np.array(bundle.manifest.calibration.weights, dtype=np.float32)

    def of(self, query: Query, filters: Filters) -> Question:
        """What photos are ranked by; raises QueryError where a filter can't be heeded."""
        allowed = filters.mask(self._bundle.photos)
        kind = kind_of_query(max(map(self._meant, query.texts), key=_word_count))
        if query.mode == "meaning" or self._bundle.words is None:
            return self._by_meaning(query, Question(kind=kind, allowed=allowed))
        wordings = tuple(Wording.of(text, self._bundle.encoder.rank) for text in query.texts)
        words_alone = query.mode == "words"
        for mask in (self._words.with_phrases(wordings), self._said_of_others(query, words_alone=words_alone)):
            if mask is not None:
                allowed = mask if allowed is None else allowed & mask
        hits = self._words.hits(wordings, query.shares, words_alone=words_alone)
        question = Question(kind=kind, hits=hits, allowed=allowed, wordings=wordings)
        return question if words_alone else self._by_meaning(query, question)

    def beside_picture(self, asked: PictureQuery, vision: Vision, filters: Filters) -> Question:
        """What is like a picture, and fits texts if there are some.

        Beside a picture, texts count by what they mean. Where the encoder knows no word of them, or they are asked for
        by words alone, they say which photos may be answered: those in which the words stand.

        Raises:
            QueryError: Where a filter can't be heeded.
            PictureError: Where the picture has another size than it should have.
        """
        query = asked.query
        question = self.of(query, filters) if query.texts else self._of_no_text(query, filters)
        texts, allowed = question.sought, question.allowed
        if query.texts and texts is None:
            with_words = np.zeros(len(self._bundle.photos), dtype=bool)
            with_words[question.hits.numbers] = True
            allowed = with_words if allowed is None else allowed & with_words
        curve = vision.description.curve or self._curve_of_pictures
        sought = asked.sought(vision, texts, curve, self._bundle.manifest.calibration, self._unwanted(query))
        return Question(kind=question.kind, sought=sought, allowed=allowed)

    @cached_property
    def _curve_of_pictures(self) -> Curve:
        """Where nobody has fitted one."""
        return curve_by_closeness(self._bundle) or self._bundle.manifest.calibration.sentence

    def _of_no_text(self, query: Query, filters: Filters) -> Question:
        """The question of a query that says no more than what photos should not show."""
        allowed = filters.mask(self._bundle.photos)
        if query.mode == "meaning" or self._bundle.words is None:
            return Question(allowed=allowed)
        others = self._said_of_others(query, words_alone=query.mode == "words")
        return Question(allowed=others if allowed is None else allowed if others is None else allowed & others)

    def _by_meaning(self, query: Query, question: Question) -> Question:
        """The same question with what photos should show, if the encoder knows a word of each text."""
        if all(self._bundle.encoder.knows(self._meant(text)) for text in query.texts):
            return replace(question, sought=self._encoded(query, question.kind))
        said = self._said_by_people(query)
        if said is None:
            return question
        allowed = said if question.allowed is None else said & question.allowed
        return replace(question, sought=self._encoded(query, question.kind), allowed=allowed)

    def _meant(self, text: str) -> str:
        """A query in the form that is encoded."""
        return self._bundle.encoder.canonical(unquoted(text)) or self._bundle.encoder.canonical(text)

    def _said_of_others(self, query: Query, *, words_alone: bool) -> Mask | None:
        """The photos that aren't relevant by words to what is to be left out, bool [photos]; None for all."""
        if not query.without:
            return None
        mask = np.ones(len(self._bundle.photos), dtype=bool)
        for text in query.without:
            hits = self._words.hits([Wording.of(text, self._bundle.encoder.rank)], [1.0], words_alone=words_alone)
            threshold = self._bundle.manifest.calibration.curve(kind_of_query(self._meant(text))).threshold
            mask[hits.numbers[hits.relevances >= threshold]] = False
        return mask

    def _said_by_people(self, query: Query) -> Mask | None:
        """In a bundle without words, the photos of which people wrote the only text of a query, word for word.

        The vectors of texts in scripts that the encoder never saw are all alike, so these photos alone may be answered.
        """
        if len(query.texts) > 1 or self._bundle.words is not None:
            return None
        mask = self._bundle.photos.with_term(term("caption", query.texts[0]))
        return mask if len(self._bundle.photos.present(mask)) else None

    def _encoded(self, query: Query, kind: QueryKind) -> Sought:
        texts = [self._meant(text) for text in query.texts]
        shares = np.array(query.shares, dtype=np.float32)
        asked, said = self._vectors(texts)
        return Sought(texts=said, direction=shares @ asked, kind=kind, without=self._unwanted(query))

    def _unwanted(self, query: Query) -> tuple[Sought, ...]:
        """What no photo should be relevant to."""
        unwanted = [text for text in map(self._meant, query.without) if self._bundle.encoder.knows(text)]
        if not unwanted:
            return ()
        return tuple(
            Sought(texts=said[np.newaxis], direction=asked, kind=kind_of_query(text))
            for text, asked, said in zip(unwanted, *self._vectors(unwanted), strict=True)
        )

    def _vectors(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of texts as they are asked, and as captions that say the same: float32 [n, dim] each."""
        encoder = self._bundle.encoder
        asked = encoder.encode_queries(texts)
        return asked, encoder.encode(texts) if encoder.configuration.tells_queries_apart else asked

    def like(self, number: int, filters: Filters) -> Question:
        """What is like the photo of a number; raises QueryError where a filter can't be heeded."""
        fused = self._weights @ self._bundle.photos.views(np.array([number]))[0]
        norm = float(np.linalg.norm(fused))
        sought = None
        if norm > 0.0:
            direction = fused / np.float32(norm)
            sought = Sought(texts=direction[np.newaxis], direction=direction)
        return Question(sought=sought, allowed=filters.mask(self._bundle.photos))


def _word_count(text: str) -> int:
    return len(text.split())
