"""The understanding table: what captioners and image encoders found in contents. It knows their identities only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, fields

import numpy as np
from numpy.typing import NDArray

from export.library.database import Database, first_of, id_pages, in_parts, revise
from export.library.records import ContentUnderstanding, Failure, Understander, UnderstoodPhoto
from export.library.text_table import lines_from_json
from export.library.vector_blobs import from_blobs, to_blob
from export.pictures.facts import READER, PhotoFacts
from handler.bundle.photos.catalogue import ColumnValue
from handler.bundle.texts import normalise

KEYWORDS = "keywords"
"""The column of what photos are found by in the owner's own words."""
_FACTS = tuple(field.name for field in fields(PhotoFacts))
_SHOWN = "p.content NOT IN (SELECT content FROM hidden)"


class UnderstandingTable:
    """What is learnt of each content: its facts, captions and visual view."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def captioned(self, by: Understander) -> set[str]:
        """The contents of which the captioner has given an answer to each of the instructions."""
        with self._database.reading() as connection:
            query = "SELECT content FROM captions WHERE captioner = ? AND instruction = ?"
            answered = (first_of(connection.execute(query, (by.captioner, each))) for each in by.instructions)
            return set.intersection(*answered)

    def seen(self, by: Understander) -> set[str]:
        """The contents that the image encoder has seen; none where there is no image encoder."""
        with self._database.reading() as connection:
            query = "SELECT content FROM views WHERE image_encoder = ?"
            return first_of(connection.execute(query, (by.image_encoder,)))

    def understood(self, by: Understander) -> set[str]:
        """The contents of which there is all that is wanted: answers, and a view where one is."""
        captioned = self.captioned(by)
        return captioned & self.seen(by) if by.image_encoder else captioned

    def photos(self, ids: Sequence[str], by: Understander) -> list[UnderstoodPhoto]:
        """Those of some photos that are understood and not hidden, in the bytewise order of their ids."""
        wanted = sorted(set(ids))
        condition, values = understood_condition(by)
        captions: dict[str, dict[str, str]] = {}
        said: dict[str, dict[str, bool]] = {}
        with self._database.reading() as connection:
            query = f"""
                SELECT p.id, p.content, p.size_bytes, e.text, o.record,
                       t.lines, c.width, c.height, c.type, c.taken, c.placeholder, c.fingerprint, c.noted, c.latitude,
                       c.longitude, c.damage, c.written
                FROM photos AS p JOIN contents AS c USING (content)
                LEFT JOIN edits AS e ON e.content = p.content
                LEFT JOIN own_columns AS o ON o.id = p.id
                LEFT JOIN texts AS t ON t.content = p.content
                WHERE p.id IN ({{}}) AND {condition} ORDER BY p.id
                """
            rows = list(in_parts(connection, query, wanted, *values))
            query = "SELECT content, instruction, text FROM captions WHERE content IN ({}) AND captioner = ?"
            contents = list(dict.fromkeys(row[1] for row in rows))
            for content, instruction, text in in_parts(connection, query, contents, by.captioner):
                captions.setdefault(content, {})[instruction] = text
            query = "SELECT content, keyword, given FROM keywords WHERE content IN ({}) ORDER BY rowid"
            for content, keyword, given in in_parts(connection, query, contents):
                said.setdefault(content, {})[keyword] = bool(given)
        return [
            UnderstoodPhoto(
                id=row[0],
                content=row[1],
                size_bytes=row[2],
                edit=row[3],
                facts=PhotoFacts(**dict(zip(_FACTS, row[6:], strict=True))),
                captions=captions.get(row[1], {}),
                columns=with_keywords(_from_json(row[-1]) | _from_json(row[4]), said.get(row[1], {})),
                text=tuple(line.text for line in lines_from_json(row[5])),
            )
            for row in rows
        ]

    def pages(self, size: int, by: Understander) -> Iterator[list[UnderstoodPhoto]]:
        """All photos that are understood, in the bytewise order of their ids, at most so many a page."""
        for ids in id_pages(self._database, "photos", size):
            yield self.photos(ids, by)

    def sample(self, count: int, by: Understander) -> list[UnderstoodPhoto]:
        """So many understood photos, or all, in the bytewise order of their ids: those with the smallest contents.

        Contents are hashes, so this is a uniform sample, which depends on nothing but what is there. Of photos of one
        content it is the one with the smallest id.
        """
        condition, values = understood_condition(by)
        with self._database.reading() as connection:
            query = f"SELECT min(id) FROM photos AS p WHERE {condition} GROUP BY content ORDER BY content LIMIT ?"
            ids = [row[0] for row in connection.execute(query, (*values, count))]
        return self.photos(ids, by)

    def count(self, by: Understander) -> int:
        """How many photos are understood."""
        condition, values = understood_condition(by)
        with self._database.reading() as connection:
            query = f"SELECT count(*) FROM photos AS p WHERE {condition}"
            return int(connection.execute(query, values).fetchone()[0])

    def views(self, contents: Sequence[str], *, image_encoder: str) -> NDArray[np.float32]:
        """Where an image encoder saw contents, float32 [n, dim]; it has seen them all."""
        with self._database.reading() as connection:
            query = "SELECT vector FROM views WHERE content = ? AND image_encoder = ?"
            return from_blobs(connection.execute(query, (content, image_encoder)).fetchone()[0] for content in contents)

    def put(self, understandings: Sequence[ContentUnderstanding], by: Understander, *, reader: int = READER) -> None:
        """Keep what is understood of contents that a reader has read, all of it or nothing."""
        with self._database.transaction() as connection:
            for found in understandings:
                _put_facts(connection, found.content, found.facts, reader)
                connection.executemany(
                    "INSERT INTO captions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text",
                    [(found.content, by.captioner, instruction, text) for instruction, text in found.captions.items()],
                )
                if found.view is not None:
                    connection.execute(
                        "INSERT INTO views VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET vector = excluded.vector",
                        (found.content, by.image_encoder, to_blob(found.view)),
                    )
                connection.execute("DELETE FROM failures WHERE content = ?", (found.content,))
            revise(connection)

    def contents_read(self) -> set[str]:
        """The contents whose facts this reader has found."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT content FROM contents WHERE reader = ?", (READER,)))

    def damaged(self) -> list[Failure]:
        """The photos of the last run of which something is missing, and what, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, damage FROM contents CROSS JOIN photos USING (content) WHERE damage IS NOT NULL ORDER BY id"
            )
            return [Failure(path=path, reason=reason) for path, reason in rows]


def understood_condition(by: Understander) -> tuple[str, list[str]]:
    """The condition that a photo p isn't hidden and is understood, with all answers and a wanted view; its values."""
    captions = "SELECT 1 FROM captions AS t WHERE t.content = p.content AND t.captioner = ? AND t.instruction = ?"
    conditions = [
        _SHOWN,
        "EXISTS (SELECT 1 FROM contents AS c WHERE c.content = p.content)",
        *(f"EXISTS ({captions})" for _ in by.instructions),
    ]
    values = [value for instruction in by.instructions for value in (by.captioner, instruction)]
    if by.image_encoder:
        conditions.append("EXISTS (SELECT 1 FROM views AS v WHERE v.content = p.content AND v.image_encoder = ?)")
        values.append(by.image_encoder)
    return " AND ".join(conditions), values


