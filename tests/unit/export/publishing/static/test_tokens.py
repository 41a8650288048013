"""The browser's words and pieces of texts, held to the handler's: every character of Unicode, and what people write."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

from export.models.model_set import MODELS
from handler.bundle.encoder import Encoder
from handler.bundle.texts import normalise
from handler.bundle.words.tokens import Token, name_tokens, tokens
from handler.search.spelling import corrected

_TEST = Path(__file__).parent / "tokens.test.mjs"
_WRITTEN = (
    "Zoë's café, 寿司", "HolidayBeach2019 IMGPark2 iPhone14Pro DSC_0042", "STRASSE straße ẞ İstanbul ısı ΟΔΟΣ οδος",
    "a\u00a0dog\tin\u200b the \ufb01eld \x00", "naïve naïve ﬀ ①②③ ½ Ⅳ x²", "🐕‍🦺 ❤️ and ☂", "हिन्दी में ไทย မြန်မာ",
    "word" * 40, "don't e-mail [MASK] me@example.org!", "日本語とEnglishのmix", "", "   ",
    "unbelievable antidisestablished",
)  # fmt: skip
_MISSPELT = ("an elefant", "a dgo on a baech", "girafe", "moutain", "xqzwv", "a dog", "bycicle", "zzzz elephnt")
# What the handler's Unicode (14) and the browser's, which is newer, know alike, but for Cherokee's capitals.
_CHARACTERS = [
    chr(code)
    for code in range(0x20000)
    if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co") and "CHEROKEE" not in unicodedata.name(chr(code), "")
]


def _is_as_ever(character: str) -> bool:
    return unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character)


def listed(found: list[Token]) -> list[list[object]]:
    return [[token.text, token.start, token.end] for token in found]


def test_the_browser_reads_texts_as_the_handler_does() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine (Debian: apt-get install nodejs)")
    encoder = Encoder.load(MODELS / "encoder")
    chance = random.Random(1)
    mixed = ["".join(chance.choices(_CHARACTERS, k=12)) for _ in range(200)]
    texts = [*_WRITTEN, *(f"a{character}b" for character in _CHARACTERS), *mixed]
    # The tokenizer knows an older Unicode than either.
    old = [text for text in texts if all(map(_is_as_ever, text))]
    tokenizer = encoder._tokenizer
    expected = {
        "tokenizer": str(MODELS / "encoder/tokenizer.json"),
        "most_tokens": encoder.configuration.max_tokens,
        "texts": texts,
        "normalised": [normalise(text) for text in texts],
        "tokens": [listed(tokens(text)) for text in texts],
        "name_tokens": [listed(name_tokens(text)) for text in texts],
        "old_texts": old,
        "pieces": [tokenizer.encode(normalise(text)).ids for text in old],
        "known": [encoder.knows(text) for text in old],
        "misspelt": _MISSPELT,
        "corrected": [corrected(text, encoder) for text in _MISSPELT],
    }
    command = [node, "--test-reporter=spec", str(_TEST)]
    run = subprocess.run(command, input=json.dumps(expected), capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr)[:5_000]
