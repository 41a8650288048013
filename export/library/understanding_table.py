"""The understanding table: what captioners found in contents. It knows no captioner, only its identity."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields

import numpy as np
from numpy.typing import NDArray

from export.library.database import Database, first_of, revise
from export.library.records import ContentUnderstanding, Failure, UnderstoodPhoto
from export.library.vector_blobs import from_blobs, to_blob
from export.pictures.facts import READER, PhotoFacts
from handler.bundle.catalogue import ColumnValue

_FACTS = tuple(field.name for field in fields(PhotoFacts))  # in the order of the columns of "contents"


class UnderstandingTable:
    """What is learnt of each content: its facts, captions and visual vector."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contents(self, *, captioner: str, instructions: Sequence[str]) -> set[str]:
        """The contents that the captioner has understood, with an answer to each of the instructions."""
        with self._database.reading() as connection:
            query = "SELECT content FROM understandings WHERE captioner = ?"
            contents = first_of(connection.execute(query, (captioner,)))
            query = "SELECT content FROM captions WHERE captioner = ? AND instruction = ?"
            for instruction in instructions:
                contents &= first_of(connection.execute(query, (captioner, instruction)))
            return contents

    def photos(self, *, captioner: str, instructions: Sequence[str]) -> list[UnderstoodPhoto]:
        """The photos of the last run that the captioner has understood, in the bytewise order of their ids.

        A photo without an answer to each of the instructions is none of them.
        """
        captions: dict[str, dict[str, str]] = {}
        with self._database.reading() as connection:
            for content, instruction, text in connection.execute(
                "SELECT content, instruction, text FROM captions WHERE captioner = ?", (captioner,)
            ):
                captions.setdefault(content, {})[instruction] = text
            rows = connection.execute(
                """
                SELECT p.id, p.content, p.size_bytes, e.text, o.record,
                       c.width, c.height, c.type, c.taken, c.placeholder, c.fingerprint, c.noted, c.latitude,
                       c.longitude, c.damage
                FROM photos AS p JOIN contents AS c USING (content)
                JOIN understandings AS u ON u.content = p.content AND u.captioner = ?
                LEFT JOIN edits AS e ON e.content = p.content
                LEFT JOIN own_columns AS o ON o.id = p.id ORDER BY p.id
                """,
                (captioner,),
            )
            return [
                UnderstoodPhoto(
                    id=row[0],
                    content=row[1],
                    size_bytes=row[2],
                    edit=row[3],
                    facts=PhotoFacts(**dict(zip(_FACTS, row[5:], strict=True))),
                    captions=captions.get(row[1], {}),
                    columns=_from_json(row[4]),
                )
                for row in rows
                if captions.get(row[1], {}).keys() >= set(instructions)
            ]

    def visual_vectors(self, contents: Sequence[str], *, captioner: str) -> NDArray[np.float32]:
        """The visual views of understood contents, float32 [n, dim]; of a captioner that gives them."""
        with self._database.reading() as connection:
            query = "SELECT vector FROM understandings WHERE content = ? AND captioner = ?"
            return from_blobs(connection.execute(query, (content, captioner)).fetchone()[0] for content in contents)

    def put(self, understandings: Sequence[ContentUnderstanding], *, captioner: str) -> None:
        """Keep what a captioner understood, all of it or nothing."""
        with self._database.transaction() as connection:
            for found in understandings:
                _put_facts(connection, found.content, found.facts)
                connection.executemany(
                    "INSERT OR REPLACE INTO captions VALUES (?, ?, ?, ?)",
                    [(found.content, captioner, instruction, text) for instruction, text in found.captions.items()],
                )
                connection.execute(
                    "INSERT OR REPLACE INTO understandings VALUES (?, ?, ?)",
                    (found.content, captioner, None if found.vector is None else to_blob(found.vector)),
                )
                connection.execute("DELETE FROM failures WHERE content = ?", (found.content,))
            revise(connection)

    def contents_read(self) -> set[str]:
        """The contents whose facts this reader has found."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT content FROM contents WHERE reader = ?", (READER,)))

    def put_facts(self, facts: Mapping[str, PhotoFacts]) -> None:
        """Keep the facts of contents that are understood already."""
        with self._database.transaction() as connection:
            for content, found in facts.items():
                _put_facts(connection, content, found)
            revise(connection)

    def damaged(self) -> list[Failure]:
        """The photos of the last run of which something is missing, and what, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, damage FROM photos JOIN contents USING (content) WHERE damage IS NOT NULL ORDER BY id"
            )
            return [Failure(path=path, reason=reason) for path, reason in rows]


def _put_facts(connection: sqlite3.Connection, content: str, facts: PhotoFacts) -> None:
    places = ", ".join("?" * (len(_FACTS) + 2))
    connection.execute(f"INSERT OR REPLACE INTO contents VALUES ({places})", (content, *astuple(facts), READER))


def _from_json(record: str | None) -> dict[str, ColumnValue]:
    values = json.loads(record or "{}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
