"""The text vector table: the vectors of texts, by encoder. It doesn't know whose captions the texts are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from export.library.database import Database, first_of, in_parts
from export.library.vector_blobs import from_blobs, to_blob


class TextVectorTable:
    """The vectors of the texts that encoders have embedded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def missing(self, texts: Iterable[str], *, encoder: str) -> list[str]:
        """Those of the texts that this encoder hasn't embedded yet, each once."""
        wanted = list(dict.fromkeys(texts))
        with self._database.reading() as connection:
            query = "SELECT text FROM text_vectors WHERE text IN ({}) AND encoder = ?"
            embedded = first_of(in_parts(connection, query, wanted, encoder))
        return [text for text in wanted if text not in embedded]

    def of(self, texts: Sequence[str], *, encoder: str) -> NDArray[np.float32]:
        """The vectors of embedded texts, float32 [n, dim]."""
        with self._database.reading() as connection:
            query = "SELECT vector FROM text_vectors WHERE text = ? AND encoder = ?"
            return from_blobs(connection.execute(query, (text, encoder)).fetchone()[0] for text in texts)

    def put(self, texts: Sequence[str], vectors: NDArray[np.float32], *, encoder: str) -> None:
        """Keep texts' vectors, float32 [n, dim]."""
        rows = [(text, encoder, to_blob(vector)) for text, vector in zip(texts, vectors, strict=True)]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO text_vectors VALUES (?, ?, ?)", rows)
