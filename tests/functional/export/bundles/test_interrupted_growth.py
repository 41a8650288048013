"""kill -9 while a bundle grows: the next run makes of it what it would have been, from the segments that are there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from handler.bundle.manifest import Manifest
from handler.store.folder_store import open_bundle
from tests.functional.export.bundles.collection import Collection, inodes, manifest_of
from tests.functional.export.deaths import Death, die
from tests.functional.export.galleries import fake_models

PHOTOS = 60
WORK = """
from tests.functional.export.bundles.collection import Collection
from tests.functional.export.galleries import fake_models

with Collection.open(base / "out", fake_models(base / "models")) as collection:
    collection.run()
"""
BEFORE_THE_SWAP = [
    *(Death("export.bundles.segment_set", "write_segment", when) for when in ("before", "after")),
    Death("export.bundles.segment_set", "link_or_copy", "after", 3),
    Death("export.bundles.grouping", "update_groups", "after"),
    *(Death("handler.bundle.photos.collection_file", "CollectionFile.write", when) for when in ("before", "after")),
    Death("export.bundles.bundle_writer", "_ask", "before", 2),
    Death("export.bundles.bundling", "point_to", "before"),
]
AFTER_THE_SWAP = [
    Death("export.bundles.bundling", "point_to", "after"),
    *(Death("export.library.placement_table", "PlacementTable.replace", when) for when in ("before", "after")),
    Death("export.disk.own_names", "_remove_file", "after", 4),
    Death("export.bundles.bundling", "_remove_others", "after"),
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A collection that has grown twice, and has changed since."""
    models = fake_models(tmp_path / "models")
    with Collection.open(tmp_path / "out", models) as collection:
        for number in range(PHOTOS):
            collection.put(f"{number:02}.jpg", number % 8)
        collection.run()
        collection.put("more.jpg", 8)
        collection.run()
        collection.put("new.jpg", 11)
        collection.remove("04.jpg")
        collection.move("05.jpg", "moved.jpg")
        collection.edit("06.jpg", "my dog")
    return tmp_path


def run(out: Path) -> Manifest:
    """Run to the end; what is in service then, but for when it was made."""
    with Collection.open(out, fake_models(out.parent / "models")) as collection:
        collection.run()
    manifest = manifest_of(out)
    return replace(manifest, provenance=replace(manifest.provenance, created=""))


@pytest.mark.parametrize("death", [*BEFORE_THE_SWAP, *AFTER_THE_SWAP], ids=str)
def test_the_next_run_makes_what_it_would_have_been(base: Path, death: Death) -> None:
    out = base / "out"
    served = (out / "bundle").resolve().name
    first, *_ = manifest_of(out).segments
    lain = inodes(out)[first.id]
    shutil.copytree(out, base / "undisturbed", symlinks=True)
    undisturbed = run(base / "undisturbed")

    die(death, WORK, base)
    assert (open_bundle(out / "bundle").id != served) == (death in AFTER_THE_SWAP)
    assert run(out) == undisturbed
    assert inodes(out)[first.id] == lain  # the large segment is the same files, whatever happened
    assert len(undisturbed.segments) == 2
    assert len(list((out / "bundles").iterdir())) <= 2
    assert not [path for path in out.rglob("*") if "staging" in path.name]
    assert open_bundle(out / "bundle").id == (out / "bundle").resolve().name


def test_a_collection_that_changes_between_deaths(base: Path) -> None:
    """Killed at another point each time, it still becomes what it is, and nothing large is written again."""
    out = base / "out"
    first, *_ = manifest_of(out).segments
    lain = inodes(out)[first.id]
    for number, death in enumerate([*BEFORE_THE_SWAP[-3:], *AFTER_THE_SWAP]):
        die(death, WORK, base)
        with Collection.open(out, fake_models(base / "models")) as collection:
            collection.put(f"between {number // 3}.jpg", number % 8)
    grown = run(out)
    assert inodes(out)[first.id] == lain
    photos = open_bundle(out / "bundle").photos
    assert sorted(photos.record(number).id for number in photos.present().tolist()) == sorted(
        [
            *(f"{number:02}.jpg" for number in range(PHOTOS) if number not in (4, 5)),
            *("more.jpg", "new.jpg", "moved.jpg", "between 0.jpg", "between 1.jpg", "between 2.jpg"),
        ]
    )
    assert grown.counts.photos == PHOTOS + 4
