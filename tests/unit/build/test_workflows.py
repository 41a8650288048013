"""The workflows: actions pinned, few permissions, and nothing but targets that the Makefile has."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import package

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").iterdir())
WORKFLOW = ROOT / ".github/workflows/release.yml"
VERSIONS = ROOT / ".github/workflows/versions.yml"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return loaded


def steps(jobs: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_commit_and_names_its_version(workflow: Path) -> None:
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert used
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_each_job_says_what_it_may(jobs: dict[str, Any]) -> None:
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "packages": {"contents": "write"},
        "image": {"contents": "read", "packages": "write"},
        "image-of-both": {"packages": "write"},
    }


def test_it_makes_targets_that_there_are(jobs: dict[str, Any]) -> None:
    targets = [step["run"].split()[1:] for step in steps(jobs) if step.get("run", "").startswith("make ")]
    assert targets
    for target in targets:
        subprocess.run(["make", "-n", *target], cwd=ROOT, capture_output=True, check=True)


def test_it_has_every_python_that_packages_are_compiled_with(jobs: dict[str, Any]) -> None:
    (versions,) = [step["with"]["python-version"].split() for step in steps(jobs) if "python" in step.get("uses", "")]
    assert sorted(versions) == list(package.LAMBDA_PYTHONS)


def test_every_python_that_is_named_is_tested_with_the_oldest_and_the_newest_packages() -> None:
    job = yaml.safe_load(VERSIONS.read_text())["jobs"]["versions"]
    pythons = job["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert pythons == [each.rpartition(" ")[2] for each in project["classifiers"] if ":: Python :: 3." in each]
    assert project["requires-python"] == f">={pythons[0]}"
    _, set_up, test, test_the_wheel = job["steps"]
    assert set_up["with"] == {"python-version": "${{ matrix.python }}"}
    assert test == {"run": "make test FAST=1"}
    assert test_the_wheel == {
        "run": ".venv/bin/python -m pytest tests/e2e/test_wheel.py",
        "env": {"THINLENS_NEWEST": 1},
    }


def test_the_readme_names_the_pythons_and_the_oldest_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    readme = (ROOT / "README.md").read_text()
    pythons = yaml.safe_load(VERSIONS.read_text())["jobs"]["versions"]["strategy"]["matrix"]["python"]
    assert f"| Python | {', '.join(pythons[:-1])} and {pythons[-1]}, on Linux with x86-64 |" in readme
    (row,) = re.findall(r"^\| of these, oldest and newest \| (.*) \|$", readme, re.MULTILINE)
    named = re.findall(r"(\w+) ([\d.]+) to [\d.]+", row)
    assert len(named) > 5
    assert [f"{name}>={oldest}" for name, oldest in named if f"{name}>={oldest}" not in bounds(project)] == []


def bounds(project: dict[str, Any]) -> set[str]:
    return {declared.partition(";")[0].strip() for declared in project["dependencies"]}
