"""The placement table: where photos stand in the bundle in place, and which have changed since. It knows no bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from export.library.database import Database, id_pages, in_parts
from export.library.records import Placement, WrittenBundle


class PlacementTable:
    """The segments and rows of photos, what they hold for, and the photos that were touched since."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def base(self) -> str | None:
        """What the placements hold for, as ``replace`` was told; None where there are none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT base FROM bundles").fetchone()
            return None if row is None else row[0]

    def count(self) -> int:
        """How many photos have a place."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM placements").fetchone()[0])

    def touched_pages(self, size: int) -> Iterator[list[str]]:
        """The photos, there or gone, that have changed since they were placed: ids in bytewise order, so many a page.

        A photo that was never placed is one of them, unless nothing has changed since ``replace`` passed it over.
        """
        return id_pages(self._database, "touched", size)

    def of(self, ids: Sequence[str]) -> dict[str, Placement]:
        """Where those of the photos stand that have a place."""
        with self._database.reading() as connection:
            query = "SELECT id, segment, row FROM placements WHERE id IN ({})"
            return {row[0]: Placement(segment=row[1], row=row[2]) for row in in_parts(connection, query, ids)}

    def photos_of(self, segment: str) -> list[tuple[int, str]]:
        """The rows of a segment whose photos stand there still, and the photos' ids, in the order of the rows."""
        with self._database.reading() as connection:
            query = "SELECT row, id FROM placements WHERE segment = ? ORDER BY row"
            return connection.execute(query, (segment,)).fetchall()

    def replace(
        self,
        *,
        bundle: WrittenBundle,
        base: str,
        placed: Mapping[str, Iterable[str]],
        dropped: Iterable[str] = (),
        gone: Iterable[str] = (),
    ) -> None:
        """Keep which bundle was put in place and where its photos stand, all of it or nothing; none is touched then.

        Args:
            bundle: The bundle.
            base: What the placements hold for: all that a segment is made of beside its photos.
            placed: By segment the ids of its photos in the order of its rows; a photo leaves the place that it had.
            dropped: Segments that are no longer there.
            gone: The ids of photos that have no place any more.
        """
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM placements WHERE segment = ?", ((segment,) for segment in dropped))
            connection.executemany("DELETE FROM placements WHERE id = ?", ((photo_id,) for photo_id in gone))
            for segment, ids in placed.items():
                connection.executemany(
                    "INSERT OR REPLACE INTO placements VALUES (?, ?, ?)",
                    ((photo_id, segment, row) for row, photo_id in enumerate(ids)),
                )
            connection.execute("DELETE FROM touched")
            connection.execute(
                "INSERT OR REPLACE INTO bundles (only, id, fingerprint, base) VALUES (1, ?, ?, ?)",
                (bundle.id, bundle.fingerprint, base),
            )

    def reset(self) -> None:
        """Forget all placements: every photo is touched."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM placements")
            connection.execute("DELETE FROM touched")
            connection.execute("INSERT INTO touched SELECT id FROM photos ORDER BY id")
            connection.execute("UPDATE bundles SET base = NULL")
