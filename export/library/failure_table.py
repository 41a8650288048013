"""The failure table: the photos that are in no bundle, and why. It knows nothing of decoding."""

from __future__ import annotations

from collections.abc import Mapping

from export.library.database import Database, first_of, revise
from export.library.records import Failure


class FailureTable:
    """Contents that can't be decoded, and files that the last run couldn't read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Failure]:
        """The photos of the last run that are in no bundle, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(
                """
                SELECT id, reason FROM failures CROSS JOIN photos USING (content)
                UNION ALL SELECT path, reason FROM unreadable ORDER BY 1
                """
            )
            return [Failure(path=path, reason=reason) for path, reason in rows]

    def count(self) -> int:
        """How many they are."""
        with self._database.reading() as connection:
            query = """
                SELECT (SELECT count(*) FROM failures CROSS JOIN photos USING (content)) +
                       (SELECT count(*) FROM unreadable)
                """
            return int(connection.execute(query).fetchone()[0])

    def contents(self, *, decoder: str) -> set[str]:
        """The contents that the decoder can't decode."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT content FROM failures WHERE decoder = ?", (decoder,)))

    def put_broken(self, content: str, *, decoder: str, reason: str) -> None:
        """Keep that a content can't be decoded, and why."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (content, decoder, reason))
            revise(connection)

    def put_unreadable(self, unreadable: Mapping[str, str]) -> None:
        """Keep which files couldn't be read in this run, and why, in place of those of the last."""
        with self._database.reading() as connection:
            if dict(connection.execute("SELECT path, reason FROM unreadable")) == unreadable:
                return
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM unreadable")
            connection.executemany("INSERT INTO unreadable VALUES (?, ?)", unreadable.items())
            revise(connection)
