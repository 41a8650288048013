"""The database: one SQLite file in the output folder, opened by one process at a time.

It knows transactions, versions and what can go wrong on a disk; what the rows mean is library.py's.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from export.disk.file_lock import FileLock
from export.errors import LibraryError, OutputError

SCHEMA_VERSION = 3
LIBRARY_FILE = "library.sqlite"
LOCK_FILE = "library.lock"

_SCHEMA = """
CREATE TABLE photos (           -- the photos of the last run
    id          TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL,
    content     TEXT NOT NULL   -- sha256 of the file, hexadecimal
) STRICT;
CREATE INDEX photos_by_content ON photos (content);
CREATE TABLE contents (         -- what decoding found
    content     TEXT PRIMARY KEY,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    type        TEXT NOT NULL,
    taken       TEXT,           -- ISO 8601
    placeholder TEXT NOT NULL,
    fingerprint TEXT NOT NULL
) STRICT;
CREATE TABLE captions (         -- what the captioner of this identity said
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    instruction TEXT NOT NULL,
    text        TEXT NOT NULL,
    PRIMARY KEY (content, captioner, instruction)
) STRICT;
CREATE TABLE edits (            -- what a person said instead
    content     TEXT PRIMARY KEY,
    text        TEXT NOT NULL
) STRICT;
CREATE TABLE understandings (   -- what captioners have understood
    content     TEXT NOT NULL,
    captioner   TEXT NOT NULL,
    vector      BLOB,           -- the visual view, float32 little-endian, unit norm, null where it gives none
    PRIMARY KEY (content, captioner)
) STRICT;
CREATE TABLE text_vectors (     -- float32 little-endian, unit norm, of captions and edits
    text        TEXT NOT NULL,
    encoder     TEXT NOT NULL,
    vector      BLOB NOT NULL,
    PRIMARY KEY (text, encoder)
) STRICT;
CREATE TABLE own_columns (      -- what the owner's table says, for photos that are there or not
    id          TEXT PRIMARY KEY,
    record      TEXT NOT NULL   -- JSON: text, number or list of texts by name
) STRICT;
CREATE TABLE failures (         -- contents that this decoder can't decode
    content     TEXT PRIMARY KEY,
    decoder     TEXT NOT NULL,
    reason      TEXT NOT NULL
) STRICT;
CREATE TABLE unreadable (       -- files that the last run couldn't read
    path        TEXT PRIMARY KEY,
    reason      TEXT NOT NULL
) STRICT;
CREATE TABLE sources (          -- the folder to which the photos' ids are relative
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    root        BLOB NOT NULL   -- a path is bytes, not always text
) STRICT;
CREATE TABLE revisions (        -- grows with every change of what a bundle is made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    number      INTEGER NOT NULL
) STRICT;
INSERT INTO revisions VALUES (1, 0);
CREATE TABLE bundles (          -- the bundle in place, and what it was made of
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    id          TEXT NOT NULL,
    fingerprint TEXT NOT NULL
) STRICT;
"""


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
            LibraryError: another process has it open, it is of another version, or it is damaged.
            OutputError: the folder can't be written.
        """
        lock = FileLock(folder / LOCK_FILE)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = lock.take(wait=False)
        except OSError as error:
            reason = f"{folder} can't be written: {error.strerror}"
            raise OutputError(f"{reason}; make room, or choose another folder with --out") from error
        if not taken:
            raise LibraryError(f"{folder} is in use by another thinlens run; wait for its end, or choose another --out")
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
            LibraryError: there is none, or it is of another version or damaged.
        """
        path = folder / LIBRARY_FILE
        if not path.is_file():
            raise LibraryError(f"{folder} holds no library; make one with: thinlens index PHOTOS --out {folder}")
        with _translated(path):
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
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
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._check_version()

    def _check_version(self) -> None:
        if (version := self._version()) != SCHEMA_VERSION:
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
        raise OutputError(
            f"{path} can't be used: {error}; make room or choose another --out, then run again: what is done is kept"
        ) from error
    except sqlite3.DatabaseError as error:
        raise LibraryError(f"{path} is damaged: {error}; move it away and index again") from error
