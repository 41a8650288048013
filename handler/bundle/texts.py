"""Texts: the one way in which captions and queries are cleaned before they are encoded."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    r"""Bring a caption or query into the form that is encoded.

    Compatibility characters are unified (NFKC), invisible format characters dropped, control
    characters and whatever else is no text (surrogates, private use, unassigned) taken for white
    space, and white space collapsed.

    Example: "A\u00a0dog\tin\u200b the \ufb01eld \x00" -> "A dog in the field"
    """
    unified = unicodedata.normalize("NFKC", text)
    return " ".join("".join(map(_keep, unified)).split())


def _keep(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return " " if category[0] == "C" else character
