"""The instructions that the captioner learns, and the answers to each that people's captions hold.

It knows texts, nothing of tokens or photos. Four tasks share one decoder (multi-task instruction
tuning): any caption describes the photo; its subject and what that does make a short phrase; the
nouns that its captions name are what is in it; the part from the verb on is what is happening.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from export.training.data.corpus import Synset

DESCRIBE = "What does the image describe?"
BRIEFLY = "Describe the image in a few words."
NAME = "What is in the image?"
HAPPENING = "What is happening in the image?"
INSTRUCTIONS = (DESCRIBE, BRIEFLY, NAME, HAPPENING)

_MOST_THINGS = 6
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_DETERMINERS = frozenset("a an the some two three his her their".split())
_SEEN = frozenset("animal artifact body food object person plant".split())
_FEWEST_USES = 20
_NOUN_SHARE = 0.35
_BREAKS = frozenset("is are while who that which and , with in on at".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An instruction and a text that answers it."""

    instruction: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Words by what they can be, from a WordNet.

    Attributes:
        things: Nouns of what can be seen: animals, artefacts, people, plants, food, places.
        verbs: Verbs, in their base form.
    """

    things: frozenset[str]
    verbs: frozenset[str]

    def thing(self, word: str) -> str | None:
        """The noun of a singular or plural that names something to be seen; None for other words."""
        for base in (word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)):
            if base in self.things:
                return base
        return {"men": "man", "women": "woman", "children": "child", "people": "people"}.get(word)

    def is_doing(self, word: str) -> bool:
        """Whether a word is the -ing form of a verb."""
        if not word.endswith("ing") or word in self.things:
            return False
        stem = word[:-3]
        return any(base in self.verbs for base in (stem, stem + "e", stem[:-1], re.sub("y$", "ie", stem)))


def read_lexicon(synsets: Iterable[Synset], captions: Iterable[str]) -> Lexicon:
    """The nouns and verbs of a WordNet, as captions use them.

    Most nouns are verbs too. A word that can be both counts as a noun where captions put it behind a determiner or an
    adjective often enough ("a walk" is rare, "a watch" is rarer).

    Args:
        synsets: Lemmas with their lexicographer file, for instance ``noun.animal``.
        captions: In which uses are counted.
    """
    nouns, verbs, adjectives = set[str](), set[str](), set[str]()
    for synset in synsets:
        part, _, kind = synset.file.partition(".")
        if part == "noun" and kind in _SEEN:
            nouns.update(synset.lemmas)
        elif part in ("verb", "adj"):
            (verbs if part == "verb" else adjectives).update(synset.lemmas)
    uses, as_noun = Counter[str](), Counter[str]()
    for caption in captions:
        words = _WORD.findall(caption.lower())
        uses.update(words)
        pairs = itertools.pairwise(words)
        as_noun.update(word for first, word in pairs if first in _DETERMINERS or first in adjectives)
    return Lexicon(
        things=frozenset(
            noun
            for noun in nouns - adjectives
            if uses[noun] >= _FEWEST_USES and (noun not in verbs or as_noun[noun] >= _NOUN_SHARE * uses[noun])
        ),
        verbs=frozenset(verbs),
    )


def phrase(caption: str, lexicon: Lexicon) -> str | None:
    """Who or what, and what it does, at most six words.

    Example: ``"A brown dog is running through the grass"`` -> ``"a brown dog running"``
    """
    words = caption.lower().split()
    for place, word in enumerate(words):
        if lexicon.is_doing(word):
            subject = [part for part in words[:place] if part not in ("is", "are")]
            return " ".join([*subject, word]) if 2 <= len(subject) <= 5 and not _BREAKS & set(subject) else None
    return None


def noun_shares(captions: Sequence[str], lexicon: Lexicon) -> dict[str, float]:
    """The things that captions of one photo name, with the share of the captions that do, most named first."""
    named: Counter[str] = Counter()
    for caption in captions:
        named.update(list(dict.fromkeys(nouns(caption, lexicon))))
    return {noun: count / len(captions) for noun, count in named.most_common()}


def nouns(caption: str, lexicon: Lexicon) -> list[str]:
    """The things that a caption names, in its order, singular."""
    found = (lexicon.thing(word) for word in _WORD.findall(caption.lower()))
    return [noun for noun in found if noun]


def things(captions: Sequence[str], lexicon: Lexicon) -> str | None:
    """What the captions name, what most of them name first.

    Example: ``("A dog on the grass", "A brown dog")`` -> ``"dog, grass"``
    """
    shares = list(noun_shares(captions, lexicon).items())[:_MOST_THINGS]
    agreed = [noun for noun, share in shares if share * len(captions) > 1.5 or len(captions) < 3]
    return ", ".join(agreed) or None


def happening(caption: str, lexicon: Lexicon) -> str | None:
    """The caption from its first -ing form on, if something follows it.

    Example: ``"A brown dog is running through the grass"`` -> ``"running through the grass"``
    """
    words = caption.lower().split()
    for place, word in enumerate(words):
        if lexicon.is_doing(word):
            return " ".join(words[place:]) if len(words) - place > 1 else None
    return None


def choose_answer(
    captions: Sequence[str], lexicon: Lexicon, random: np.random.Generator, shares: Sequence[float]
) -> Answer:
    """One of the tasks and an answer to it; DESCRIBE where the captions hold no answer to the chosen one.

    Args:
        captions: What people wrote of one photo.
        lexicon: Tells nouns and verbs.
        random: Chooses.
        shares: How often each of ``INSTRUCTIONS`` is chosen; they sum to one.
    """
    instruction = str(random.choice(INSTRUCTIONS, p=shares))
    if instruction == NAME:
        found = [things(captions, lexicon)]
    elif instruction == DESCRIBE:
        found = list(captions)
    else:
        take: Callable[[str, Lexicon], str | None] = phrase if instruction == BRIEFLY else happening
        found = [take(caption, lexicon) for caption in captions]
    texts = [text for text in found if text]
    if not texts:
        instruction, texts = DESCRIBE, list(captions)
    return Answer(instruction=instruction, text=texts[int(random.integers(len(texts)))])
