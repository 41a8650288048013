"""The library: everything that is known of the photos, kept between runs.

It knows its tables, nothing of images, models or bundles. What a photo shows is kept by the hash of its content, so
that a moved photo costs nothing and duplicates are understood once; texts' vectors are kept by the text. What is known
of photos that are gone stays, so that a photo that returns costs nothing either. One transaction holds all that is
learnt of a photo: a process that is killed leaves it whole or not at all.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from export.library.database import Database
from export.library.failure_table import FailureTable
from export.library.likeness_table import LikenessTable
from export.library.photo_table import PhotoTable
from export.library.placement_table import PlacementTable
from export.library.records import WrittenBundle
from export.library.text_table import TextTable
from export.library.text_vector_table import TextVectorTable
from export.library.understanding_table import UnderstandingTable


class Library:
    """An open library; one process at a time has it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.photos = PhotoTable(database)
        self.understandings = UnderstandingTable(database)
        self.failures = FailureTable(database)
        self.texts = TextTable(database)
        self.text_vectors = TextVectorTable(database)
        self.placements = PlacementTable(database)
        self.likenesses = LikenessTable(database)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the library in an output folder; raises as ``Database.open`` does."""
        return cls(Database.open(folder))

    @classmethod
    def open_to_read(cls, folder: Path) -> Self:
        """Open the library in an output folder, only to read; raises as ``Database.open_to_read`` does."""
        return cls(Database.open_to_read(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def revision(self) -> int:
        """A number that grows with every change of photos, of what they show, and of failures."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT number FROM revisions").fetchone()[0])

    def bundle(self) -> WrittenBundle | None:
        """The bundle that was last put in place."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT id, fingerprint FROM bundles").fetchone()
            return None if row is None else WrittenBundle(id=row[0], fingerprint=row[1])
