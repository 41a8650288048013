"""The photo table: the photos of the last run, and what people say of them. It doesn't know what captioners found."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from export.errors import PhotosError, UnknownPhotoError
from export.library.database import Database, first_of, in_parts, revise
from export.library.records import KnownPhoto
from export.library.understanding_table import same
from handler.bundle.photos.catalogue import ColumnValue


class PhotoTable:
    """The photos of the last run, their folder, edits and the owner's columns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, KnownPhoto]:
        """The photos, by id."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT id, size_bytes, mtime_ns, content FROM photos")
            return {row[0]: KnownPhoto(id=row[0], size_bytes=row[1], stamp=row[2], content=row[3]) for row in rows}

    def ids(self) -> set[str]:
        """The ids of the photos."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT id FROM photos"))

    def has(self, photo_id: str) -> bool:
        """Whether there is a photo of this id."""
        with self._database.reading() as connection:
            return connection.execute("SELECT 1 FROM photos WHERE id = ?", (photo_id,)).fetchone() is not None

    def of_contents(self, contents: Collection[str]) -> list[KnownPhoto]:
        """For each of some contents one photo that shows it, in the bytewise order of their ids."""
        with self._database.reading() as connection:
            query = """
                SELECT min(id), size_bytes, mtime_ns, content FROM photos WHERE content IN ({}) GROUP BY content
                """
            rows = sorted(in_parts(connection, query, list(contents)))
            return [KnownPhoto(id=row[0], size_bytes=row[1], stamp=row[2], content=row[3]) for row in rows]

    def contents(self) -> set[str]:
        """What the photos show, each once."""
        with self._database.reading() as connection:
            return first_of(connection.execute("SELECT DISTINCT content FROM photos"))

    def put(self, photos: Iterable[KnownPhoto]) -> None:
        """Keep photos as they are now."""
        rows = [(photo.id, photo.size_bytes, photo.stamp, photo.content) for photo in photos]
        with self._database.transaction() as connection:
            connection.executemany(
                """
                INSERT INTO photos VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
                SET size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, content = excluded.content
                """,
                rows,
            )
            revise(connection)

    def forget(self, ids: Iterable[str]) -> None:
        """Forget that there are photos of these ids."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM photos WHERE id = ?", [(photo_id,) for photo_id in ids])
            revise(connection)

    def orphans(self) -> list[str]:
        """The contents that photos had since ``forget_orphans`` and that none has any more."""
        with self._database.reading() as connection:
            query = "SELECT content FROM orphans WHERE content NOT IN (SELECT content FROM photos)"
            return [row[0] for row in connection.execute(query)]

    def forget_orphans(self) -> None:
        """Forget which contents photos had: nothing is left of them."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM orphans")

    def edit(self, photo_id: str, text: str) -> None:
        """Keep the caption that a person gives a photo, and with it every photo of the same content.

        Raises:
            UnknownPhotoError: There is no such photo.
        """
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO edits VALUES (?, ?) ON CONFLICT (content) DO UPDATE SET text = excluded.text",
                [(content, text) for content in self._contents_of(connection, [photo_id])],
            )
            revise(connection)

    def hide(self, ids: Collection[str]) -> None:
        """Keep photos, and every photo of the same contents, out of bundles.

        Raises:
            UnknownPhotoError: There is no photo of one of the ids.
            PhotosError: No photo would be left.
        """
        with self._database.transaction() as connection:
            rows = [(content,) for content in self._contents_of(connection, ids)]
            connection.executemany("INSERT INTO hidden VALUES (?) ON CONFLICT DO NOTHING", rows)
            query = (
                "SELECT 1 FROM photos JOIN captions USING (content) WHERE content NOT IN (SELECT * FROM hidden) LIMIT 1"
            )
            if connection.execute(query).fetchone() is None:
                raise PhotosError("no photo would be left; at least one has to stay")
            revise(connection)

    def show(self, ids: Collection[str]) -> None:
        """Let photos into bundles again. Raises UnknownPhotoError where there is no photo of one of the ids."""
        with self._database.transaction() as connection:
            rows = [(content,) for content in self._contents_of(connection, ids)]
            connection.executemany("DELETE FROM hidden WHERE content = ?", rows)
            revise(connection)

    def hidden(self) -> list[KnownPhoto]:
        """The photos that are kept out of bundles, those that were hidden last first."""
        with self._database.reading() as connection:
            query = "SELECT p.id, p.size_bytes, p.mtime_ns, content FROM hidden AS h JOIN photos AS p USING (content)"
            rows = connection.execute(f"{query} ORDER BY h.rowid DESC, p.id")
            return [KnownPhoto(id=row[0], size_bytes=row[1], stamp=row[2], content=row[3]) for row in rows]

    def put_keyword(self, ids: Collection[str], keyword: str, *, given: bool) -> None:
        """Keep that a keyword was given to photos, and every photo of the same contents, or taken away from them.

        Raises:
            UnknownPhotoError: There is no photo of one of the ids.
        """
        with self._database.transaction() as connection:
            contents = self._contents_of(connection, ids)
            query = "SELECT content, keyword FROM keywords WHERE content IN ({})"
            said = [row for row in in_parts(connection, query, contents) if same(row[1]) == same(keyword)]
            connection.executemany("DELETE FROM keywords WHERE content = ? AND keyword = ?", said)
            rows = [(content, keyword, int(given)) for content in contents]
            connection.executemany("INSERT INTO keywords VALUES (?, ?, ?)", rows)
            revise(connection)

    def check(self, ids: Collection[str]) -> None:
        """Raises UnknownPhotoError where there is no photo of one of the ids."""
        with self._database.reading() as connection:
            self._contents_of(connection, ids)

    def _contents_of(self, connection: sqlite3.Connection, ids: Collection[str]) -> list[str]:
        """What photos show, each once."""
        found = dict(in_parts(connection, "SELECT id, content FROM photos WHERE id IN ({})", sorted(set(ids))))
        if unknown := sorted(set(ids) - found.keys()):
            raise UnknownPhotoError(
                f"no photo {unknown[0]!r} in {self._database.path}; "
                "expected its path relative to the folder that was indexed"
            )
        return sorted(set(found.values()))

    def root(self) -> Path | None:
        """The folder to which the photos' ids are relative."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT root FROM sources").fetchone()
            return None if row is None else Path(os.fsdecode(row[0]))

    def put_root(self, root: Path) -> None:
        """Keep to which folder the photos' ids are relative."""
        if self.root() != root:
            with self._database.transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO sources VALUES (1, ?)", (os.fsencode(root),))

    def put_columns(self, columns: Mapping[str, Mapping[str, ColumnValue]]) -> list[str]:
        """Keep the owner's columns in place of those of the last run.

        Args:
            columns: The values by name, of each photo by its id.

        Returns:
            The ids that no photo has, sorted.
        """
        rows = {photo: json.dumps(values, ensure_ascii=False, sort_keys=True) for photo, values in columns.items()}
        with self._database.reading() as connection:
            known = dict(connection.execute("SELECT id, record FROM own_columns"))
            query = "SELECT id FROM photos WHERE id IN ({})"
            strangers = sorted(rows.keys() - first_of(in_parts(connection, query, list(rows))))
        changed = rows.items() - known.items()
        gone = known.keys() - rows.keys()
        if changed or gone:
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM own_columns WHERE id = ?", [(photo_id,) for photo_id in gone])
                connection.executemany(
                    "INSERT INTO own_columns VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
                    changed,
                )
                revise(connection)
        return strangers
