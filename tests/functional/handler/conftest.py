"""Fixtures: one small real bundle of each kind, and the app over it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.web.app import App, create_app
from tests.functional.handler.artefacts import BundleChoices, write_bundle


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one segment that no test may change; `damaged` is a copy for those that do."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "one")


@pytest.fixture(scope="session")
def segments_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos in three segments, of which the first one holds one more that is gone."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "three", choices=BundleChoices(segments=3))


@pytest.fixture
def damaged(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "damaged"))


@pytest.fixture
def damaged_segments(segments_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(segments_folder, tmp_path / "damaged segments"))


@pytest.fixture(scope="session")
def searcher(bundle_folder: Path) -> Searcher:
    return Searcher(open_bundle(bundle_folder), media_url="https://cdn.example.org/gallery/")


@pytest.fixture(scope="session")
def app(searcher: Searcher) -> App:
    return create_app(lambda: searcher, Settings(bundle="unused"))
