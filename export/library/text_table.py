"""The text table: what can be read in contents. It knows no reader of text, only its identity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from export.library.database import Database, first_of, revise
from export.library.records import Failure, TextLine

_DIGITS = 4
"""Of places and confidences: a ten-thousandth of a photo's width is less than a pixel of what is read."""


class TextTable:
    """The lines of text in each content, or why they can't be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contents(self, *, reader: str) -> set[str]:
        """The contents that the reader has read, or can't read."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT content FROM texts WHERE reader = ?", (reader,)))

    def lines(self, content: str) -> tuple[TextLine, ...]:
        """What can be read in a content, in reading order."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT lines FROM texts WHERE content = ?", (content,)).fetchone()
            return lines_from_json(row and row[0])

    def put(
        self, texts: Mapping[str, Sequence[TextLine]], *, reader: str, failures: Mapping[str, str] | None = None
    ) -> None:
        """Keep what a reader found, all of it or nothing, in place of what was found before.

        Args:
            texts: The lines of each content, in reading order.
            reader: The reader's identity.
            failures: Why it can't read others, by content; what was found in them before stays.
        """
        with self._database.transaction() as connection:
            connection.executemany(
                """
                INSERT INTO texts VALUES (?, ?, ?, NULL) ON CONFLICT (content) DO UPDATE
                SET reader = excluded.reader, lines = excluded.lines, failure = NULL
                """,
                [(content, reader, _to_json(lines)) for content, lines in texts.items()],
            )
            connection.executemany(
                """
                INSERT INTO texts VALUES (?, ?, '[]', ?) ON CONFLICT (content) DO UPDATE
                SET reader = excluded.reader, failure = excluded.failure
                """,
                [(content, reader, reason) for content, reason in (failures or {}).items()],
            )
            revise(connection)

    def failures(self) -> list[Failure]:
        """The photos of the last run whose text can't be read, and why, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, failure FROM texts CROSS JOIN photos USING (content) WHERE failure IS NOT NULL ORDER BY id"
            )
            return [Failure(path=path, reason=reason) for path, reason in rows]


def _to_json(lines: Sequence[TextLine]) -> str:
    numbers = [(round(number, _DIGITS) for number in (*line.box, line.confidence)) for line in lines]
    rows = [[line.text, *row] for line, row in zip(lines, numbers, strict=True)]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def lines_from_json(lines: str | None) -> tuple[TextLine, ...]:
    """The lines as the table keeps them; none where a content hasn't been read."""
    return tuple(
        TextLine(text=text, box=(left, top, right, bottom), confidence=confidence)
        for text, left, top, right, bottom, confidence in json.loads(lines or "[]")
    )
