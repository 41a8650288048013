"""What the tests of publishing share: a collection that grew, published each time."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from export.publishing.publication import Publication
from export.storage.folder_objects import FolderObjects
from tests.functional.export.stores import age, publish_growing, publish_quietly, write_other_out

TIMES = 4
PUBLISHED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A store, the output folder of the last bundle in it, and what each publication said, the oldest first."""

    store: FolderObjects
    out: Path
    done: tuple[Publication, ...]

    @property
    def ids(self) -> list[str]:
        """The ids of the bundles, the oldest first."""
        return [publication.bundle for publication in self.done]


@pytest.fixture(scope="session")
def whole_growth(tmp_path_factory: pytest.TempPathFactory) -> Growth:
    """A collection that had one more photo each time; no test may change it."""
    folder = tmp_path_factory.mktemp("growth")
    store = FolderObjects(folder / "store")
    done = publish_growing(folder, store, times=TIMES)
    return Growth(store=store, out=folder / "out", done=tuple(done))


@pytest.fixture
def growth(whole_growth: Growth, tmp_path: Path) -> Growth:
    """A copy of the store for tests that change it; the output folder is the one that all share."""
    store = shutil.copytree(whole_growth.store.folder, tmp_path / "grown")
    return Growth(store=FolderObjects(store), out=whole_growth.out, done=whole_growth.done)


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    """An empty store, which `ids` fills."""
    return FolderObjects(tmp_path / "store")


@pytest.fixture
def ids(tmp_path: Path, store: FolderObjects) -> list[str]:
    """Bundles that were published one after the other, each from an hour ago, each with a photo of its own."""
    published = []
    for number in range(PUBLISHED):
        out = tmp_path / f"out{number}"
        write_other_out(out, number)
        published.append(publish_quietly(out, store).bundle)
        age(store, 3_600 * (PUBLISHED - number))
    return published
