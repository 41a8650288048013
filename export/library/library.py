"""The library: everything that is known of the photos, kept between runs.

It knows rows, nothing of images, models or bundles. What a photo shows is kept by the hash of its content, so that a
moved photo costs nothing and duplicates are understood once; texts' vectors are kept by the text. What is known of
photos that are gone stays, so that a photo that returns costs nothing either. One transaction holds all that is learnt
of a photo: a process that is killed leaves it whole or not at all.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from export.errors import LibraryError
from export.library.database import Database
from export.photos.facts import PhotoFacts
from handler.bundle.catalogue import ColumnValue

_FACTS = tuple(field.name for field in fields(PhotoFacts))  # in the order of the columns of "contents"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPhoto:
    """A photo as it was last seen: its id, the size in bytes and date (ns since 1970) of its file, its content."""

    id: str
    size_bytes: int
    mtime_ns: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentUnderstanding:
    """All that is learnt of one content: its facts, a caption for each instruction, the visual vector if any."""

    content: str
    facts: PhotoFacts
    captions: Mapping[str, str]
    vector: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstoodPhoto:
    """A photo that can go into a bundle; ``edit`` is the caption that a person gave it, ``columns`` the owner's."""

    id: str
    content: str
    size_bytes: int
    facts: PhotoFacts
    captions: Mapping[str, str]
    edit: str | None
    columns: Mapping[str, ColumnValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A photo that isn't in the bundle, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBundle:
    """The bundle that was last put in place, and the fingerprint of what it was made of."""

    id: str
    fingerprint: str


class Library:
    """An open library; one process at a time has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    def photos(self) -> dict[str, KnownPhoto]:
        """The photos of the last run, by id."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT id, size_bytes, mtime_ns, content FROM photos")
            return {row[0]: KnownPhoto(id=row[0], size_bytes=row[1], mtime_ns=row[2], content=row[3]) for row in rows}

    def put_photos(self, photos: Iterable[KnownPhoto]) -> None:
        """Keep photos as they are now."""
        rows = [(photo.id, photo.size_bytes, photo.mtime_ns, photo.content) for photo in photos]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?)", rows)
            _revise(connection)

    def forget_photos(self, ids: Iterable[str]) -> None:
        """Forget that there are photos of these ids."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM photos WHERE id = ?", [(photo_id,) for photo_id in ids])
            _revise(connection)

    def put_root(self, root: Path) -> None:
        """Keep to which folder the photos' ids are relative."""
        if self.root() != root:
            with self._database.transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO sources VALUES (1, ?)", (os.fsencode(root),))

    def root(self) -> Path | None:
        """The folder to which the photos' ids are relative."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT root FROM sources").fetchone()
            return None if row is None else Path(os.fsdecode(row[0]))

    def contents(self) -> set[str]:
        """The contents of the photos of the last run."""
        with self._database.reading() as connection:
            return _first(connection.execute("SELECT DISTINCT content FROM photos"))

    def understood_contents(self, *, captioner: str, instructions: Sequence[str]) -> set[str]:
        """The contents that the captioner has understood, with an answer to each of the instructions."""
        with self._database.reading() as connection:
            query = "SELECT content FROM understandings WHERE captioner = ?"
            contents = _first(connection.execute(query, (captioner,)))
            query = "SELECT content FROM captions WHERE captioner = ? AND instruction = ?"
            for instruction in instructions:
                contents &= _first(connection.execute(query, (captioner, instruction)))
            return contents

    def failed_contents(self, *, decoder: str) -> set[str]:
        """The contents that the decoder can't decode."""
        with self._database.reading() as connection:
            return _first(connection.execute("SELECT content FROM failures WHERE decoder = ?", (decoder,)))

    def put_understandings(self, understandings: Sequence[ContentUnderstanding], *, captioner: str) -> None:
        """Keep what a captioner understood, all of it or nothing."""
        with self._database.transaction() as connection:
            for found in understandings:
                connection.execute(
                    "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (found.content, *astuple(found.facts)),
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO captions VALUES (?, ?, ?, ?)",
                    [(found.content, captioner, instruction, text) for instruction, text in found.captions.items()],
                )
                connection.execute(
                    "INSERT OR REPLACE INTO understandings VALUES (?, ?, ?)",
                    (found.content, captioner, None if found.vector is None else _to_blob(found.vector)),
                )
                connection.execute("DELETE FROM failures WHERE content = ?", (found.content,))
            _revise(connection)

    def put_failure(self, content: str, *, decoder: str, reason: str) -> None:
        """Keep that a content can't be decoded, and why."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (content, decoder, reason))
            _revise(connection)

    def put_unreadable(self, unreadable: Mapping[str, str]) -> None:
        """Keep which files couldn't be read in this run, and why, in place of those of the last."""
        with self._database.reading() as connection:
            if dict(connection.execute("SELECT path, reason FROM unreadable")) == unreadable:
                return
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM unreadable")
            connection.executemany("INSERT INTO unreadable VALUES (?, ?)", unreadable.items())
            _revise(connection)

    def put_own_columns(self, columns: Mapping[str, Mapping[str, ColumnValue]]) -> list[str]:
        """Keep the owner's columns in place of those of the last run; returns the ids that no photo has."""
        rows = {photo: json.dumps(values, ensure_ascii=False, sort_keys=True) for photo, values in columns.items()}
        with self._database.reading() as connection:
            photos = _first(connection.execute("SELECT id FROM photos"))
            changed = dict(connection.execute("SELECT id, record FROM own_columns")) != rows
        if changed:
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM own_columns")
                connection.executemany("INSERT INTO own_columns VALUES (?, ?)", rows.items())
                _revise(connection)
        return sorted(rows.keys() - photos)

    def failures(self) -> list[Failure]:
        """The photos of the last run that are in no bundle, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(
                """
                SELECT id, reason FROM photos JOIN failures USING (content)
                UNION ALL SELECT path, reason FROM unreadable ORDER BY 1
                """
            )
            return [Failure(path=path, reason=reason) for path, reason in rows]

    def edit(self, photo_id: str, text: str) -> None:
        """Keep the caption that a person gives a photo, and with it every photo of the same content.

        Raises:
            LibraryError: there is no such photo.
        """
        with self._database.transaction() as connection:
            row = connection.execute("SELECT content FROM photos WHERE id = ?", (photo_id,)).fetchone()
            if row is None:
                raise LibraryError(
                    f"no photo {photo_id!r} in {self._database.path}; "
                    "expected its path relative to the folder that was indexed"
                )
            connection.execute("INSERT OR REPLACE INTO edits VALUES (?, ?)", (row[0], text))
            _revise(connection)

    def understood(self, *, captioner: str, instructions: Sequence[str]) -> list[UnderstoodPhoto]:
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
                       c.width, c.height, c.type, c.taken, c.placeholder, c.fingerprint
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
            return _stack(connection.execute(query, (content, captioner)).fetchone()[0] for content in contents)

    def texts_without_vector(self, texts: Iterable[str], *, encoder: str) -> list[str]:
        """Those of the texts that this encoder hasn't embedded yet, each once."""
        with self._database.reading() as connection:
            embedded = _first(connection.execute("SELECT text FROM text_vectors WHERE encoder = ?", (encoder,)))
        return [text for text in dict.fromkeys(texts) if text not in embedded]

    def put_text_vectors(self, texts: Sequence[str], vectors: NDArray[np.float32], *, encoder: str) -> None:
        """Keep texts' vectors, float32 [n, dim]."""
        rows = [(text, encoder, _to_blob(vector)) for text, vector in zip(texts, vectors, strict=True)]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO text_vectors VALUES (?, ?, ?)", rows)

    def text_vectors(self, texts: Sequence[str], *, encoder: str) -> NDArray[np.float32]:
        """The vectors of embedded texts, float32 [n, dim]."""
        with self._database.reading() as connection:
            query = "SELECT vector FROM text_vectors WHERE text = ? AND encoder = ?"
            return _stack(connection.execute(query, (text, encoder)).fetchone()[0] for text in texts)

    def revision(self) -> int:
        """A number that grows with every change of photos, of what they show, and of failures."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT number FROM revisions").fetchone()[0])

    def bundle(self) -> WrittenBundle | None:
        """The bundle that was last put in place."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT id, fingerprint FROM bundles").fetchone()
            return None if row is None else WrittenBundle(id=row[0], fingerprint=row[1])

    def put_bundle(self, bundle: WrittenBundle) -> None:
        """Keep which bundle was put in place."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO bundles VALUES (1, ?, ?)", (bundle.id, bundle.fingerprint))


def _revise(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE revisions SET number = number + 1")


def _from_json(record: str | None) -> dict[str, ColumnValue]:
    values = json.loads(record or "{}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _first(rows: Iterable[tuple[str]]) -> set[str]:
    return {row[0] for row in rows}


def _to_blob(vector: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _stack(blobs: Iterable[bytes]) -> NDArray[np.float32]:
    return np.stack([np.frombuffer(blob, dtype="<f4") for blob in blobs]).astype(np.float32)
