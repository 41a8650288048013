"""The likeness table: which contents are grouped with their near-duplicates. It doesn't know when two are alike.

Each content has a number. A band is 16 bits of a fingerprint, at one of eight places; for each band there are the
numbers and fingerprints of the contents that have it, in two blobs: those that stand for their group, and the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.library.database import Database, first_of, in_parts
from export.library.records import Placement, Understander
from export.library.understanding_table import understood_condition

MEMBER = np.dtype([("number", "<u4"), ("fingerprint", "<u8", (2,))])
"""A content in a band; in the blobs it has 20 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What of a content is compared: its fingerprint, as ``PhotoFacts`` has it, and how many pixels it has."""

    content: str
    fingerprint: str
    pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedContent:
    """A content in the table; ``leader`` is the number of the one that stands for it, which may be its own."""

    number: int
    likeness: Likeness
    leader: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedPhoto:
    """A photo, the number of the content that stands for it, and where the photo was placed last."""

    id: str
    group: int
    placement: Placement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The contents that have a band, arrays of MEMBER: those that stand for their group, and the others."""

    band: int
    leaders: NDArray[np.void]
    others: NDArray[np.void]


class LikenessTable:
    """The contents that are grouped, and who stands for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contents(self) -> set[str]:
        """The contents that are grouped."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT content FROM likenesses"))

    def groups(self) -> Iterator[tuple[str, str]]:
        """The contents that another one stands for, each with that one."""
        with self._database.reading() as connection:
            yield from connection.execute(
                """
                SELECT m.content, l.content FROM likenesses AS m JOIN likenesses AS l ON l.number = m.leader
                WHERE m.leader <> m.number
                """
            )

    def touched(self, by: Understander) -> Iterator[Likeness]:
        """Those of the photos that were touched and that are understood, each content once.

        The joins are crossed, so that SQLite begins with what was touched.
        """
        condition, values = understood_condition(by)
        with self._database.reading() as connection:
            query = f"""
                SELECT DISTINCT c.content, c.fingerprint, c.width * c.height
                FROM touched CROSS JOIN photos AS p USING (id) CROSS JOIN contents AS c USING (content)
                WHERE {condition}
                """
            for content, fingerprint, pixels in connection.execute(query, values):
                yield Likeness(content=content, fingerprint=fingerprint, pixels=pixels)

    def photos(self) -> Iterator[GroupedPhoto]:
        """The photos that aren't alone in their groups, which are those of contents and of photos of one content."""
        place = "LEFT JOIN placements AS s ON s.id = p.id"
        with self._database.reading() as connection:
            query = f"""
                SELECT p.id, m.leader, s.segment, s.row
                FROM likenesses AS m CROSS JOIN photos AS p USING (content) {place} WHERE m.leader <> m.number
                UNION ALL
                SELECT p.id, l.number, s.segment, s.row
                FROM (SELECT DISTINCT leader FROM likenesses WHERE leader <> number) AS led
                CROSS JOIN likenesses AS l ON l.number = led.leader CROSS JOIN photos AS p USING (content) {place}
                UNION
                SELECT p.id, m.leader, s.segment, s.row
                FROM (SELECT content FROM photos GROUP BY content HAVING count(*) > 1)
                CROSS JOIN photos AS p USING (content) CROSS JOIN likenesses AS m USING (content) {place}
                """
            for photo_id, group, segment, row in connection.execute(query):
                placement = None if segment is None else Placement(segment=segment, row=row)
                yield GroupedPhoto(id=photo_id, group=group, placement=placement)

    def outdated(self) -> list[str]:
        """The contents that are grouped and that no photo shows any more, or a photo that was touched."""
        with self._database.reading() as connection:
            query = """
                SELECT content FROM orphans CROSS JOIN likenesses USING (content)
                WHERE NOT EXISTS (SELECT 1 FROM photos AS p WHERE p.content = orphans.content)
                UNION SELECT content FROM touched CROSS JOIN photos USING (id) CROSS JOIN likenesses USING (content)
                """
            return [row[0] for row in connection.execute(query)]

    def clear(self) -> None:
        """Nothing is grouped."""
        with self.changing() as rows:
            rows.clear()

    @contextmanager
    def changing(self) -> Iterator[LikenessRows]:
        """The rows, for changes of which either all are kept or none."""
        with self._database.transaction() as connection:
            yield LikenessRows(connection)


class LikenessRows:
    """The rows of the table within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def highest_number(self) -> int:
        """The highest number that a content has, 0 if there is none."""
        return int(self._connection.execute("SELECT ifnull(max(number), 0) FROM likenesses").fetchone()[0])

    def all(self) -> Iterator[Likeness]:
        """What of each content is compared, in the order of the contents."""
        query = "SELECT content, fingerprint, pixels FROM likenesses ORDER BY content"
        for row in self._connection.execute(query):
            yield Likeness(content=row[0], fingerprint=row[1].hex(), pixels=row[2])

    def of(self, contents: Sequence[str]) -> list[GroupedContent]:
        """The rows of those of the contents that are grouped."""
        query = "SELECT number, content, fingerprint, pixels, leader FROM likenesses WHERE content IN ({})"
        return [_from_row(row) for row in in_parts(self._connection, query, contents)]

    def at(self, numbers: Sequence[int]) -> list[GroupedContent]:
        """The rows of numbers, in their order."""
        query = "SELECT number, content, fingerprint, pixels, leader FROM likenesses WHERE number = ?"
        return [_from_row(self._connection.execute(query, (number,)).fetchone()) for number in numbers]

    def bands(self, bands: Sequence[int]) -> Iterator[Band]:
        """What is known of those of the bands that contents have."""
        query = f"SELECT band, leaders, others FROM bands WHERE band IN ({', '.join('?' * len(bands))})"
        for band, leaders, others in self._connection.execute(query, bands):
            yield Band(band=band, leaders=np.frombuffer(leaders, MEMBER), others=np.frombuffer(others, MEMBER))

    def add(self, rows: Iterable[GroupedContent]) -> None:
        """Put in contents that aren't there yet; their bands are put by themselves."""
        self._connection.executemany(
            "INSERT INTO likenesses VALUES (?, ?, ?, ?, ?)",
            (
                (
                    row.number,
                    row.likeness.content,
                    bytes.fromhex(row.likeness.fingerprint),
                    row.likeness.pixels,
                    row.leader,
                )
                for row in rows
            ),
        )

    def remove(self, numbers: Iterable[int]) -> None:
        """Take contents out; their bands are put by themselves."""
        self._connection.executemany("DELETE FROM likenesses WHERE number = ?", ((number,) for number in numbers))

    def lead(self, leaders: Iterable[tuple[int, int]]) -> None:
        """Keep who stands for contents: pairs of a content's number and its leader's."""
        self._connection.executemany(
            "UPDATE likenesses SET leader = ? WHERE number = ?", ((leader, number) for number, leader in leaders)
        )

    def put_bands(self, bands: Iterable[Band]) -> None:
        """Keep which contents have these bands."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO bands VALUES (?, ?, ?)",
            ((band.band, band.leaders.tobytes(), band.others.tobytes()) for band in bands),
        )

    def clear(self) -> None:
        """Take out everything."""
        self._connection.execute("DELETE FROM likenesses")
        self._connection.execute("DELETE FROM bands")


def _from_row(row: tuple[int, str, bytes, int, int]) -> GroupedContent:
    likeness = Likeness(content=row[1], fingerprint=row[2].hex(), pixels=row[3])
    return GroupedContent(number=row[0], likeness=likeness, leader=row[4])
