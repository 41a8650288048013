"""The files of the library in a bucket: Parquet, with what reading found of some photos, or which photos there are.

It knows rows and bytes; where they lie is for bucket_library.py.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from export.errors import LibraryError
from export.library.records import KnownPhoto, Understander
from export.pictures.facts import PhotoFacts
from export.understanding.backlog import Reading
from export.understanding.captioner import Understanding
from export.understanding.engine import FailedPhoto
from export.understanding.photo_reader import Outcome, ReadPhoto

FORMAT = 2
_READ = (1, FORMAT)
"""Until 2 the image encoder was always the captioner's own."""
_FACTS = tuple(field.name for field in fields(PhotoFacts))
_FACT_TYPES = {"width": "int64", "height": "int64", "latitude": "float64", "longitude": "float64"}
_KNOWN = ("id", "size_bytes", "stamp", "content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """What reading found of some photos.

    Attributes:
        reading: Who has read them.
        photos: Which they are, each once, with their contents.
        outcomes: One for each: read, without the thumbnail, or broken.
    """

    reading: Reading
    photos: Sequence[KnownPhoto]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The photos of the last run, and the address of the store that they lie in."""

    address: str
    photos: Sequence[KnownPhoto]


def shard_to_bytes(shard: Shard) -> bytes:
    """A shard as a Parquet file: a row for each photo."""
    pyarrow = _import_pyarrow()
    rows = [_row(photo, outcome) for photo, outcome in zip(shard.photos, shard.outcomes, strict=True)]
    types = {
        **_known_types(pyarrow),
        "reason": pyarrow.string(),
        **{name: getattr(pyarrow, _FACT_TYPES.get(name, "string"))() for name in _FACTS},
        "captions": pyarrow.list_(pyarrow.string()),
        "names": pyarrow.string(),
        "vector": pyarrow.list_(pyarrow.float32()),
    }
    reading = shard.reading
    return _to_bytes(
        {name: pyarrow.array([row.get(name) for row in rows], kind) for name, kind in types.items()},
        {
            "captioner": reading.by.captioner,
            "instructions": list(reading.by.instructions),
            "image_encoder": reading.by.image_encoder,
            "decoder": reading.decoder,
            "reader": reading.reader,
        },
    )


def shard_from_bytes(data: bytes, name: str) -> Shard:
    """The shard that a Parquet file holds; raises LibraryError where it isn't one, or of another version."""
    rows, about = _from_bytes(data, name)
    try:
        return Shard(
            reading=Reading(
                by=Understander(
                    captioner=about["captioner"],
                    instructions=tuple(about["instructions"]),
                    image_encoder=about.get("image_encoder", about["captioner"]),
                ),
                decoder=about["decoder"],
                reader=about["reader"],
            ),
            photos=[_known(row) for row in rows],
            outcomes=[_outcome(row) for row in rows],
        )
    except (KeyError, TypeError) as error:
        raise LibraryError(f"{name} is no shard of a library; move it away and index again") from error


def census_to_bytes(census: Census) -> bytes:
    """A census as a Parquet file: a row for each photo."""
    pyarrow = _import_pyarrow()
    types = _known_types(pyarrow)
    columns = {
        name: pyarrow.array([getattr(photo, name) for photo in census.photos], kind) for name, kind in types.items()
    }
    return _to_bytes(columns, {"photos": census.address})


def census_from_bytes(data: bytes, name: str) -> Census:
    """The census that a Parquet file holds; raises LibraryError where it isn't one, or of another version."""
    rows, about = _from_bytes(data, name)
    try:
        return Census(address=about["photos"], photos=[_known(row) for row in rows])
    except (KeyError, TypeError) as error:
        raise LibraryError(f"{name} is no list of photos; move it away and index again") from error


def _import_pyarrow() -> Any:
    import pyarrow
    import pyarrow.parquet

    return pyarrow


def _row(photo: KnownPhoto, outcome: Outcome) -> dict[str, object]:
    row = {name: getattr(photo, name) for name in _KNOWN}
    if isinstance(outcome, FailedPhoto):
        return {**row, "reason": outcome.reason}
    row |= dict(zip(_FACTS, astuple(outcome.facts), strict=True))
    if (understanding := outcome.understanding) is not None:
        row |= {"captions": list(understanding.captions), "names": understanding.names}
    return {**row, "vector": outcome.view}


def _outcome(row: Mapping[str, Any]) -> Outcome:
    if row["reason"] is not None:
        return FailedPhoto(id=row["id"], content=row["content"], reason=row["reason"], broken=True)
    understanding = None
    if row["captions"] is not None:
        understanding = Understanding(captions=tuple(row["captions"]), view=None, names=row["names"])
    return ReadPhoto(
        id=row["id"],
        content=row["content"],
        thumbnail=b"",
        facts=PhotoFacts(**{name: row[name] for name in _FACTS if name in row}),
        understanding=understanding,
        view=None if row["vector"] is None else np.array(row["vector"], np.float32),
    )


def _known(row: Mapping[str, Any]) -> KnownPhoto:
    return KnownPhoto(**{name: row[name] for name in _KNOWN})


def _known_types(pyarrow: Any) -> dict[str, Any]:
    text, number = pyarrow.string(), pyarrow.int64()
    return {"id": text, "size_bytes": number, "stamp": number, "content": text}


def _to_bytes(columns: Mapping[str, Any], about: Mapping[str, object]) -> bytes:
    pyarrow = _import_pyarrow()
    table = pyarrow.table(dict(columns)).replace_schema_metadata({"thinlens": json.dumps({"format": FORMAT, **about})})
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def _from_bytes(data: bytes, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    pyarrow = _import_pyarrow()
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
        about = json.loads((table.schema.metadata or {})[b"thinlens"])
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise LibraryError(f"{name} is damaged, or no file of Thinlens; move it away and index again") from error
    if about.get("format") not in _READ:
        raise LibraryError(
            f"{name} is of version {about.get('format')} (expected {FORMAT}): use the thinlens that wrote it, or "
            "choose another --out"
        )
    return table.to_pylist(), about
