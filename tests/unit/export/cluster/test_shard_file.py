"""Shards and censuses come back from Parquet as they were."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from export.cluster.shard_file import (
    Census,
    Shard,
    census_from_bytes,
    census_to_bytes,
    shard_from_bytes,
    shard_to_bytes,
)
from export.errors import LibraryError
from export.library.records import KnownPhoto, Understander
from export.pictures.facts import PhotoFacts
from export.understanding.backlog import Reading
from export.understanding.captioner import Understanding
from export.understanding.engine import FailedPhoto
from export.understanding.photo_reader import Outcome, ReadPhoto

pytest.importorskip("pyarrow", reason="pyarrow is not installed (make setup EXTRAS=ray)")

FACTS = PhotoFacts(
    width=640, height=480, type="jpeg", taken="2024-05-06T07:08:09+02:00", placeholder="00" * 36, fingerprint="ab" * 16,
    noted="exif", latitude=48.2, longitude=16.4, damage="a fifth is missing", written='{"rating": 4.0}',
)  # fmt: skip
BARE = PhotoFacts(width=1, height=1, type="png", taken=None, placeholder="00" * 36, fingerprint="00" * 16)
BY = Understander(captioner="c" * 64, instructions=("What?", "Where?"), image_encoder="v" * 64)
READING = Reading(by=BY, decoder="reader 2", reader=2)


def photo(photo_id: str, content: str) -> KnownPhoto:
    return KnownPhoto(id=photo_id, size_bytes=1 << 40, stamp=(1 << 63) - 1, content=content)


def test_a_shard() -> None:
    view = np.array([0.6, -0.8], np.float32)
    outcomes: list[Outcome] = [
        ReadPhoto(
            id="été/a.jpg", content="a", thumbnail=b"", facts=FACTS,
            understanding=Understanding(captions=("a dog", ""), view=None, names="dog"), view=view,
        ),
        ReadPhoto(
            id="b.png", content="b", thumbnail=b"", facts=BARE,
            understanding=Understanding(captions=("", ""), view=None),
        ),
        ReadPhoto(id="c.png", content="c", thumbnail=b"", facts=BARE, understanding=None),
        FailedPhoto(id="d.jpg", content="d", reason="broken image", broken=True),
    ]  # fmt: skip
    photos = [photo(outcome.id, outcome.content) for outcome in outcomes]
    shard = shard_from_bytes(shard_to_bytes(Shard(reading=READING, photos=photos, outcomes=outcomes)), "shard")
    assert (shard.reading, shard.photos) == (READING, photos)
    first = shard.outcomes[0]
    assert isinstance(first, ReadPhoto)
    assert first.understanding is not None
    assert first.view is not None
    assert first.view.dtype == np.float32
    assert first.view.tolist() == view.tolist()
    assert (first.facts, first.understanding.captions, first.understanding.names) == (FACTS, ("a dog", ""), "dog")
    assert list(shard.outcomes[1:]) == outcomes[1:]


def test_a_shard_from_before_there_was_one_of_the_facts() -> None:
    import pyarrow
    import pyarrow.parquet

    read = ReadPhoto(id="a.jpg", content="a", thumbnail=b"", facts=FACTS, understanding=None)
    data = shard_to_bytes(Shard(reading=READING, photos=[photo("a.jpg", "a")], outcomes=[read]))
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(data)).drop_columns(["written"])
    older = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, older)
    shard = shard_from_bytes(older.getvalue().to_pybytes(), "x")
    assert list(shard.outcomes) == [replace(read, facts=replace(FACTS, written=None))]


def test_a_shard_from_before_captioners_and_image_encoders_were_two() -> None:
    import pyarrow
    import pyarrow.parquet

    data = shard_to_bytes(Shard(reading=READING, photos=[], outcomes=[]))
    table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    about = {**json.loads(table.schema.metadata[b"thinlens"]), "format": 1}
    del about["image_encoder"]
    older = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table.replace_schema_metadata({"thinlens": json.dumps(about)}), older)
    shard = shard_from_bytes(older.getvalue().to_pybytes(), "x")
    assert shard.reading.by == replace(BY, image_encoder=BY.captioner)


def test_a_census() -> None:
    census = Census(address="s3://bucket/photos", photos=[photo("a.jpg", "a"), photo("b.jpg", "b")])
    assert census_from_bytes(census_to_bytes(census), "census") == census
    empty = Census(address="s3://bucket/photos", photos=[])
    assert census_from_bytes(census_to_bytes(empty), "census") == empty


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"not Parquet at all, and long enough to be", b"PAR1" + b"\0" * 64 + b"PAR1"]
)
def test_what_is_neither_is_named(data: bytes) -> None:
    for read in (shard_from_bytes, census_from_bytes):
        with pytest.raises(LibraryError, match=r"^s3://b/x.parquet is damaged, or no file of Thinlens; move it away"):
            read(data, "s3://b/x.parquet")


def test_one_is_not_taken_for_the_other() -> None:
    census = census_to_bytes(Census(address="s3://bucket/photos", photos=[]))
    with pytest.raises(LibraryError, match="x is no shard of a library; move it away"):
        shard_from_bytes(census, "x")
    shard = shard_to_bytes(Shard(reading=READING, photos=[], outcomes=[]))
    with pytest.raises(LibraryError, match="x is no list of photos; move it away"):
        census_from_bytes(shard, "x")


def test_a_newer_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.cluster.shard_file.FORMAT", 3)
    data = census_to_bytes(Census(address="s3://bucket/photos", photos=[]))
    monkeypatch.undo()
    with pytest.raises(LibraryError, match=r"x is of version 3 \(expected 2\): use the thinlens that wrote it"):
        census_from_bytes(data, "x")
