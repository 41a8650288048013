"""Naming: how names become a caption."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_SAID = 4


def with_article(name: str) -> str:
    """The name with an indefinite article: ``"apple"`` -> ``"an apple"``."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def names_as_caption(names: Sequence[str]) -> str:
    """What can be said of a photo of which only names are known.

    Example: ``("cabinet", "chair", "dining table")`` -> ``"a cabinet, a chair and a dining table"``
    """
    told = [with_article(name) for name in names[:_MOST_SAID]]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
