"""kill -9 at any point of a run, and the run after it: nothing is lost, nothing that was kept is done twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from export.gallery.indexing import index_photos
from export.library.library import Library
from export.understanding.worker_pool import BATCH_SIZE
from handler.bundle.manifest import Manifest
from handler.bundle.photos.addresses import thumbnail
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.deaths import ROOT, Death, die
from tests.functional.export.galleries import fake_models, records, times_understood, write_photo, write_photos

PHOTOS = 30
WORKERS = 2

WORK = """
from export.gallery.indexing import index_photos
from tests.functional.export.galleries import fake_models

index_photos(base / "photos", base / "out", workers=2, models=fake_models(base / "models"))
"""

DEATHS = [
    Death("export.library.database", "Database._prepare", "before"),
    Death("export.library.database", "Database.transaction", "before"),
    Death("export.library.photo_table", "PhotoTable.put", "after"),
    Death("export.photos.kept_pictures", "write_whole", "after", 12),
    Death("export.library.understanding_table", "UnderstandingTable.put", "after"),
    Death("export.library.understanding_table", "UnderstandingTable.put", "after", 3),
    Death("export.library.failure_table", "FailureTable.put_broken", "before"),
    Death("export.library.text_vector_table", "TextVectorTable.put", "after"),
    Death("export.bundles.segment_set", "write_segment", "before"),
    Death("export.bundles.segment_set", "write_segment", "after"),
    Death("handler.bundle.photos.collection_file", "CollectionFile.write", "after"),
    Death("export.bundles.bundle_writer", "_ask", "before", 2),
    Death("export.bundles.bundling", "point_to", "before"),
    Death("export.bundles.bundling", "point_to", "after"),
    Death("export.library.placement_table", "PlacementTable.replace", "after"),
]


def make_photos(base: Path) -> Path:
    write_photos(base / "photos", PHOTOS)
    (base / "photos/broken.jpg").write_bytes(b"no photo")
    fake_models(base / "models")
    return base


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """What a run that nobody killed puts in service."""
    base = make_photos(tmp_path_factory.mktemp("undisturbed"))
    index_photos(base / "photos", base / "out", workers=WORKERS, models=fake_models(base / "models"))
    return open_bundle(base / "out/bundle").manifest


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_photos(tmp_path)


def kept_contents(out: Path) -> set[str]:
    if not (out / "library.sqlite").exists():
        return set()
    with Library.open(out) as library:
        return library.understandings.understood(fake_models(out.parent / "models").understander)


def check_whole(base: Path) -> None:
    """What an output folder holds after a run to the end, and nothing else."""
    out = base / "out"
    bundle = open_bundle(out / "bundle")
    for photo_id, record in records(out).items():
        colour = photo_id.removesuffix(".jpg").split()[-1]
        assert [caption.text for caption in record.captions] == [f"a photo of a {colour} wall", f"all {colour}"]
        assert (out / thumbnail(record.content)).stat().st_size > 0
    assert Searcher(bundle).search("a photo of a red wall", k=1)["results"][0]["relevance"] == 1.0
    assert {path.name for path in out.iterdir()} <= {
        "bundle",
        "bundles",
        "thumbnails",
        "library.lock",
        "library.sqlite",
    }
    assert len(list((out / "bundles").iterdir())) <= 2
    assert not list(out.rglob("*.partial"))


@pytest.mark.parametrize("death", DEATHS, ids=str)
def test_a_run_after_a_death_goes_on(base: Path, death: Death, undisturbed: Manifest) -> None:
    die(death, WORK, base)
    kept = kept_contents(base / "out")
    before = len(times_understood(fake_models(base / "models")))
    assert len(kept) <= before <= len(kept) + (WORKERS + 1) * BATCH_SIZE  # one that was being kept

    report = index_photos(base / "photos", base / "out", workers=WORKERS, models=fake_models(base / "models"))
    assert (report.photos, report.read) == (PHOTOS, PHOTOS - len(kept))
    assert [failure.path for failure in report.failures] == ["broken.jpg"]
    assert len(times_understood(fake_models(base / "models"))) - before == PHOTOS - len(kept)
    check_whole(base)
    manifest = open_bundle(base / "out/bundle").manifest
    provenance = replace(manifest.provenance, created=undisturbed.provenance.created)
    assert replace(manifest, provenance=provenance) == undisturbed


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("photo_table", "PhotoTable.put"),
        ("understanding_table", "UnderstandingTable.put"),
        ("text_vector_table", "TextVectorTable.put"),
    ],
)
def test_a_death_leaves_the_bundle_in_service(base: Path, module: str, name: str) -> None:
    models = fake_models(base / "models")
    served = index_photos(base / "photos", base / "out", workers=WORKERS, models=models).bundle
    write_photo(base / "photos/new yellow.jpg", "yellow", seed=1000)
    with Library.open(base / "out") as library, library._database.transaction() as connection:
        connection.execute("DELETE FROM text_vectors WHERE text LIKE '%yellow%'")
    die(Death(f"export.library.{module}", name, "after"), WORK, base)
    assert open_bundle(base / "out/bundle").id == served
    report = index_photos(base / "photos", base / "out", workers=WORKERS, models=models)
    assert report.photos == PHOTOS + 1
    check_whole(base)


def test_deaths_at_any_moment(base: Path) -> None:
    """Killed again and again by the clock, the runs still come to the end, with all the work done once."""
    script = "import sys; from pathlib import Path; from export.gallery.indexing import index_photos\n"
    script += "from tests.functional.export.galleries import fake_models\n"
    script += "base = Path(sys.argv[1]); models = fake_models(base / 'models', delay_s=0.02)\n"
    script += "index_photos(base / 'photos', base / 'out', workers=1, models=models)"
    deaths = 0
    for wait_s in (0.3, 0.8, 1.3, 1.8, 2.0, 2.2, 2.4, 2.6):
        child = subprocess.Popen([sys.executable, "-c", script, str(base)], cwd=ROOT)
        time.sleep(wait_s)
        child.kill()
        deaths += child.wait(30) == -signal.SIGKILL
        while not _unlocked(base / "out"):
            time.sleep(0.05)
    kept = kept_contents(base / "out")
    report = index_photos(base / "photos", base / "out", workers=1, models=fake_models(base / "models"))
    assert deaths >= 2
    assert (report.photos, report.read) == (PHOTOS, PHOTOS - len(kept))
    assert len(times_understood(fake_models(base / "models"))) <= PHOTOS + deaths * 2 * BATCH_SIZE
    check_whole(base)


def _unlocked(out: Path) -> bool:
    if not out.exists():
        return True
    with Library.open(out):
        return True
