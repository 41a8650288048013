"""Parts that do not belong together are refused, even where somebody has hashed the mixture."""

from __future__ import annotations

import json
import re
import shutil
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.bundle.blocks.blocked_file import BlockedFile, read_together
from handler.bundle.encoder_files import identify_encoder
from handler.bundle.manifest import (
    BUNDLE_FILES,
    COLLECTION_FILE,
    SEGMENT_FILES,
    SEGMENTS_FOLDER,
)
from handler.bundle.photos import collection_file
from handler.bundle.photos.catalogue import Catalogue, write_catalogue
from handler.bundle.photos.collection_file import CollectionFile
from handler.errors import BundleError
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import PHOTOS, BundleChoices, write_bundle
from tests.functional.handler.tampering import edit_segments, file_of, read_everything, rehash, rewrite_manifest


def refused(folder: Path) -> str:
    """What opening says, or whatever reads all of it; fails the test if the folder is served to the last photo."""
    with pytest.raises(BundleError) as error:
        read_everything(open_bundle(folder))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (BundleChoices(calibration_encoder="0" * 64), "encoder of the calibration is 0000"),
        (BundleChoices(calibration_captioner="0" * 64), "captioner of the calibration is 0000"),
    ],
)
def test_refuses_a_foreign_calibration(tmp_path: Path, choices: BundleChoices, message: str) -> None:
    assert message in refused(write_bundle(tmp_path / "bundle", choices=choices))


def say_space(folder: Path, space: str) -> None:
    """Put an encoder into a bundle that says whose vectors it gives."""
    path = folder / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"space": space}))
    rehash(folder)
    rewrite_manifest(folder, {"encoder/identity": identify_encoder(folder), "encoder/space": space})


