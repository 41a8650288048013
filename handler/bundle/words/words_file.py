"""The words file of a segment: an FTS5 index of SQLite's, taken apart so that each page is verified before it is read.

Each row of the index is one field of one photo. FTS5 keeps its postings in pages of some 4,000 bytes, rows of the table
words_data, and finds a term's first page in the table words_idx. Here the pages lie behind each other, and the *image*,
a small SQLite database, holds everything else and where each page lies. A question copies the image and the pages of
its words into memory, and SQLite answers as if all were there. The format of both tables is described in the
source of FTS5 (fts5_index.c, "The FTS5 segment").

Layout, little-endian: magic (8 bytes), version u32, bytes of the image u32, count of photos u64; then the image, then
the pages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedFile, Reading
from handler.bundle.mapped_file import check_header
from handler.errors import BundleError

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE = "words.bin"
MAGIC = b"thinword"
VERSION = 1
HEADER = struct.Struct("<8sIIQ")

Phrase: TypeAlias = tuple[str, ...]
"""Terms that follow each other; one term alone is a phrase too."""
Rows = NDArray[np.int64]

_CREATE = "CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, tokenize='ascii')"
_PAGE_BYTES = 4_000
_FIRST_PAGE = 1 << 36
"""Rows of words_data below it belong to the index as a whole."""
_HEAD_BYTES = 1 << 15
"""The image of a full segment is about as long."""
_TERM_BYTES = 300
"""What is known of a term takes about so much memory."""
_PER_SEGMENT = 37
"""A page's number is its number in its FTS5 segment, and from this bit on the segment's."""
COMMON = 256
"""Of terms in more rows the image tells in how many."""
_SKIPS = 1 << 36
"""The bit of pages by which long lists are skipped through."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A phrase that is looked up, and in how many rows it may stand at most to tell something, COMMON at least."""

    phrase: Phrase
    most_rows: int | None = None

    def is_too_common(self, rows: int) -> bool:
        """Whether a phrase that stands in so many rows tells nothing."""
        return self.most_rows is not None and rows > self.most_rows


@dataclass(frozen=True, slots=True)
class _Term:
    """In how many rows a term stands, if these are more than COMMON, and the pages in which they may be."""

    count: int
    pages: Sequence[int]


