"""kill -9 at any point of a run, and the run after it: nothing is lost, nothing that was kept is done twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from export.gallery.indexing import index_photos
from export.library.library import Library
from export.understanding.worker_pool import BATCH_SIZE
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, times_understood, write_photo, write_photos

PHOTOS = 30
WORKERS = 2
ROOT = Path(__file__).parents[4]

# The child counts the calls of one function, and kills itself at one of them, before or after it has done its work.
CHILD = """
import importlib, os, signal, sys
from pathlib import Path
from export.gallery.indexing import index_photos
from tests.functional.export.galleries import fake_models

module, name, when, nth, base = sys.argv[1:]
owner = importlib.import_module(module)
*parents, name = name.split(".")
for parent in parents:
    owner = getattr(owner, parent)
original = getattr(owner, name)
calls = 0

def deadly(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(nth) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, deadly)
base = Path(base)
index_photos(base / "photos", base / "out", workers=2, models=fake_models(base / "models"))
"""

DEATHS = [
    ("export.library.database", "Database._prepare", "before", 1),
    ("export.library.database", "Database.transaction", "before", 1),
    ("export.library.photo_table", "PhotoTable.put", "after", 1),
    ("export.photos.thumbnails", "write_whole", "after", 12),
    ("export.library.understanding_table", "UnderstandingTable.put", "after", 1),
    ("export.library.understanding_table", "UnderstandingTable.put", "after", 3),
    ("export.library.failure_table", "FailureTable.put_broken", "before", 1),
    ("export.library.text_vector_table", "TextVectorTable.put", "after", 1),
    ("export.bundles.bundle_writer", "write_best_index", "before", 1),
    ("export.bundles.bundle_writer", "_ask", "before", 2),
    ("export.bundles.bundling", "point_to", "before", 1),
    ("export.bundles.bundling", "point_to", "after", 1),
    ("export.library.library", "Library.put_bundle", "after", 1),
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", PHOTOS)
    (tmp_path / "photos/broken.jpg").write_bytes(b"no photo")
    fake_models(tmp_path / "models")
    return tmp_path


def kept_contents(out: Path) -> set[str]:
    if not (out / "library.sqlite").exists():
        return set()
    with Library.open(out) as library:
        captioner = fake_models(out.parent / "models").captioner
        return library.understandings.contents(captioner=captioner.identity, instructions=captioner.instructions)


def check_whole(base: Path) -> None:
    """What an output folder holds after a run to the end, and nothing else."""
    out = base / "out"
    bundle = open_bundle(out / "bundle")
    ids = [bundle.catalogue[number].id for number in range(len(bundle.catalogue))]
    assert ids == sorted(ids)
    for number, photo_id in enumerate(ids):
        record = bundle.catalogue[number]
        colour = photo_id.removesuffix(".jpg").split()[-1]
        assert [caption.text for caption in record.captions] == [f"a photo of a {colour} wall", f"all {colour}"]
        assert (out / record.thumbnail).stat().st_size > 0
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


@pytest.mark.parametrize(("module", "name", "when", "nth"), DEATHS)
def test_a_run_after_a_death_goes_on(base: Path, module: str, name: str, when: str, nth: int) -> None:
    child = [sys.executable, "-c", CHILD, module, name, when, str(nth), str(base)]
    # Its output is the workers' too: that it ends shows that they end with the process that was killed.
    died = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    kept = kept_contents(base / "out")
    before = len(times_understood(fake_models(base / "models")))
    assert len(kept) <= before <= len(kept) + (WORKERS + 1) * BATCH_SIZE  # one that was being kept

    report = index_photos(base / "photos", base / "out", workers=WORKERS, models=fake_models(base / "models"))
    assert (report.photos, report.read) == (PHOTOS, PHOTOS - len(kept))
    assert [failure.path for failure in report.failures] == ["broken.jpg"]
    assert len(times_understood(fake_models(base / "models"))) - before == PHOTOS - len(kept)
    check_whole(base)


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
    child = [sys.executable, "-c", CHILD, f"export.library.{module}", name, "after", "1", str(base)]
    assert subprocess.run(child, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGKILL
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