def test_another_encoder_of_the_same_space_is_served(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle")
    before = open_bundle(folder)
    say_space(folder, before.manifest.encoder.identity)
    other = open_bundle(folder)
    assert other.manifest.encoder.identity != before.manifest.encoder.identity
    assert other.manifest.encoder.space == before.manifest.encoder.space == other.manifest.calibration.encoder
    read_everything(other)


def test_refuses_an_encoder_of_another_space(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle")
    space = open_bundle(folder).manifest.encoder.identity
    say_space(folder, "0" * 64)
    assert f"encoder of the calibration is {space} (expected 0000" in refused(folder)
    rewrite_manifest(folder, {"encoder/space": space})
    assert f"space in encoder.json is {'0' * 64} (expected {space})" in refused(folder)


@pytest.mark.parametrize("name", [*BUNDLE_FILES, *(f"0/{name}" for name in SEGMENT_FILES)])
def test_refuses_parts_of_another_bundle_even_if_their_hashes_are_given(
    damaged: Path, tmp_path: Path, name: str
) -> None:
    """A writer who mixes two bundles and hashes the mixture is found out wherever the parts can tell."""
    other = write_bundle(tmp_path / "other", PHOTOS[:2], BundleChoices(weights=(1.0, 2.0)))
    (other / "encoder.json").write_text('{"name": "other", "dim": 64, "max_tokens": 12}')
    (other / "tokenizer.json").write_text((other / "tokenizer.json").read_text() + "\n")
    (other / "encoder.onnx").write_bytes((other / "encoder.onnx").read_bytes() + b"\x00")
    (other / "encoder.bin").write_bytes((other / "encoder.bin").read_bytes() + b"\x00")
    shutil.copy(file_of(other, name), file_of(damaged, name))
    rehash(damaged, blocks=name != "0/blocks.bin")
    message = refused(damaged)
    counts = (
        "index.usearch is truncated",
        "Unexpected 2 codes of 64 bits",
        "Unexpected 2 photos (expected 6)",
        "Unexpected 2 records (expected 6)",
        "is altered: 1 of its blocks aren't what was written, the first of them at byte 0",
    )
    assert "do not belong together" in message or any(count in message for count in counts)


@pytest.mark.parametrize("model", ["encoder", "captioner"])
def test_refuses_a_segment_of_other_models(damaged_segments: Path, model: str) -> None:
    edit_segments(damaged_segments, lambda segments: segments[1].update({model: "0" * 64}))
    assert f"do not belong together: {model} of segment " in refused(damaged_segments)


def test_refuses_the_same_segment_twice(damaged_segments: Path) -> None:
    edit_segments(damaged_segments, lambda segments: segments.append(segments[0]))
    assert "number of different segments is 3 (expected 4)" in refused(damaged_segments)


def test_refuses_a_segment_too_few(damaged_segments: Path) -> None:
    path = file_of(damaged_segments, "2/codes.bin").parent
    edit_segments(damaged_segments, lambda segments: segments.pop())
    shutil.rmtree(path)
    assert "photos in segments are 5 (expected 6 to" in refused(damaged_segments)


def test_refuses_counts_that_do_not_fit(damaged_segments: Path) -> None:
    rewrite_manifest(damaged_segments, {"counts/photos": 5, "counts/captions": 5})
    assert "photos that are there is 6 (expected 5)" in refused(damaged_segments)
    rewrite_manifest(damaged_segments, {"counts/photos": 7, "counts/captions": 7})
    assert "photos that are there is 6 (expected 7)" in refused(damaged_segments)


@pytest.mark.parametrize("name", ["catalogue.bin", "columns.bin", "views.i8", "codes.bin"])
def test_refuses_a_segment_made_of_two(damaged_segments: Path, tmp_path: Path, name: str) -> None:
    """The third segment has two photos, and a file of one that has three."""
    shutil.copy(file_of(damaged_segments, f"0/{name}"), file_of(damaged_segments, f"2/{name}"))
    rehash(damaged_segments)
    message = refused(damaged_segments)
    assert name in message
    assert "expected" in message


def test_refuses_photos_with_other_captions(damaged_segments: Path) -> None:
    path = file_of(damaged_segments, "1/catalogue.bin")
    (records,) = read_together([Catalogue(BlockedFile(path), photos=2, captions=1).records([0, 1])])
    write_catalogue(path, [replace(record, captions=()) for record in records])
    rehash(damaged_segments)
    assert "Unexpected 0 captions (expected 1) in segments/" in refused(damaged_segments)


# In three segments: 0 to 2 in the first one, of which one is gone, then 3 and 4, then 5 and 6.
def numbers(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def collection_of(folder: Path) -> CollectionFile:
    return CollectionFile.read(folder / COLLECTION_FILE)


@pytest.mark.parametrize(
    "change",
    [
        {"gone": (7,)},
        {"gone": (1, 1)},
        {"gone": (4, 0)},
        {"members": (3, 3), "leaders": (4, 5)},
        {"members": (5, 3), "leaders": (4, 4)},
        {"members": (3,), "leaders": (7,)},
        {"members": (7,), "leaders": (3,)},
        {"members": (3, 4), "leaders": (4, 5)},
        {"members": (3,), "leaders": (3,)},
        {"members": "gone", "leaders": (3,)},
        {"members": (3,), "leaders": "gone"},
    ],
    ids=str,
)
def test_refuses_numbers_that_lead_astray(damaged_segments: Path, change: dict[str, Sequence[int] | str]) -> None:
    whole = collection_of(damaged_segments)
    fields: dict[str, Any] = {
        name: whole.gone if value == "gone" else numbers(*value) for name, value in change.items()
    }
    replace(whole, **fields).write(damaged_segments / COLLECTION_FILE)
    rehash(damaged_segments)
    assert "The numbers in collection.bin do not fit its 7 photos" in refused(damaged_segments)


@pytest.mark.parametrize("gone", [(), (0, 1, 2)])
def test_refuses_another_number_of_photos_that_are_gone(damaged_segments: Path, gone: Sequence[int]) -> None:
    replace(collection_of(damaged_segments), gone=numbers(*gone)).write(damaged_segments / COLLECTION_FILE)
    rehash(damaged_segments)
    assert f"photos that are there is {7 - len(gone)} (expected 6)" in refused(damaged_segments)


@pytest.mark.parametrize("photos", [6, 8, 1 << 31, 1 << 62])
def test_refuses_a_collection_of_another_number_of_photos(damaged_segments: Path, photos: int) -> None:
    """However many it says, no memory is set aside for them."""
    path = damaged_segments / COLLECTION_FILE
    data = bytearray(path.read_bytes())
    collection_file.HEADER.pack_into(data, 0, collection_file.MAGIC, 1, 0, photos, 1, 0)
    path.write_bytes(data)
    rehash(damaged_segments)
    assert f"Unexpected {photos} photos (expected 7) in collection.bin" in refused(damaged_segments)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e30])
@pytest.mark.parametrize("name", ["views.i8", "codes.bin"])
def test_refuses_numbers_with_which_nothing_can_be_reckoned(damaged: Path, name: str, value: float) -> None:
    path = file_of(damaged, f"0/{name}")
    data = bytearray(path.read_bytes())
    behind = 4 * 6 if name == "codes.bin" else 0  # the order of six photos
    struct.pack_into("<f", data, len(data) - behind - 4, value)  # the last scale
    path.write_bytes(data)
    rehash(damaged)
    assert re.search(rf"in (segments/[0-9a-f]+/)?{name} are out of range", refused(damaged))


def test_refuses_a_bundle_whose_segments_lie_elsewhere(damaged_segments: Path, tmp_path: Path) -> None:
    (damaged_segments / SEGMENTS_FOLDER).rename(tmp_path / "elsewhere")
    (damaged_segments / SEGMENTS_FOLDER).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert "segments is not a folder" in refused(damaged_segments)
