"""Tokens: the words of a text as they are compared, and where in the text each stands.

The same for photos and queries. Upper and lower case, accents and compatibility forms make no difference (Unicode's
case folding and NFKD). Scripts that are written without spaces give a token for each character, so that a word is found
wherever it stands, as several tokens that follow each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

LONGEST_TOKEN = 64
"""Characters beyond these make no difference."""

# Han, kana, Thai, Lao, Burmese and Khmer, with their extensions.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # how the character before is drawn
_SYMBOL = "So"
# Canonical combining classes of accents and points; not of vowel signs, without which a word is another.
_ACCENTS = (range(10, 36), range(200, 241))
_CASES = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word as it is compared, and where it stands in its text: from character `start` to before `end`."""

    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The words of a text, in their order.

    Example: "Zoë's café, 寿司" -> "zoe", "s", "cafe", "寿", "司"
    """
    found: list[Token] = []
    start = 0
    word: list[str] = []
    for place, character in enumerate(text):
        folded = _fold(character)
        alone = folded.strip() != "" and is_unspaced(folded)
        if word and (folded == " " or alone):
            found += _token(word, start, place)
            word = []
        if alone:
            found += _token([folded], place, place + 1)
        elif folded != " ":
            if not word:
                start = place
            word.append(folded)
    return found + list(_token(word, start, len(text)))


def name_tokens(name: str) -> list[Token]:
    """The words of a file's or folder's name, and before those of which one consists, itself.

    Example: "HolidayBeach2019" -> "holidaybeach2019", "holiday", "beach", "2019"
    """
    found: list[Token] = []
    for whole in tokens(name):
        found.append(whole)
        bounds = _bounds(name[whole.start : whole.end])
        if len(bounds) > 2:
            for low, high in pairwise(bounds):
                parts = tokens(name[whole.start + low : whole.start + high])
                found += [
                    Token(text=part.text, start=whole.start + low + part.start, end=whole.start + low + part.end)
                    for part in parts
                ]
    return found


def is_unspaced(token: str) -> bool:
    """Whether a token is a character of a script that is written without spaces, or a symbol, such as an emoji."""
    return _UNSPACED.match(token) is not None or unicodedata.category(token[0]) == _SYMBOL


def _token(word: list[str], start: int, end: int) -> Iterator[Token]:
    text = "".join(word)[:LONGEST_TOKEN]
    if text:
        yield Token(text=text, start=start, end=end)


def _bounds(word: str) -> list[int]:
    """Where the parts of a word begin and end: at digits, and where capitals begin.

    Example: "IMGPark2" -> [0, 3, 7, 8]
    """
    places = {0, len(word), *(match.start() for match in _CASES.finditer(word))}
    for place in range(1, len(word)):
        if word[place].isupper() and (
            word[place - 1].islower() or (word[place - 1].isupper() and word[place + 1 : place + 2].islower())
        ):
            places.add(place)
    return sorted(places)


@lru_cache(maxsize=4_096)
def _fold(character: str) -> str:
    """A character as it is compared: "" for an accent or what can't be seen, " " for what belongs to no word."""
    category = unicodedata.category(character)
    if category == "Cf" or _VARIATIONS.match(character):
        return ""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    kept = "".join(part for part in parts if unicodedata.category(part)[0] in "LMN" and not _is_accent(part))
    if category[0] == "M":
        return kept
    if any(map(str.isalnum, kept)):
        return unicodedata.normalize("NFC", kept)
    return character if category == _SYMBOL else " "


def _is_accent(character: str) -> bool:
    return any(unicodedata.combining(character) in accents for accents in _ACCENTS)
