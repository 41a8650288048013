"""Word pieces: in lower case, those that texts use, cut again where others are left out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from export.training.text_encoder.word_pieces import (
    SPECIAL_PIECES,
    Piece,
    lower_pieces,
    unigram_tokenizer,
    used_pieces,
)

PIECES = ("<s>", "<unk>", "▁Hund", "▁hund", "▁h", "und", "u", "n", "d", "▁", "e", "▁кот", "犬")
SCORES = np.array([0, 0, -3, -4, -5, -5, -7, -7, -7, -6, -7, -6, -9], np.float32)


def kept(texts: dict[str, int], size: int) -> list[str]:
    return [piece.text for piece in used_pieces(lower_pieces(PIECES, SCORES), texts, size)]


def test_a_piece_in_lower_case_stands_for_all_that_are_the_same_then() -> None:
    hund = next(piece for piece in lower_pieces(PIECES, SCORES) if piece.text == "▁hund")
    assert hund.sources == (2, 3)
    assert hund.score == round(math.log(math.exp(-3) + math.exp(-4)), 3)
    assert hund.shares == pytest.approx((1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))), abs=1e-6)
    assert {piece.text for piece in lower_pieces(PIECES, SCORES)} == {text.lower() for text in PIECES[2:]}


def test_those_that_no_text_uses_are_left_out() -> None:
    assert set(kept({"ein HUND": 1, "hund": 2}, 100)) == {"▁hund", "▁", "e", "n"}


def test_what_is_left_out_is_cut_into_others() -> None:
    # "▁hund" is used most, yet there is place for single letters and marks alone, which come first.
    texts = {"hund": 5, "e": 1}
    assert set(kept(texts, 100)) == {"▁hund", "▁", "e"}
    assert set(kept({"hund": 5, "nudel": 9}, 6)) == {"▁hund", "▁", "n", "u", "d", "e"}


def test_a_text_is_cut_without_regard_to_case_and_optional_signs() -> None:
    tokenizer = unigram_tokenizer(
        [Piece(text=text, score=-1.0, sources=(0,), shares=(1.0,)) for text in ("▁hund", "▁كلب", "▁")]
    )
    assert tokenizer.encode("HUND").tokens == ["<s>", "▁hund", "</s>"]
    assert tokenizer.encode("Ｈund hund").tokens == ["<s>", "▁hund", "▁hund", "</s>"]
    assert tokenizer.encode("كَلْـب").tokens == ["<s>", "▁كلب", "</s>"]
    unknown = tokenizer.encode("🦄")
    assert unknown.ids == [2, 6, SPECIAL_PIECES.index("<unk>"), 3]
    assert unknown.special_tokens_mask == [1, 0, 0, 1]
