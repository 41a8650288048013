"""The wheel: what people who don't clone the repository get."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.e2e.processes import free_port, running
from tests.e2e.test_readme import documented

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, just built."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_both_halves_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt")))
    # What is not committed yet counts too; what .gitignore names does not.
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "export", "handler"]
    ours = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    made = ("__init__.py", "__main__.py", "py.typed")
    assert names == {f"thinlens/{name}" for name in (*made, *ours.stdout.split("\0")) if name}
    assert entry_points.decode().split() == ["[console_scripts]", "thinlens", "=", "thinlens.__main__:main"]
    # Models, page and interface description are data, which a build setting can lose.
    for needed in (
        "thinlens/export/models/shipped/encoder/encoder.onnx",
        "thinlens/handler/widget/index.html",
        "thinlens/handler/web/openapi.json",
    ):
        assert needed in names


def test_its_modules_import_nothing_by_the_names_of_the_folders(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sources = {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    assert len(sources) > 200
    assert [name for name, source in sources.items() if {"export", "handler"} & set(imported(source))] == []


def imported(source: bytes) -> Iterator[str]:
    """The first name of every module that a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel in it; what the wheel depends on is that of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    site_packages = sysconfig.get_path("purelib")
    ours = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(ours, "dependencies.pth").write_text(site_packages)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "-q", "--no-deps"]
    subprocess.run([*pip, "--no-index", "--ignore-installed", str(wheel)], check=True)
    return folder / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a photo, and modules that are called as our folders are."""
    for name in ("handler", "export", "build", "tests"):
        (tmp_path / f"{name}.py").write_text("THEIRS = True\n")
    (tmp_path / "photos").mkdir()
    Image.effect_noise((96, 72), 60).save(tmp_path / "photos/noise.png")
    return tmp_path


def test_the_command_works_beside_modules_called_as_our_folders(installed: Path, project: Path) -> None:
    beside = {**os.environ, "PYTHONPATH": str(project)}
    for program, *arguments in (
        ["thinlens", "index", "photos"],
        ["python", "-m", "thinlens", "search", "noise", "--min-relevance", "0"],
        ["thinlens", "publish", "store", "--force"],
    ):
        command = [str(installed / program), *arguments]
        done = subprocess.run(command, cwd=project, env=beside, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    serve = [str(installed / "thinlens"), "serve", "--port", str(port)]
    with running(serve, ready=f"{address}/healthz", log=project / "log", environment=beside, cwd=project):
        found = httpx.get(f"{address}/v1/search", params={"q": "noise", "min_relevance": 0}).json()
    assert [photo["id"] for photo in found["results"]] == ["noise.png"]


PROGRAM = """
import pickle
import export
import handler
from thinlens.export.gallery.indexing import index_photos
from thinlens.handler.client import Client
from thinlens.handler.search.selection import Selection

assert export.THEIRS and handler.THEIRS
assert Selection.__module__ == "thinlens.handler.search.selection"
assert type(pickle.loads(pickle.dumps(Selection()))) is Selection
"""


def test_a_program_has_its_own_modules_and_ours(installed: Path, project: Path) -> None:
    done = subprocess.run([installed / "python", "-c", PROGRAM], cwd=project, env={}, capture_output=True, check=False)
    assert done.stderr == b""


def test_what_the_documents_import_is_there(installed: Path, project: Path) -> None:
    blocks = [block for document in ("README.md", "handler/README.md") for block in documented(document, "python")]
    imports = [line for block in blocks for line in block.splitlines() if line.startswith("from thinlens.")]
    assert len(imports) == 9
    program = [str(installed / "python"), "-c", "\n".join(imports)]
    done = subprocess.run(program, cwd=project, capture_output=True, check=False)
    assert done.stderr == b""


def test_the_command_of_a_clone_finds_the_clone_first(project: Path, tmp_path: Path) -> None:
    editable = tmp_path / "editable"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel:editable", "-d", str(editable)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = editable.glob("*.whl")
    search = [sys.executable, "-m", "thinlens", "--version"]
    path = os.pathsep.join((str(project), str(wheel)))
    done = subprocess.run(search, cwd=project, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert (done.stdout[:9], done.stderr) == ("thinlens ", "")


def lowest_versions() -> list[str]:
    """The oldest of each package that the wheel may be installed with, as pyproject.toml says."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    needed = list(map(Requirement, declared))
    here = [each for each in needed if each.marker is None or each.marker.evaluate()]
    return [f"{each.name}=={bound.version}" for each in here for bound in each.specifier if bound.operator == ">="]


def test_the_oldest_packages_that_are_allowed_index_and_search(wheel: Path, tmp_path: Path) -> None:
    lowest = lowest_versions()
    assert {"numkong", "numpy", "onnxruntime", "usearch"} <= {each.partition("==")[0] for each in lowest}
    indexes_and_searches(wheel, lowest, tmp_path)


@pytest.mark.skipif("THINLENS_NEWEST" not in os.environ, reason="what is newest changes; THINLENS_NEWEST=1 asks for it")
def test_the_newest_packages_index_and_search(wheel: Path, tmp_path: Path) -> None:
    indexes_and_searches(wheel, [], tmp_path)


def indexes_and_searches(wheel: Path, versions: list[str], folder: Path) -> None:
    """Install the wheel from the registry, with some packages in given versions, and find a photo with it."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    install = [str(folder / "venv/bin/pip"), "install", "-q", "--only-binary", ":all:", str(wheel), *versions]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    if "onnection" in installed.stderr:
        pytest.skip("the package registry can't be reached")
    assert installed.returncode == 0, installed.stderr
    (folder / "photos").mkdir()
    Image.effect_noise((96, 72), 60).save(folder / "photos/noise.png")
    thinlens = folder / "venv/bin/thinlens"
    for command in (["index", "photos"], ["search", "noise", "--min-relevance", "0"]):
        done = subprocess.run([thinlens, *command], cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "noise.png" in done.stdout
