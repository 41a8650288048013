"""The wheel: what people who don't clone the repository get."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_both_packages_whole_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
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
