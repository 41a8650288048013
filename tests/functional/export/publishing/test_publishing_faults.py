"""A publisher that ends or fails at any write: a reader finds the old bundle or the new one, always whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from export.errors import StoreError, UnavailableStoreError
from export.publishing import staged_bundle
from export.publishing.versions import list_versions
from export.storage.folder_objects import FolderObjects
from handler.bundle.manifest import BUNDLE_FILES
from tests.functional.export.stores import FaultyStore, KilledError, publish_quietly, race, served, write_other_out

PUBLISHERS = 10
ROUNDS = 3


@pytest.fixture(scope="module")
def outs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Output folders whose bundles are all different."""
    folders = [tmp_path_factory.mktemp("out") for _ in range(PUBLISHERS)]
    for number, folder in enumerate(folders):
        write_other_out(folder, number)
    return folders


@pytest.fixture(autouse=True)
def no_quality_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it measures takes far longer than all the rest, and is the same each time."""
    monkeypatch.setattr(staged_bundle, "check_quality", lambda bundle, progress: [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A store with an old bundle in service, and the write at which a publisher of another one goes wrong."""

    store: FolderObjects
    old: str
    at: int
    last: bool
    after: bool


@pytest.fixture
def cases(outs: list[Path], tmp_path: Path) -> Callable[[], Iterator[Case]]:
    """Every write of a publisher, before it and after it, each time in a store of its own."""
    base = FolderObjects(tmp_path / "base")
    old = publish_quietly(outs[0], base).bundle

    def copy(name: str) -> FolderObjects:
        return FolderObjects(shutil.copytree(base.folder, tmp_path / name))

    def make() -> Iterator[Case]:
        whole = FaultyStore(copy("whole"), at=0)
        publish_quietly(outs[1], whole)
        assert whole.writes > len(BUNDLE_FILES)
        for at in range(1, whole.writes + 1):
            for after in (False, True):
                yield Case(store=copy(f"{at} {after}"), old=old, at=at, last=at == whole.writes, after=after)

    return make


def test_killed_at_every_write(outs: list[Path], cases: Callable[[], Iterator[Case]]) -> None:
    """The next publisher goes on where the one that was killed has been."""
    for case in cases():
        with pytest.raises(KilledError):
            publish_quietly(outs[1], FaultyStore(case.store, at=case.at, after=case.after))
        found = served(case.store)
        again = publish_quietly(outs[1], case.store)
        assert served(case.store) == again.bundle
        if case.last and case.after:
            assert (found, again.replaced, again.sent_bytes) == (again.bundle, again.bundle, 0)
        else:
            assert (found, again.replaced) == (case.old, case.old)


def test_a_store_that_fails_at_every_write(outs: list[Path], cases: Callable[[], Iterator[Case]]) -> None:
    """A publisher is told of success when its bundle is in service, and of failure when it isn't."""
    told = []
    for case in cases():
        error = UnavailableStoreError("the store is busy")
        try:
            new = publish_quietly(outs[1], FaultyStore(case.store, at=case.at, error=error, after=case.after))
        except StoreError:
            assert served(case.store) == case.old
            told.append(False)
        else:
            assert served(case.store) == new.bundle != case.old
            assert new.replaced == case.old
            told.append(True)
    # The last write, of the pointer, is tried again; so are those before it, which ask whether conditions are heeded.
    assert told == [False] * (len(told) - 6) + [True] * 6


def test_of_ten_publishers_at_once_one_wins_each_round(outs: list[Path], tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "store")
    race(outs, lambda: store, lambda: served(store), rounds=ROUNDS)
    # Whoever lost has all of its bundle there.
    assert len([version for version in list_versions(store) if version.whole]) == PUBLISHERS
