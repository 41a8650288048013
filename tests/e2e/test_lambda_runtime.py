"""The handler in the real Lambda runtime client, driven by Amazon's runtime interface emulator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, Gallery
from tests.e2e.events import MakeEvent, function_url_event, http_api_event, load_balancer_event
from tests.e2e.lambda_runtime import Invoke, copy_emulator, invoking
from tests.e2e.processes import run_thinlens


@pytest.fixture(scope="module")
def invoke(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoke]:
    """Hand an event to the running function; gives what the function answers to the gateway."""
    folder = tmp_path_factory.mktemp("lambda")
    emulator = copy_emulator(folder)
    runtime = [sys.executable, "-m", "awslambdaric", "handler.lambda_function.handler"]
    environment = {"THINLENS_BUNDLE": str(gallery.out / "bundle"), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    with invoking(emulator, runtime, log=folder / "emulator.log", environment=environment) as invoke:
        yield invoke


@pytest.mark.parametrize("event", [http_api_event, function_url_event, load_balancer_event])
def test_search(invoke: Invoke, gallery: Gallery, event: MakeEvent) -> None:
    response = invoke(event("/v1/search", urlencode({"q": COFFEE_CAPTION, "k": 1})))
    bundle = (gallery.out / "bundle").resolve().name
    assert (response["statusCode"], response["isBase64Encoded"]) == (200, False)
    assert response["headers"]["content-type"] == "application/json"
    assert bundle in response["headers"]["etag"]
    answer = json.loads(response["body"])
    assert (answer["query"], answer["bundle"]) == (COFFEE_CAPTION.lower(), bundle)
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


def alter(gallery: Gallery, bundle: Path, name: str) -> None:
    """A copy of the bundle in service, in which a byte of a file of a segment is another."""
    shutil.copytree(gallery.out / "bundle", bundle)
    path = next(bundle.glob(f"segments/*/{name}"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def run(script: str, bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={"THINLENS_BUNDLE": str(bundle)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_bundle_that_was_altered_stops_the_start_and_says_why(gallery: Gallery, tmp_path: Path) -> None:
    alter(gallery, tmp_path / "bundle", "codes.bin")
    started = run("import handler.lambda_function", tmp_path / "bundle")
    assert started.returncode == 1
    assert "BundleError" in started.stderr
    assert "codes.bin is altered" in started.stderr


def test_a_block_that_was_altered_is_never_answered_and_the_log_says_why(gallery: Gallery, tmp_path: Path) -> None:
    alter(gallery, tmp_path / "bundle", "catalogue.bin")
    event = http_api_event("/v1/search", "q=a+dog&min_relevance=0")
    asked = run(
        f"import handler.lambda_function as function; print(function.handler({event!r}, None)['statusCode'])",
        tmp_path / "bundle",
    )
    assert asked.stdout == "503\n"
    assert "catalogue.bin is altered: 1 of its blocks" in asked.stderr
