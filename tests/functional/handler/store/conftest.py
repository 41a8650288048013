"""Fixtures: a bundle in S3 that is read as a large one is, of which nothing is here yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from handler.store.s3 import s3_blocks
from tests.functional.handler.artefacts import BundleChoices, write_bundle
from tests.functional.handler.crowd import crowd
from tests.functional.handler.published import publish
from tests.functional.handler.s3_server import s3_folder, settle
from tests.functional.handler.store.cold import Bucket, make_small


@pytest.fixture(scope="session")
def crowd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of three segments with blocks as small as those of `small`, which no test may change."""
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        return write_bundle(tmp_path_factory.mktemp("crowd") / "bundle", crowd(3_000), BundleChoices(segments=3))


@pytest.fixture(autouse=True, scope="session")
def impatient() -> Iterator[None]:
    """Where a part of the rest can't be had, the next one is brought at once, in threads that outlive a test too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_blocks, "PAUSE_S", 0.0)
        yield


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@pytest.fixture
def here(small: None, crowd_folder: Path) -> Searcher:
    """What answers from the folder, as the bundle in S3 should."""
    return Searcher(open_bundle(crowd_folder))


@pytest.fixture
def bucket(small: None, crowd_folder: Path, tmp_path: Path) -> Iterator[Bucket]:
    with s3_folder(tmp_path / "bucket") as server:
        publish(server.folder, crowd_folder)
        yield Bucket(server=server, caches=tmp_path)
        server.faults = lambda key, number: ""
        settle()


@pytest.fixture
def cold(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The same, from which nothing comes but what questions ask for."""
    bucket.hold_rests(monkeypatch)
    return bucket
