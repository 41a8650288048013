"""What every test of the command line begins with: a few photos, and the same indexed."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.cli.main import main
from export.models.model_choice import ModelChoice
from tests.functional.export.galleries import fake_models, write_photo


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two photos, and the fake models in place of the shipped ones."""
    models = fake_models(tmp_path / "models")
    monkeypatch.setattr(ModelChoice, "open", lambda _choice, _out: models)
    write_photo(tmp_path / "photos/my red.png", "red")
    write_photo(tmp_path / "photos/blue.png", "blue")
    return tmp_path


@pytest.fixture
def out(base: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["index", str(base / "photos"), "--out", str(base / "out")]) == 0
    capsys.readouterr()
    return base / "out"
