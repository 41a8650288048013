"""The commands of the README, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from export.photos.samples import copy_samples
from tests.e2e.processes import RUN_LIMIT_S, THINLENS, free_port, running
from tests.e2e.s3_servers import S3Server, moto_server

ROOT = Path(__file__).parents[2]
MENTIONED = {"dogs/rex.jpg": "rocket.jpg"}


def readme_commands() -> list[str]:
    """Every line of the README's shell blocks, without its comment."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with what the README takes for granted: ~/Pictures, and a file of queries."""
    home = tmp_path_factory.mktemp("home")
    copy_samples(home / "Pictures")
    for wanted, sample in MENTIONED.items():
        (home / "Pictures" / wanted).parent.mkdir()
        shutil.move(home / "Pictures" / sample, home / "Pictures" / wanted)
    line = {"file": "chelsea.png", "captions": ["a cat looking at the camera", "the face of a cat"]}
    (home / "queries.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    return home


def test_the_readme_shows_every_command() -> None:
    commands = readme_commands()
    assert [command for command in commands if command.startswith("make")] == [
        "make demo",
        "make demo PHOTOS=~/Pictures",
        "make install",
    ]
    assert [command.split()[1] for command in commands if command.startswith("thinlens")] == [
        "index",
        "search",
        "search",
        "serve",
        "caption",
        "evaluate",
        "publish",
        "versions",
        "prune",
    ]


def test_the_make_targets_exist() -> None:
    for target in ("setup", "install", "demo", "serve", "test", "lint", "bench"):
        dry_run = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry_run.returncode == 0, dry_run.stderr


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


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server of s3://my-bucket."""
    with moto_server(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket("my-bucket")
        yield server


def test_the_commands_run_one_after_the_other(home: Path, bucket: S3Server, tmp_path: Path) -> None:
    path = f"{Path(THINLENS).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **bucket.environment, "HOME": str(home), "PATH": path}
    for command in (command for command in readme_commands() if command.startswith("thinlens")):
        if " serve " in command:
            port = free_port()
            # "exec", so that the server itself is what is ended.
            served = ["sh", "-c", f"cd '{home}' && exec {command} --port {port}"]
            address = f"http://127.0.0.1:{port}/healthz"
            with running(served, ready=address, log=tmp_path / "serve.log", environment=environment):
                assert httpx.get(address).json()["photos"] == 11
            continue
        done = subprocess.run(
            command,
            shell=True,
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
