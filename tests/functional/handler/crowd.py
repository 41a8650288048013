"""A crowd: photos in any number, so many that a segment's files have several blocks and its ids a sparse index."""

from __future__ import annotations

import random

from tests.functional.handler.artefacts import WORDS, TinyPhoto

_PLACES = ("Paris", "Berlin", "Île de France")


def crowd(count: int, *, seed: int = 0) -> list[TinyPhoto]:
    """So many photos, each of which shows three things; every third has a place, and every fifth some stars."""
    chooser = random.Random(seed)
    photos = []
    for number in range(count):
        shown = " ".join(chooser.sample(WORDS[8:], 3))
        columns: dict[str, str | float] = {} if number % 3 else {"place": _PLACES[number % 9 // 3]}
        if number % 5 == 0:
            columns["stars"] = number % 7 / 2
        photos.append(
            TinyPhoto(
                id=f"{('animals', 'sea', 'Zürich')[number % 3]}/{number:05}.jpg",
                caption=f"a {shown}",
                seen=shown,
                type="png" if number % 11 == 0 else "jpeg",
                taken=None if number % 13 == 0 else f"20{number % 24:02}-05-06T07:08:09",
                columns=columns,
            )
        )
    return photos
