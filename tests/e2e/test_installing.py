"""What puts the command and its extras in their places: `make install` and `make setup EXTRAS=…`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Make something, with the virtual environment as it is."""
    command = ["make", "--assume-old=.venv/.app", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_make_install_puts_the_command_on_the_path(tmp_path: Path) -> None:
    for _ in range(2):
        installed = make("install", f"PREFIX={tmp_path}")
        assert (installed.returncode, installed.stderr) == (0, "")
        assert f'export PATH="{tmp_path}/bin:$PATH"' in installed.stdout
    shown = subprocess.run([tmp_path / "bin/thinlens", "--version"], capture_output=True, text=True, check=False)
    assert shown.stdout.startswith("thinlens ")


def test_make_install_replaces_no_command_of_others(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/thinlens").write_text("another's")
    refused = make("install", f"PREFIX={tmp_path}")
    assert refused.returncode != 0
    assert f"{tmp_path}/bin/thinlens is there and isn't this Thinlens; remove it" in refused.stderr
    assert (tmp_path / "bin/thinlens").read_text() == "another's"


@pytest.mark.parametrize("extra", ["demo", "ocr", "publish", "ray", "train"])
def test_every_extra_can_be_set_up(extra: str) -> None:
    assert f"'.[{extra}]'" in make("--dry-run", "--always-make", "setup", f"EXTRAS={extra}").stdout
