"""The output folder: bundles of earlier versions are replaced, and what others put there stays."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from export.errors import OutputError
from export.gallery.indexing import index_photos
from export.library.schema import SCHEMA_VERSION
from export.models.model_set import Models
from handler.bundle.manifest import MANIFEST_FILE, bundle_id
from handler.store.folder_store import open_bundle
from tests.functional.export.bundles.collection import Collection, manifest_of
from tests.functional.export.galleries import fake_models, records, times_understood, write_photo
from tests.functional.handler.artefacts import PHOTOS, BundleChoices
from tests.functional.handler.format_1 import write_bundle_1


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return fake_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def collection(tmp_path: Path, models: Models) -> Iterator[Collection]:
    with Collection.open(tmp_path / "out", models) as opened:
        for number in range(8):
            opened.put(f"{number}.jpg", number)
        opened.run()
        yield opened


def make_version_4(library: Path, bundle: str) -> None:
    """Make a library what version 4 was, which knows of no segments and put that bundle in place."""
    with sqlite3.connect(library) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for table in ("placements", "touched", "orphans", "likenesses", "bands", "texts", "hidden", "keywords"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX damaged_contents")
        connection.execute("ALTER TABLE views RENAME TO understandings")
        connection.execute("ALTER TABLE understandings RENAME COLUMN image_encoder TO captioner")
        connection.execute("ALTER TABLE bundles DROP COLUMN base")
        connection.execute("ALTER TABLE contents DROP COLUMN written")
        connection.execute("UPDATE bundles SET id = ?, fingerprint = 'with format 1 in it'", (bundle,))
        connection.execute("PRAGMA user_version = 4")
    connection.close()


def test_a_bundle_of_format_1_is_replaced_without_understanding_anything_anew(tmp_path: Path) -> None:
    out, models = tmp_path / "out", fake_models(tmp_path / "models")
    for number, colour in enumerate(("red", "green", "blue")):
        write_photo(tmp_path / f"photos/{colour}.png", colour, seed=number)
    index_photos(tmp_path / "photos", out, workers=1, models=models)
    told = records(out)
    old = write_bundle_1(tmp_path / "old", PHOTOS, BundleChoices())
    identity = bundle_id((old / MANIFEST_FILE).read_bytes())
    old.rename(out / "bundles" / identity)
    (out / "bundle").unlink()
    (out / "bundle").symlink_to(f"bundles/{identity}")
    make_version_4(out / "library.sqlite", identity)
    assert open_bundle(out / "bundle").manifest.format_version == 1

    report = index_photos(tmp_path / "photos", out, workers=1, models=models)
    assert (report.photos, report.read, len(times_understood(models))) == (3, 0, 3)
    manifest = manifest_of(out)
    assert (manifest.format_version, [segment.photos for segment in manifest.segments]) == (2, [3])
    assert records(out) == told
    assert open_bundle(out / "bundles" / identity).id == identity  # the one before is kept
    with sqlite3.connect(out / "library.sqlite") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    connection.close()
    for number in range(2):
        write_photo(tmp_path / f"photos/more {number}.png", "white", seed=10 + number)
        index_photos(tmp_path / "photos", out, workers=1, models=models)
    assert not (out / "bundles" / identity).exists()
    assert len(list((out / "bundles").iterdir())) == 2


def test_nothing_of_others_is_removed(collection: Collection) -> None:
    out, bundles = collection.out, collection.out / "bundles"
    first = (out / "bundle").resolve()
    segment = first / collection.segments()[0].folder
    mine = [
        out / "diary.txt",
        bundles / "diary.txt",
        bundles / "0123456789abcdef/views.i8",
        bundles / "staging-ab_12cd3/diary.txt",
        first / "segments/diary.txt",
        segment / "diary.txt",
    ]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (bundles / "fedcba9876543210").symlink_to(out)
    for number in range(3):
        collection.put(f"new {number}.jpg", 11)
        collection.run()
        assert open_bundle(out / "bundle").id == (out / "bundle").resolve().name
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert (bundles / "fedcba9876543210").is_symlink()
    assert sorted(path.name for path in segment.iterdir()) == ["diary.txt"]
    assert sorted(path.name for path in first.iterdir()) == ["segments"]


def test_what_killed_runs_left_is_removed(collection: Collection) -> None:
    bundles = collection.out / "bundles"
    (bundles / "staging-ab_12cd3/bundle/segments/staging-cd_34ef5/segment").mkdir(parents=True)
    (bundles / "staging-ab_12cd3/bundle/segments/staging-cd_34ef5/segment/views.i8").write_bytes(b"half")
    before = (collection.out / "bundle").resolve().name
    collection.put("new.jpg", 11)
    bundle = collection.run()
    assert {path.name for path in bundles.iterdir()} == {before, bundle.id}


def test_a_folder_that_can_not_be_written_is_named(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (collection.out / "bundle").resolve()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("export.bundles.bundling.point_to", full)
    collection.put("new.jpg", 11)
    with pytest.raises(OutputError, match="can't be written: the disk is full; make room or choose another"):
        collection.run()
    assert (collection.out / "bundle").resolve() == before
    monkeypatch.undo()
    assert collection.run().photos == 9


def test_a_run_with_nothing_to_do_spares_what_searches() -> None:
    heavy = {"onnxruntime", "usearch.compiled", "tokenizers"}
    code = f"import sys, export.bundles.bundling; print({heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
