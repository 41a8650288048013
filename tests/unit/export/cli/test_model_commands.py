"""``thinlens models`` where the training libraries are not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from export.cli.main import main


@pytest.mark.parametrize("command", ["train", "export"])
def test_missing_libraries_are_said_in_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("export.training.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not there
    (tmp_path / "encoder").mkdir()
    assert main(["models", command, "--data", str(tmp_path), "--work", str(tmp_path)]) == 1
    assert (
        capsys.readouterr().err == "thinlens: 'thinlens models' needs torch; install it with: make setup EXTRAS=train\n"
    )


def test_there_is_one_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["models", "train", "--recipe", "large", "--data", "data", "--work", "work"])
    assert "argument --recipe: invalid choice: 'large'" in capsys.readouterr().err
