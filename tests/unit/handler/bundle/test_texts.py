"""Texts: captions and queries are cleaned in one way."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bundle.texts import normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A\u00a0dog\tin\u200b the \ufb01eld \x00", "A dog in the field"),
        ("  a   dog\r\nruns  ", "a dog runs"),
        ("ｄｏｇ", "dog"),
        ("soft\u00adhyphen", "softhyphen"),
        ("e\u0301te\u0301", "été"),
        ("собака на пляже", "собака на пляже"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("left\u202eright", "leftright"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("\ue000private", "private"),
        ("", ""),
        (" \t\n\x0b\x00\x1f\u2003\u3000\ufeff", ""),
    ],
)
def test_known_texts(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text(st.characters(codec=None)))
def test_is_stable_and_leaves_no_control_characters(text: str) -> None:
    once = normalise(text)

    assert normalise(once) == once
    assert not {unicodedata.category(character)[0] for character in once} & {"C"}
    assert once == once.strip()
    once.encode()
