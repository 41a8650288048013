"""Fixtures of the editor's tests: a folder of three photos, copied for each test, and what serves it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from export.gallery.indexing import index_photos
from export.models.model_choice import ModelChoice
from tests.functional.export.galleries import fake_models, write_photo
from tests.functional.export.gallery.editor.served import PHOTOS, Served


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, models and the output folder, to be copied."""
    base = tmp_path_factory.mktemp("indexed")
    for number, photo in enumerate(PHOTOS):
        write_photo(base / "photos" / photo, photo.removesuffix(".png"), seed=number)
    index_photos(base / "photos", base / "out", workers=1, models=fake_models(base / "models"))
    return base


@pytest.fixture
def base(indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = shutil.copytree(indexed, tmp_path / "base", symlinks=True)
    monkeypatch.setattr(ModelChoice, "open", lambda *_: fake_models(base / "models"))
    return base


@pytest.fixture
def served(base: Path) -> Served:
    return Served(base)
