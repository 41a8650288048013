"""The handler in the real Lambda runtime client, driven by Amazon's runtime interface emulator."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, Gallery
from tests.e2e.events import function_url_event, http_api_event
from tests.e2e.processes import free_port, run_thinlens, running

INVOCATIONS = "2015-03-31/functions/function/invocations"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}

Invoke = Callable[[dict[str, object]], dict[str, Any]]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emulator's program, from the wheel of aws-sam-cli."""
    architecture = ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        pytest.skip(f"the runtime interface emulator runs on Linux, not on {sys.platform} {platform.machine()}")
    spec = find_spec("samcli")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package aws-sam-cli, which carries the runtime interface emulator, is not installed")
    carried = Path(spec.submodule_search_locations[0]) / f"local/rapid/aws-lambda-rie-{architecture}"
    program = tmp_path_factory.mktemp("emulator") / "aws-lambda-rie"
    shutil.copyfile(carried, program)
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def invoke(emulator: Path, gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoke]:
    """Hand an event to the running function; gives what the function answers to the gateway."""
    front, back = free_port(), free_port()
    command = [
        str(emulator),
        *("--log-level", "info"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{front}"),
        *("--runtime-api-address", f"127.0.0.1:{back}"),
        *(sys.executable, "-m", "awslambdaric", "handler.lambda_function.handler"),
    ]
    environment = {"THINLENS_BUNDLE": str(gallery.out / "bundle"), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    log = tmp_path_factory.mktemp("lambda") / "emulator.log"
    address = f"http://127.0.0.1:{front}"
    with running(command, ready=address, log=log, environment=environment), httpx.Client(timeout=60) as client:

        def post(event: dict[str, object]) -> dict[str, Any]:
            answer: dict[str, Any] = client.post(f"{address}/{INVOCATIONS}", json=event).json()
            assert "statusCode" in answer, f"{answer}\n{log.read_text()}"
            return answer

        yield post


@pytest.mark.parametrize("event", [http_api_event, function_url_event])
def test_search(invoke: Invoke, gallery: Gallery, event: Callable[..., dict[str, object]]) -> None:
    response = invoke(event("/v1/search", urlencode({"q": COFFEE_CAPTION, "k": 1})))
    bundle = (gallery.out / "bundle").resolve().name
    assert (response["statusCode"], response["isBase64Encoded"]) == (200, False)
    assert response["headers"]["content-type"] == "application/json"
    assert bundle in response["headers"]["etag"]
    answer = json.loads(response["body"])
    assert (answer["query"], answer["bundle"]) == (COFFEE_CAPTION, bundle)
    assert [(result["id"], result["relevance"]) for result in answer["results"]] == [(COFFEE, 1.0)]


def test_the_function_answers_as_the_command_does(invoke: Invoke, gallery: Gallery) -> None:
    in_lambda = json.loads(invoke(http_api_event("/v1/search", "q=a%20cat&k=5&min_relevance=0"))["body"])
    command = ("search", "a cat", "--out", gallery.out, "-k", "5", "--min-relevance", "0", "--json")
    on_this_machine = json.loads(run_thinlens(*command).stdout)
    for answer in (in_lambda, on_this_machine):
        del answer["took_ms"]
    assert in_lambda == on_this_machine


def test_not_modified(invoke: Invoke) -> None:
    etag = invoke(http_api_event("/v1/search", "q=cat"))["headers"]["etag"]
    response = invoke(http_api_event("/v1/search", "q=cat", headers={"if-none-match": etag}))
    assert (response["statusCode"], response["body"]) == (304, "")


def test_errors_are_text_and_not_base64(invoke: Invoke) -> None:
    response = invoke(http_api_event("/v1/search", "q=cat&k=0"))
    assert (response["statusCode"], response["isBase64Encoded"]) == (400, False)
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json.loads(response["body"])["parameter"] == "k"


def test_the_page_and_a_path_that_is_not_there(invoke: Invoke) -> None:
    page = invoke(http_api_event("/"))
    assert (page["statusCode"], page["isBase64Encoded"]) == (200, False)
    assert page["body"].startswith("<!")
    assert invoke(http_api_event("/nowhere"))["statusCode"] == 404


def test_only_reading_is_allowed(invoke: Invoke) -> None:
    response = invoke(function_url_event("/v1/search", "q=cat", method="POST"))
    assert response["statusCode"] == 405


def test_a_bundle_that_was_altered_stops_the_start_and_says_why(gallery: Gallery, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(gallery.out / "bundle", bundle)
    catalogue = bundle / "catalogue.bin"
    altered = bytearray(catalogue.read_bytes())
    altered[-1] ^= 1
    catalogue.write_bytes(altered)
    started = subprocess.run(
        [sys.executable, "-c", "import handler.lambda_function"],
        env={"THINLENS_BUNDLE": str(bundle)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 1
    assert "BundleError" in started.stderr
    assert "catalogue.bin is altered" in started.stderr
