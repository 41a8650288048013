"""Which of the lines that a reader finds are kept, and in which order.

It knows lines with their places and confidences; nothing of pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from export.library.records import TextLine
from handler.bundle.texts import normalise

LEAST_CONFIDENCE = 0.7
LEAST_CONFIDENCE_OF_TWO = 0.85
"""Of a line of two letters or digits, as on a shirt. One alone says nothing, and is mostly a fence, a wheel or a paw.

In 80 photos of Flickr8k and COCO, 16 of 27 lines that were found lie below 0.7, and 14 of those are one letter. Of
lines in photos whose text is known, none of the six from 0.7 to 0.75 was wholly right, 93% of those from 0.85 on."""
RULES = (1, LEAST_CONFIDENCE, LEAST_CONFIDENCE_OF_TWO)
"""What decides here, for the identity of readers; the first number counts changes of anything else in this module."""


def choose_lines(lines: Iterable[TextLine]) -> list[TextLine]:
    """Those lines that say something, cleaned, in reading order."""
    cleaned = [replace(line, text=normalise(line.text)) for line in lines]
    return reading_order([line for line in cleaned if _says_something(line)])


def reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines from top to bottom; of those that stand side by side, from left to right.

    Two stand side by side where the middle of one, by its height, lies within the other.
    """
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: (_middle(line), line.box[0])):
        row = rows[-1] if rows else []
        if row and row[0].box[1] <= _middle(line) <= row[0].box[3] and line.box[1] <= _middle(row[0]):
            row.append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.box[0])]


def _middle(line: TextLine) -> float:
    return (line.box[1] + line.box[3]) / 2


def _says_something(line: TextLine) -> bool:
    letters = sum(character.isalnum() for character in line.text)
    return letters > 1 and line.confidence >= (LEAST_CONFIDENCE if letters > 2 else LEAST_CONFIDENCE_OF_TWO)