def write_words(path: Path, rows: Iterable[tuple[int, str]], *, photos: int) -> None:
    """Write the index of rows: a number, and its terms with spaces between them, of letters and digits alone.

    Args:
        path: Where it goes.
        rows: They rise.
        photos: How many photos the rows are of.

    Raises:
        OSError: The file can't be written.
    """
    index = _whole_index(rows)
    image = _image(index)
    with path.open("wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, len(image), photos))
        file.write(image)
        pages = index.execute("SELECT block FROM words_data WHERE id >= ? ORDER BY id", (_FIRST_PAGE,))
        file.writelines(block for (block,) in pages)
    index.close()


def _whole_index(rows: Iterable[tuple[int, str]]) -> Connection:
    """The index as SQLite makes it, of one FTS5 segment."""
    index = connect()
    index.execute(_CREATE)
    index.execute("INSERT INTO words(words, rank) VALUES ('pgsz', ?)", (_PAGE_BYTES,))
    index.execute("BEGIN")
    index.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", rows)
    index.execute("INSERT INTO words(words) VALUES ('optimize')")
    index.execute("COMMIT")
    return index


def _image(index: Connection) -> bytes:
    """The same without its pages; in their place, where they lie behind each other, and how common terms are."""
    image = connect()
    image.execute("PRAGMA page_size = 1024")
    image.execute(_CREATE)
    image.execute("CREATE TABLE pages (number INTEGER PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL)")
    image.execute("CREATE TABLE common (term TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID")
    index.execute("CREATE VIRTUAL TABLE counts USING fts5vocab(words, row)")
    image.execute("BEGIN")
    image.execute("DELETE FROM words_data")
    for table, columns, query in (
        ("words_data", "?, ?", f"SELECT id, block FROM words_data WHERE id < {_FIRST_PAGE}"),
        ("words_idx", "?, ?, ?", "SELECT segid, term, pgno FROM words_idx"),
        ("common", "?, ?", f"SELECT term, doc FROM counts WHERE doc > {COMMON}"),
    ):
        image.executemany(f"INSERT INTO {table} VALUES ({columns})", index.execute(query))
    start = 0
    sizes = index.execute("SELECT id, length(block) FROM words_data WHERE id >= ? ORDER BY id", (_FIRST_PAGE,))
    for number, size in sizes:
        image.execute("INSERT INTO pages VALUES (?, ?, ?)", (number, start, start + size))
        start += size
    image.execute("COMMIT")
    image.execute("VACUUM")
    data: bytes = image.serialize()
    image.close()
    return data


class WordsFile:
    """A words file, of which what a question needs is verified and read; used by one thread at a time."""

    def __init__(self, file: BlockedFile, *, photos: int) -> None:
        """The words of so many photos."""
        self._file = file
        self._photos = photos
        self._index: Connection | None = None
        self._pages_at = 0
        self._here: set[int] = set()
        self._known: dict[str, _Term] = {}
        self.loaded_bytes = 0
        """How much of it stands in memory."""

    def forget(self) -> None:
        """Give back the memory of what was read."""
        if self._index is not None:
            self._index.close()
        self._index = None
        self._here = set()
        self._known = {}
        self.loaded_bytes = 0

    def find(self, lookups: Sequence[Lookup], *, gone: int = 0) -> Reading[list[Rows | None]]:
        """The rows in which each of some phrases stands, int64 [n], rising; None of a term in too many for sure.

        Args:
            lookups: The phrases.
            gone: So many rows may be of photos that are gone, and don't count.

        Raises:
            BundleError: The file isn't what it should be.
        """
        import _sqlite3  # here, so that it costs the start nothing; sqlite3 around it takes five times as long

        try:
            index = yield from self._opened()
            asked = [None if self._is_common(index, each, gone) else each.phrase for each in lookups]
            terms = {term for phrase in asked if phrase for term in phrase}
            numbers = {number for term in terms for number in self._term(index, term).pages}
            yield from self._load(index, sorted(numbers - self._here))
            return [None if phrase is None else _rows(index, phrase) for phrase in asked]
        except _sqlite3.Error as error:
            raise BundleError(
                f"{self._file.name} is damaged, or SQLite {_sqlite3.sqlite_version} can't read it (expected one with"
                f" FTS5): {error}"
            ) from error

    def _opened(self) -> Reading[Connection]:
        """The index in memory, into which pages come as they are needed."""
        if self._index is None:
            if len(self._file) < HEADER.size:
                raise BundleError(f"{self._file.name} is truncated: {len(self._file)} bytes")
            yield self._file.wanted(0, min(len(self._file), _HEAD_BYTES))
            size, photos = check_header(self._file.data, HEADER, magic=MAGIC, version=VERSION, name=self._file.name)
            if photos != self._photos:
                raise BundleError(
                    f"Parts do not belong together: photos in {self._file.name} is {photos} (expected {self._photos})"
                )
            self._pages_at = HEADER.size + size
            if not 0 < size <= len(self._file) - HEADER.size:
                raise BundleError(f"{self._file.name} is truncated: {len(self._file)} bytes")
            yield self._file.wanted(HEADER.size, self._pages_at)
            index = connect()
            index.deserialize(self._file.data[HEADER.size : self._pages_at])
            index.execute("PRAGMA trusted_schema = OFF")
            self.loaded_bytes += size
            self._index = index
        return self._index

    def _is_common(self, index: Connection, lookup: Lookup, gone: int) -> bool:
        """Whether a term is known to stand in too many rows before they are read."""
        return len(lookup.phrase) == 1 and lookup.is_too_common(self._term(index, lookup.phrase[0]).count - gone)

    def _term(self, index: Connection, term: str) -> _Term:
        """What is known of a term without reading its rows."""
        known = self._known.get(term)
        if known is None:
            count = index.execute("SELECT count FROM common WHERE term = ?", (term,)).fetchone()
            known = _Term(count=count[0] if count else 0, pages=self._pages_of(index, term))
            self._known[term] = known
            self.loaded_bytes += _TERM_BYTES
        return known

    def _pages_of(self, index: Connection, term: str) -> list[int]:
        """The pages in which a term may stand: from that where it would begin to where a later one begins."""
        key = b"0" + term.encode()
        first = index.execute(
            "SELECT segid, pgno >> 1 FROM words_idx WHERE term <= ? ORDER BY segid DESC, term DESC LIMIT 1", (key,)
        ).fetchone()
        if first is None:
            return []
        segment, begin = first
        (end,) = index.execute(
            "SELECT min(pgno >> 1) FROM words_idx WHERE segid = ? AND term > ?", (segment, key)
        ).fetchone()
        base = segment << _PER_SEGMENT
        end = (1 << 31) - 1 if end is None else end
        return [
            number
            for low in (base, base | _SKIPS)
            for (number,) in index.execute(
                "SELECT number FROM pages WHERE number BETWEEN ? AND ?", (low + begin, low + end)
            )
        ]

    def _load(self, index: Connection, numbers: Sequence[int]) -> Reading[None]:
        """Copy pages into the index in memory once they are verified."""
        if not numbers:
            return
        bounds = np.array(
            [
                index.execute("SELECT start, end FROM pages WHERE number = ?", (number,)).fetchone()
                for number in numbers
            ],
            dtype=np.int64,
        )
        starts, ends = bounds[:, 0] + self._pages_at, bounds[:, 1] + self._pages_at
        if not ((starts >= self._pages_at) & (starts < ends) & (ends <= len(self._file))).all():
            raise BundleError(f"The table of pages of {self._file.name} does not fit its pages")
        yield self._file.wanted(starts, ends)
        if self._here.issuperset(numbers):
            return
        data = self._file.data
        index.executemany(
            "INSERT OR REPLACE INTO words_data VALUES (?, ?)",
            [
                (number, data[start:end])
                for number, start, end in zip(numbers, starts.tolist(), ends.tolist(), strict=True)
            ],
        )
        self._here.update(numbers)
        self.loaded_bytes += int((ends - starts).sum())


def connect() -> Connection:
    """An empty database in memory, in which every statement stands for itself; any thread may use it."""
    import _sqlite3

    connection: Connection = _sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    return connection


def _rows(index: Connection, phrase: Phrase) -> Rows:
    """The rows in which a phrase stands; as one text, which takes half as long as a Python object for each."""
    query = f'"{" ".join(phrase)}"'
    (found,) = index.execute("SELECT group_concat(rowid) FROM words WHERE words MATCH ?", (query,)).fetchone()
    return np.fromstring(found or "", dtype=np.int64, sep=",")
