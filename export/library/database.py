"""The database: one SQLite file in the output folder, opened by one process at a time.

It knows transactions, versions and what can go wrong on a disk; what the rows mean is for the tables over it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from export.disk.file_lock import FileLock
from export.errors import LibraryError, LibraryInUseError, OutputError, unwritable
from export.library.schema import SCHEMA, SCHEMA_VERSION, UPGRADES

LIBRARY_FILE = "library.sqlite"
LOCK_FILE = "library.lock"
_ASKED_AT_ONCE = 500


class Database:
    """An open database and the lock that keeps other processes from it."""

    def __init__(self, *, connection: sqlite3.Connection, lock: FileLock | None, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the database in a folder; both are made where they are missing.

        Raises:
            LibraryInUseError: Another process has it open.
            LibraryError: It is of another version, or it is damaged.
            OutputError: The folder can't be written.
        """
        lock = FileLock(folder / LOCK_FILE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = lock.take(wait=False)
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise OutputError(
                    f"{folder} can't be locked against other runs: {error.strerror}; choose an --out on another disk, "
                    "the photos may stay where they are"
                ) from error
            reason = unwritable(error, "choose another folder with --out")
            raise OutputError(f"{folder} can't be written: {reason}") from error
        if not taken:
            raise LibraryInUseError(
                f"{folder} is in use by another thinlens run; wait for its end, or choose another --out"
            )
        path = folder / LIBRARY_FILE
        try:
            with _translated(path):
                connection = sqlite3.connect(path, isolation_level=None)
                database = cls(connection=connection, lock=lock, path=path)
                database._prepare()
        except BaseException:
            lock.release()
            raise
        return database

    @classmethod
    def open_to_read(cls, folder: Path) -> Self:
        """Open a database that is there, without keeping others from it.

        Raises:
            LibraryError: There is none, or it is of another version or damaged.
        """
        path = folder / LIBRARY_FILE
        if not path.is_file():
            raise LibraryError(f"{folder} holds no library; make one with: thinlens index PHOTOS --out {folder}")
        with _translated(path):
            # SQLite writes a file beside one that it reads, unless that is said to stay as it is.
            stays = not os.access(folder, os.W_OK) and not path.with_name(f"{LIBRARY_FILE}-wal").exists()
            mode = "mode=ro&immutable=1" if stays else "mode=ro"
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
            database = cls(connection=connection, lock=None, path=path)
            database._check_version()
        return database

    def close(self) -> None:
        """Close the file and let other processes have it."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for queries."""
        with _translated(self.path):
            yield self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, for changes of which either all are kept or none."""
        with _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # when the disk is full, SQLite has rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        # With a write-ahead log, NORMAL loses at most the last transactions to a power cut, never the file.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if self._version() == 0:
            with self.transaction() as connection:
                for statement in _statements(SCHEMA):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        while (version := self._version()) in UPGRADES:
            with self.transaction() as connection:
                for statement in _statements(UPGRADES[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
        self._check_version()

    def _check_version(self) -> None:
        if (version := self._version()) in UPGRADES:
            raise LibraryError(f"{self.path} is of version {version}; 'thinlens index' brings it to {SCHEMA_VERSION}")
        if version != SCHEMA_VERSION:
            raise LibraryError(
                f"{self.path} is of version {version} (expected {SCHEMA_VERSION}): "
                "use the thinlens that wrote it, or choose another --out"
            )

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        reason = "the disk is full; make room or" if full else f"{error};"
        raise OutputError(
            f"{path} can't be used: {reason} choose another --out, then run again: what is done is kept"
        ) from error
    except sqlite3.DatabaseError as error:
        raise LibraryError(f"{path} is damaged: {error}; move it away and index again") from error


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, each of which ends with a line; ``executescript`` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    yield statement


def revise(connection: sqlite3.Connection) -> None:
    """Count a change of photos, of what they show, or of failures."""
    connection.execute("UPDATE revisions SET number = number + 1")


def first_of(rows: Iterable[tuple[str]]) -> set[str]:
    """The first column of some rows."""
    return {row[0] for row in rows}


def in_parts(connection: sqlite3.Connection, query: str, values: Sequence[str], *others: str) -> Iterator[Any]:
    """The rows of a query about many values, some at a time.

    Args:
        connection: Where to ask.
        query: Has ``IN ({})`` for the values.
        values: Each once.
        others: What stands for the question marks behind the values.
    """
    for start in range(0, len(values), _ASKED_AT_ONCE):
        part = values[start : start + _ASKED_AT_ONCE]
        yield from connection.execute(query.format(", ".join("?" * len(part))), (*part, *others))


def id_pages(database: Database, table: str, size: int) -> Iterator[list[str]]:
    """The ids of a table in bytewise order, so many at a time; it may be written in between."""
    last = ""
    while True:
        with database.reading() as connection:
            rows = connection.execute(f"SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT ?", (last, size))
            page = [row[0] for row in rows]
        if not page:
            return
        yield page
        last = page[-1]
