"""Damage to what is read by blocks: it is refused by whatever reads it, and the rest is answered rightly."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handler.bundle.manifest import BLOCKED_FILES
from handler.errors import BundleError
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import PHOTOS, write_bundle
from tests.functional.handler.bundle.damaged import BLOCKED, Damaged
from tests.functional.handler.tampering import file_of, read_everything


@pytest.mark.parametrize("name", BLOCKED)
def test_a_flipped_bit_is_refused_by_whatever_reads_it(three: Damaged, name: str) -> None:
    path = three.file(name)
    whole = path.read_bytes()
    expected = read_everything(three.open())
    chooser = random.Random(name)
    for _ in range(5):
        data = bytearray(whole)
        data[chooser.randrange(len(data))] ^= 1 << chooser.randrange(8)
        path.write_bytes(bytes(data))
        bundle = three.open()
        for _ in range(2):  # refused once, it isn't taken for good the next time
            with pytest.raises(BundleError) as error:
                read_everything(bundle)
            assert str(error.value) == (
                f"segments/{path.parent.name}/{path.name} is altered: 1 of its blocks aren't what was written,"
                " the first of them at byte 0"
            )
        path.write_bytes(whole)  # into the file that is mapped: what isn't known to be sound is looked at again
        assert read_everything(bundle) == expected


def test_what_does_not_touch_the_damage_is_answered_rightly(three: Damaged) -> None:
    whole = Searcher(three.open())
    for name in BLOCKED_FILES:
        path = three.file(f"2/{name}")
        path.write_bytes(bytes(byte ^ 255 for byte in path.read_bytes()))
    damaged = Searcher(three.open())
    photos = damaged.bundle.photos
    numbers = range(5)  # those of the first two segments

    assert photos.records(list(numbers)) == whole.bundle.photos.records(list(numbers))
    np.testing.assert_array_equal(photos.views(np.arange(5)), whole.bundle.photos.views(np.arange(5)))
    query = photos.views(np.arange(1))[0, 0]
    np.testing.assert_array_equal(
        damaged.bundle.index.scores(query[np.newaxis], np.arange(5)),
        whole.bundle.index.scores(query[np.newaxis], np.arange(5)),
    )
    for refusing in (
        lambda: damaged.search("a dog runs in the park"),
        lambda: photos.record(5),
        lambda: photos.views(np.array([0, 6])),
        lambda: photos.find("animals/dog.jpg"),
        lambda: photos.with_term(1),
        lambda: photos.below("sea"),
    ):
        with pytest.raises(BundleError, match=f"^segments/{path.parent.name}/.* is altered: 1 of its blocks"):
            refusing()


@pytest.mark.parametrize("name", [name for name in BLOCKED_FILES if name != "words.bin"])  # which depends on letters
def test_swapped_files_of_one_size_are_refused_when_they_are_read(
    damaged: Path, bundle_folder: Path, tmp_path: Path, name: str
) -> None:
    """The other bundle's photos have the same captions, in letters of the same number."""
    photos = [replace(photo, taken=photo.taken and photo.taken.replace("2024-05", "2024-06")) for photo in PHOTOS]
    photos = [replace(photo, caption=photo.caption.replace("dog", "cat"), seen=photo.caption) for photo in photos]
    other = file_of(write_bundle(tmp_path / "other", photos), f"0/{name}").read_bytes()
    path = file_of(damaged, f"0/{name}")
    assert len(other) == path.stat().st_size
    assert other != path.read_bytes()
    path.write_bytes(other)
    bundle = open_bundle(damaged)
    with pytest.raises(BundleError, match=f"{name} is altered: 1 of its blocks"):
        read_everything(bundle)