def with_keywords(columns: Mapping[str, ColumnValue], said: Mapping[str, bool]) -> dict[str, ColumnValue]:
    """Columns in which the keywords are those that a person wants.

    Args:
        columns: What the file and the owner's table say.
        said: By keyword whether it was given or taken away. Upper and lower case make no difference.
    """
    if not said:
        return dict(columns)
    keywords = {same(word): word for word in _words(columns.get(KEYWORDS, ()))}
    for word, given in said.items():
        if given:
            keywords.setdefault(same(word), word)
        else:
            keywords.pop(same(word), None)
    others = {name: value for name, value in columns.items() if name != KEYWORDS}
    return {**others, KEYWORDS: tuple(keywords.values())} if keywords else others


def has_keyword(columns: Mapping[str, ColumnValue], keyword: str) -> bool:
    """Whether a keyword is among those of a photo's columns."""
    return same(keyword) in map(same, _words(columns.get(KEYWORDS, ())))


def same(keyword: str) -> str:
    """The form in which keywords are compared, which is that of filters."""
    return normalise(keyword).casefold()


def _words(value: ColumnValue) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return (value if isinstance(value, str) else f"{value:g}",)


def _put_facts(connection: sqlite3.Connection, content: str, facts: PhotoFacts, reader: int) -> None:
    columns = (*_FACTS, "reader")
    names = ", ".join(("content", *columns))
    places = ", ".join("?" * (len(columns) + 1))
    values = ", ".join(f"{column} = excluded.{column}" for column in columns)
    connection.execute(
        f"INSERT INTO contents ({names}) VALUES ({places}) ON CONFLICT (content) DO UPDATE SET {values}",
        (content, *astuple(facts), reader),
    )


def _from_json(record: str | None) -> dict[str, ColumnValue]:
    values = json.loads(record or "{}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
