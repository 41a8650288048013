"""Word pieces of many languages: those of a Unigram vocabulary that some texts use, in lower case.

It knows texts and pieces, nothing of vectors but whose they are. A text is cut so that the product of its pieces'
probabilities is largest (Kudo 2018, arXiv 1804.10959). A piece that begins a word begins with U+2581.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

PADDING, UNKNOWN, BEGIN, END = "<pad>", "<unk>", "<s>", "</s>"
SPECIAL_PIECES = (PADDING, UNKNOWN, BEGIN, END)
_OPTIONAL_SIGNS = "[\u0591-\u05c7\u0640\u064b-\u0652]"
"""Signs for vowels in Hebrew and Arabic, and the stroke that stretches Arabic words: most people leave them out."""
_DECIMALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece in lower case.

    Attributes:
        text: As it is written.
        score: Its log probability.
        sources: Ids of those that it stands for in the vocabulary from which it comes ("Hund", "hund", "HUND").
        shares: Which part of its probability each has; they sum to 1.
    """

    text: str
    score: float
    sources: tuple[int, ...]
    shares: tuple[float, ...]


def lower_pieces(pieces: Sequence[str], scores: NDArray[np.float32]) -> list[Piece]:
    """The pieces of a vocabulary in lower case, with the probabilities of all that are the same then.

    Args:
        pieces: Special ones as ``<s>``, which are left out.
        scores: Their log probabilities.
    """
    sources: dict[str, list[int]] = {}
    for number, piece in enumerate(pieces):
        if not (len(piece) > 2 and piece[0] == "<" and piece[-1] == ">"):
            sources.setdefault(unicodedata.normalize("NFKC", piece).lower(), []).append(number)
    lowered = []
    for text, numbers in sources.items():
        of_each = scores[numbers].astype(np.float64)
        together = float(np.logaddexp.reduce(of_each))
        shares = tuple(np.exp(of_each - together).tolist())
        lowered.append(Piece(text=text, score=round(together, _DECIMALS), sources=tuple(numbers), shares=shares))
    return lowered


def used_pieces(pieces: Sequence[Piece], texts: Mapping[str, int], size: int) -> list[Piece]:
    """The pieces that texts use most, once what the others were used for is cut into them.

    Args:
        pieces: To choose from, in any order.
        texts: Texts, and how often each is read.
        size: How many are kept at most, without SPECIAL_PIECES. Each of them is used by some text.
    """
    kept = list(pieces)
    counted: Counter[str] = Counter()
    for text, times in texts.items():
        for word in text.lower().split():  # each is cut by itself
            counted[word] += times
    while True:
        uses = _uses(unigram_tokenizer(kept), counted)
        used = [piece for piece in kept if piece.text in uses]
        ranked = sorted(used, key=lambda piece: (len(piece.text) > 1, -uses[piece.text]))
        chosen = {piece.text for piece in ranked[:size]}
        if len(chosen) == len(kept):
            return kept
        kept = [piece for piece in kept if piece.text in chosen]


def unigram_tokenizer(pieces: Sequence[Piece]) -> Tokenizer:
    """A tokenizer of SPECIAL_PIECES and these, in this order, which takes no notice of case."""
    vocabulary = [(special, 0.0) for special in SPECIAL_PIECES] + [(piece.text, piece.score) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIAL_PIECES.index(UNKNOWN)))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(_OPTIONAL_SIGNS), "")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        special_tokens=[(special, SPECIAL_PIECES.index(special)) for special in (BEGIN, END)],
    )
    tokenizer.add_special_tokens(list(SPECIAL_PIECES))
    return tokenizer


def _uses(tokenizer: Tokenizer, counted: Mapping[str, int]) -> dict[str, int]:
    """How often each piece that is used is, by its text."""
    encodings = tokenizer.encode_batch(list(counted), add_special_tokens=False)
    uses: Counter[int] = Counter()
    for encoding, times in zip(encodings, counted.values(), strict=True):
        for number in encoding.ids:
            uses[number] += times
    return {tokenizer.id_to_token(number): count for number, count in uses.items()}
