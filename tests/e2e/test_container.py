"""The container: what its file builds from, and its command, run here as it runs there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, Gallery
from tests.e2e.events import http_api_event
from tests.e2e.lambda_runtime import copy_emulator, invoking
from tests.e2e.processes import free_port, running

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "build/Containerfile"
COMMAND = [sys.executable, str(ROOT / "build/serve.py")]
# What a Containerfile may say (Containerfile(5)).
INSTRUCTIONS = set("ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM LABEL RUN STOPSIGNAL USER VOLUME WORKDIR".split())


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", CONTAINERFILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_file_says_what_container_engines_know() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    stages = [value for name, value in instructions() if name == "FROM"]
    assert len(stages) == 2
    assert stages[0].endswith(" AS build")


def test_it_copies_what_is_there() -> None:
    copied = [value.split() for name, value in instructions() if name == "COPY"]
    assert ["--from=build", "/function", "/function"] in copied
    for source, _ in (paths for paths in copied if not paths[0].startswith("--")):
        assert (ROOT / source).exists(), source


def test_it_runs_the_command_as_nobody_in_particular() -> None:
    last = dict(instructions())
    assert json.loads(last["ENTRYPOINT"]) == ["python", "serve.py"]
    user, _, group = last["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.skipif(
    shutil.which("podman") is None and shutil.which("buildah") is None, reason="no engine to build with"
)
def test_it_builds(tmp_path: Path) -> None:
    engine = shutil.which("podman") or "buildah"
    subprocess.run(
        [engine, "build", "-f", str(CONTAINERFILE), "-t", "thinlens-test", str(ROOT)], check=True, timeout=900
    )


@pytest.fixture(scope="module")
def server(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, int]]:
    """Address, log and process of the command where there is no Lambda."""
    port = free_port()
    log = tmp_path_factory.mktemp("container") / "log"
    address = f"http://127.0.0.1:{port}"
    environment = {"PORT": str(port), "THINLENS_BUNDLE": str(gallery.out / "bundle"), "PYTHONPATH": str(ROOT)}
    with running(COMMAND, ready=f"{address}/healthz", log=log, environment=environment) as process:
        yield address, log, process.pid


def complete_lines(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def test_it_answers_http(server: tuple[str, Path, int], gallery: Gallery) -> None:
    address, log, _ = server
    response = httpx.get(f"{address}/v1/search", params={"q": COFFEE_CAPTION, "k": 1})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    answer = response.json()
    assert answer["bundle"] == (gallery.out / "bundle").resolve().name
    assert [(result["id"], result["relevance"]) for result in answer["results"]] == [(COFFEE, 1.0)]
    assert "server" not in response.headers
    # The line follows the answer, and may be half written when that is here; the next request comes after it.
    httpx.get(f"{address}/healthz")
    (line,) = (line for line in map(json.loads, complete_lines(log)) if line["route"] == "/v1/search")
    assert (line["status"], COFFEE_CAPTION in log.read_text()) == (200, False)


def test_text_goes_out_compressed(server: tuple[str, Path, int]) -> None:
    address, _, _ = server
    asked = {"Accept-Encoding": "gzip"}
    for path in ("/assets/thinlens-search.js", "/v1/photos?k=10", "/"):
        plain, short = (
            httpx.get(f"{address}{path}", headers={"Accept-Encoding": ""}),
            httpx.get(f"{address}{path}", headers=asked),
        )
        assert (short.headers["content-encoding"], short.text) == ("gzip", plain.text)
        assert short.num_bytes_downloaded < 0.6 * len(plain.content)
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == short.headers["vary"] == "Accept-Encoding"


def test_silent_and_slow_connections_keep_nobody_from_an_answer(server: tuple[str, Path, int]) -> None:
    address, _, _ = server
    host, port = address.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(b"GET" * (number % 2))
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert httpx.get(f"{address}/v1/search", params={"q": COFFEE_CAPTION}).status_code == 200


def test_a_request_may_name_the_host_too(server: tuple[str, Path, int]) -> None:
    """As clients ask a proxy: RFC 9112, section 3.2.2."""
    address, _, _ = server
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {address}/v1/photos?k=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def keep_asking(address: str) -> None:
    while True:
        httpx.get(f"{address}/healthz", timeout=5)


def test_it_ends_when_it_is_told_to(server: tuple[str, Path, int]) -> None:
    """As Cloud Run and Kubernetes tell; this is the module's last test of the server."""
    address, log, pid = server
    os.kill(pid, signal.SIGTERM)
    with pytest.raises(httpx.TransportError):
        keep_asking(address)
    assert "Traceback" not in log.read_text()


def test_a_bundle_that_is_not_there_ends_it_with_the_reason(tmp_path: Path) -> None:
    environment = {**os.environ, "THINLENS_BUNDLE": str(tmp_path / "nothing"), "PYTHONPATH": str(ROOT), "PORT": "0"}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "BundleError" in done.stderr
    assert str(tmp_path / "nothing") in done.stderr


def test_it_answers_lambda(gallery: Gallery, tmp_path: Path) -> None:
    emulator = copy_emulator(tmp_path)
    environment = {"THINLENS_BUNDLE": str(gallery.out / "bundle"), "PYTHONPATH": str(ROOT)}
    with invoking(emulator, COMMAND, log=tmp_path / "log", environment=environment) as invoke:
        response = invoke(http_api_event("/v1/search", urlencode({"q": COFFEE_CAPTION, "k": 1})))
    assert response["statusCode"] == 200
    assert [result["id"] for result in json.loads(response["body"])["results"]] == [COFFEE]
