"""The commands of the documents, run as they stand there, one after the other, in a home that has what they name.

What needs a network, a cluster, a cloud or an hour isn't run; tests/unit/test_documented_commands.py looks at it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from export.photos.samples import copy_samples
from tests.e2e.processes import RUN_LIMIT_S, THINLENS, free_port, running
from tests.e2e.s3_servers import S3Server, moto_server

ROOT = Path(__file__).parents[2]
MENTIONED = {"dogs/rex.jpg": "rocket.jpg", "holidays/flower.jpg": "flower.jpg"}
RUN = ("thinlens", "mkdir", "openssl")
NOT_RUN = ("thinlens models ", "--engine ", "--captioner ", "--encoder ", "--models ", "--out florence", "THE-BUCKET")


def documented(document: str, kind: str) -> list[str]:
    """The blocks of one kind (sh, console, python) of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(rf"^( *)```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def shell_lines(document: str) -> list[str]:
    """Every line of a document's shell blocks, without its comment."""
    blocks = [block.replace("\\\n", " ") for block in documented(document, "sh")]
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]


def console_lines(document: str) -> list[str]:
    """What stands behind a dollar sign in a document's consoles, without its comment."""
    lines = [line for block in documented(document, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ").partition("  #")[0].strip() for line in lines if line.startswith("$ ")]


@pytest.fixture(scope="module")
def environment(home: Path, bucket: S3Server) -> dict[str, str]:
    """Of a person whose home it is, with the command on the PATH and credentials for the bucket."""
    path = f"{Path(THINLENS).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **bucket.environment, "HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with what the documents take for granted: ~/Pictures with columns, and a file of queries."""
    home = tmp_path_factory.mktemp("home")
    copy_samples(home / "Pictures")
    for wanted, sample in MENTIONED.items():
        (home / "Pictures" / wanted).parent.mkdir()
        shutil.move(home / "Pictures" / sample, home / "Pictures" / wanted)
    (home / "Pictures/columns.csv").write_text("file,place,rating\ndogs/rex.jpg,Paris,4\n", encoding="utf-8")
    line = {"file": "chelsea.png", "captions": ["a cat looking at the camera", "the face of a cat"]}
    (home / "queries.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    (home / "thinlens-out").symlink_to("my-photos")  # where a command doesn't say --out
    return home


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server of s3://my-bucket."""
    with moto_server(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket("my-bucket")
        yield server


def run(command: str, home: Path, environment: dict[str, str]) -> None:
    run_program(["sh", "-c", command], home, environment)


def run_program(words: list[str], home: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        words,
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{words[-1]}: {done.stderr}"


@pytest.fixture(scope="module")
def indexed(home: Path, environment: dict[str, str]) -> Path:
    """The home once photos are indexed, and an earlier gallery is in service in the folder `gallery`."""
    run("thinlens index ~/Pictures --out earlier --exclude dogs", home, environment)
    run("thinlens publish gallery --out earlier", home, environment)
    run("thinlens index ~/Pictures --out my-photos", home, environment)
    return home


def test_the_readme_shows_every_command() -> None:
    commands = shell_lines("README.md")
    shown = {command.split()[1] for command in commands if command.startswith("thinlens")}
    assert {"index", "search", "serve", "caption", "evaluate", "publish", "versions", "prune"} <= shown
    assert {"make demo", "make install", "make demo PHOTOS=~/Pictures"} <= set(commands)


def test_the_make_targets_exist() -> None:
    for target in ("setup", "install", "demo", "serve", "test", "lint", "bench"):
        dry_run = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry_run.returncode == 0, dry_run.stderr


@pytest.mark.parametrize("document", ["README.md", "export/README.md"])
def test_the_commands_run_one_after_the_other(
    document: str, indexed: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    lines = shell_lines(document) + console_lines(document)
    commands = [line for line in lines if line.startswith(RUN) and not any(each in line for each in NOT_RUN)]
    assert len(commands) > 8
    for command in commands:
        if " serve " in command:
            port = free_port()
            # "exec", so that the server itself is what is ended.
            served = ["sh", "-c", f"cd '{indexed}' && exec {command} --port {port}"]
            address = f"http://127.0.0.1:{port}/healthz"
            with running(served, ready=address, log=tmp_path / "serve.log", environment=environment):
                assert httpx.get(address).json()["photos"] == 11
            continue
        run(command, indexed, environment)


def test_requests_and_clients_of_the_documents_are_answered(
    indexed: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    documents = ("README.md", "handler/README.md")
    requests = [line for document in documents for line in console_lines(document)]
    addresses = [found[1] for line in requests if (found := re.fullmatch(r"curl '(\S+)'", line))]
    clients = [block for document in documents for block in documented(document, "python") if "Client(" in block]
    assert len(addresses) > 4
    assert len(clients) == 2
    port = free_port()
    served = f"http://127.0.0.1:{port}"
    command = [THINLENS, "serve", "--out", str(indexed / "my-photos"), "--port", str(port)]
    with running(command, ready=f"{served}/healthz", log=tmp_path / "serve.log", environment=environment):
        for address in addresses:
            answer = httpx.get(address.replace("http://127.0.0.1:8000", served))
            wanted = 400 if "colour:red" in address else 200
            assert answer.status_code == wanted, f"{address}: {answer.text}"
            assert answer.json().keys() >= shown_answer(address).keys()
        for client in clients:
            program = re.sub(r'Client\("[^"]+"\)', f'Client("{served}")', in_a_clone(client))
            run_program([sys.executable, "-c", program], indexed, environment)


def in_a_clone(program: str) -> str:
    """A program with the names that packages have without the wheel, which test_wheel.py tries."""
    assert "from thinlens.handler." in program
    return program.replace("from thinlens.", "from ")


def shown_answer(address: str) -> dict[str, object]:
    """The answer that handler/README.md shows below a request, or none."""
    for block in documented("handler/README.md", "console"):
        lines = block.splitlines()
        for line, below in itertools.pairwise(lines):
            if address in line and below.startswith("{"):
                answer: dict[str, object] = json.loads(below.replace("…", "0"))
                return answer
    return {}


def test_the_python_of_the_handlers_guide_runs(indexed: Path, environment: dict[str, str]) -> None:
    blocks = [block for block in documented("handler/README.md", "python") if "Client(" not in block]
    assert len(blocks) == 2
    for block in blocks:
        run_program(
            [sys.executable, "-c", in_a_clone(block)],
            indexed,
            {**environment, "THINLENS_BUNDLE": "thinlens-out/bundle"},
        )
