"""The wheel: what people who don't clone the repository get."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, just built."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt")))
    # What is not committed yet counts too; what .gitignore names does not.
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "export", "handler"]
    ours = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    assert names == set(filter(None, ours.stdout.split("\0")))
    assert entry_points.decode().split() == ["[console_scripts]", "thinlens", "=", "export.cli.main:main"]
    # Models, page and interface description are data, which a build setting can lose.
    for needed in (
        "export/models/shipped/encoder/encoder.onnx",
        "handler/widget/index.html",
        "handler/web/openapi.json",
    ):
        assert needed in names


def lowest_versions() -> list[str]:
    """The oldest of each package that the wheel may be installed with, as pyproject.toml says."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    needed = list(map(Requirement, declared))
    here = [each for each in needed if each.marker is None or each.marker.evaluate()]
    return [f"{each.name}=={bound.version}" for each in here for bound in each.specifier if bound.operator == ">="]


def test_the_oldest_packages_that_are_allowed_index_and_search(wheel: Path, tmp_path: Path) -> None:
    lowest = lowest_versions()
    assert {"numkong", "numpy", "onnxruntime", "usearch"} <= {each.partition("==")[0] for each in lowest}
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    install = [str(tmp_path / "venv/bin/pip"), "install", "-q", "--only-binary", ":all:", str(wheel), *lowest]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if "onnection" in installed.stderr:
        pytest.skip("the package registry can't be reached")
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "photos").mkdir()
    Image.effect_noise((96, 72), 60).save(tmp_path / "photos/noise.png")
    thinlens = tmp_path / "venv/bin/thinlens"
    for command in (["index", "photos"], ["search", "noise", "--min-relevance", "0"]):
        done = subprocess.run([thinlens, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "noise.png" in done.stdout
