"""The corpus of the encoder for many languages: which texts are to have which English text's vector.

It knows texts and how they are drawn, nothing of models. What is drawn for a step depends on nothing but the seed and
the step, so that a run that goes on reads what it would have read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.training.data.corpus import read_general_text, read_paraphrases
from export.training.data.translations import ENGLISH, Translation, read_names, read_nouns, read_sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Texts of a step: rows of ``LanguageCorpus.texts``, and of ``english`` for what each means; int64 [n] both."""

    texts: NDArray[np.int64]
    english: NDArray[np.int64]


class LanguageCorpus:
    """Sentences and nouns in many languages, and English.

    Attributes:
        english: Texts, each once, whose vectors the teacher says.
        texts: Texts, each once, that are learnt.
    """

    def __init__(self, data: Path, *, english_texts: int, flatten: float, seed: int) -> None:
        """Read it.

        Args:
            data: The corpus, laid out as corpus.py and translations.py say.
            english_texts: How many English captions, glosses and lemmas are taken beside the translations' originals.
            flatten: A language of n pairs is drawn in proportion to n ** flatten.
            seed: Of what is drawn.
        """
        self._seed, self._flatten = seed, flatten
        sentences, nouns = read_sentences(data), read_nouns(data) + read_names(data, "train")
        plain = [text for texts in read_paraphrases(data) for text in texts] + read_general_text(data)
        chosen = np.random.default_rng((seed, 0)).permutation(len(plain))[:english_texts]
        originals = dict.fromkeys(pair.english for pair in (*sentences, *nouns))
        same = [
            Translation(english=text, text=text, language=ENGLISH)
            for text in dict.fromkeys([*originals, *(plain[row] for row in chosen)])
        ]
        self.english = [pair.text for pair in same]
        self.texts = list(dict.fromkeys(pair.text for pair in (*sentences, *nouns, *same)))
        self._text_rows = {text: row for row, text in enumerate(self.texts)}
        self._english_rows = {text: row for row, text in enumerate(self.english)}
        self._pools = [self._pool(pairs) for pairs in (sentences, nouns, same)]

    def draw(self, step: int, sizes: Sequence[int]) -> Draw:
        """Texts of a step: so many sentences, nouns and English texts."""
        texts, english = [], []
        for number, ((pairs, places), size) in enumerate(zip(self._pools, sizes, strict=True), start=1):
            drawn = np.searchsorted(places, np.random.default_rng((self._seed, step, number)).random(size))
            texts.append(pairs[drawn, 0])
            english.append(pairs[drawn, 1])
        return Draw(texts=np.concatenate(texts), english=np.concatenate(english))

    def drawn(self, steps: int, sizes: Sequence[int]) -> Counter[str]:
        """How often each text is drawn in so many steps."""
        rows = np.concatenate([self.draw(step, sizes).texts for step in range(steps)])
        return Counter({self.texts[row]: int(count) for row, count in zip(*np.unique_counts(rows), strict=True)})

    def _pool(self, pairs: Sequence[Translation]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows of texts and of what they mean, int64 [n, 2]; and the sums of the chances of all up to each."""
        sizes = Counter(pair.language for pair in pairs)
        weights = np.array([sizes[pair.language] ** (self._flatten - 1.0) for pair in pairs])
        rows = np.array([(self._text_rows[pair.text], self._english_rows[pair.english]) for pair in pairs], np.int64)
        places = np.cumsum(weights / weights.sum())
        places[-1] = 1.0
        return rows, places
