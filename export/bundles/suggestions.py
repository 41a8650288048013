"""Suggestions: short queries that a collection answers, for whoever doesn't know what to ask of it.

It knows captions, and whether a query finds something; nothing of bundles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

MAX_SUGGESTIONS = 12
_MAX_WORDS = 3
_TRIED_AT_MOST = 60
# What is said of more photos than this tells them apart too little.
_TOO_COMMON = 0.5
# Between two of these words, or of these and punctuation, stands a phrase that may be searched for.
_STOP_WORDS = frozenset(
    "a about above across after against all along also among an and another any are around as at away back be because "
    "been before behind being below beneath beside between both but by can close did do does down each for four from "
    "front get gets goes has have having he her here high him his holding holds how i in inside into is it its just "
    "large little looking looks made many near next no not of off on one onto open or other others out outside over "
    "past people person photo picture image put several she shows side sits sitting small some something standing "
    "stands such than that the their them then there these they this those three through to together top toward "
    "towards two under up upon very wearing wears was way we were what where which while who with without you".split()
)


def suggest(captions: Iterable[str], finds: Callable[[str], bool], *, photos: int) -> tuple[str, ...]:
    """Choose phrases that many captions hold and that share no word, each of which finds something.

    Args:
        captions: One for each photo.
        finds: Whether a query is answered.
        photos: How many there are.

    Example: ["A dog on a beach", "Two dogs on the beach", "A red car"] -> ("beach", …)
    """
    counts = Counter(phrase for caption in captions for phrase in set(_phrases(caption)))
    # A longer phrase says more, but one of a single photo says little of the collection; at last the alphabet decides.
    frequent = sorted(counts, key=lambda phrase: (-(counts[phrase] - 0.5) * len(phrase.split()), phrase))
    chosen: list[str] = []
    used: set[str] = set()
    for phrase in [phrase for phrase in frequent if counts[phrase] <= max(1, _TOO_COMMON * photos)][:_TRIED_AT_MOST]:
        words = set(phrase.split())
        if used.isdisjoint(words) and finds(phrase):
            chosen.append(phrase)
            used |= words
        if len(chosen) == MAX_SUGGESTIONS:
            break
    return tuple(chosen)


def _phrases(caption: str) -> Iterator[str]:
    """Up to three words that follow each other, with no stop word among them.

    Example: "A black dog is on the beach." -> "black", "dog", "black dog", "beach"
    """
    run: list[str] = []
    for token in [*re.findall(r"[^\W\d_][\w'-]*|[^\w\s]", caption.casefold()), "."]:
        if token[0].isalpha() and token not in _STOP_WORDS:
            run.append(token)
        else:
            for length in range(1, _MAX_WORDS + 1):
                yield from (" ".join(run[start : start + length]) for start in range(len(run) - length + 1))
            run = []
