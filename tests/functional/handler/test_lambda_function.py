"""The Lambda entry: events in, whole responses out, in a process of its own as Lambda starts it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.functional.handler.tampering import file_of

import pruning

EVENTS_SCRIPT = """
import json, sys
from handler.lambda_function import handler
print(json.dumps([handler(event, None) for event in json.load(sys.stdin)]))
"""


def start(script: str, bundle: Path, events: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        input=json.dumps(events),
        env={**os.environ, "THINLENS_BUNDLE": str(bundle), "THINLENS_MEDIA_URL": "https://cdn.example.org/"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def http_api_event(path: str, query_string: str = "", method: str = "GET") -> dict[str, Any]:
    """An event of API Gateway's HTTP API, format 2.0; a function URL's looks the same."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query_string,
        "headers": {"accept": "*/*", "host": "example.execute-api.eu-central-1.amazonaws.com"},
        "requestContext": {"http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }


def test_events_are_answered(bundle_folder: Path) -> None:
    events = [
        http_api_event("/v1/search", "q=a+dog+runs+in+the+park"),
        http_api_event("/v1/search", "q=%zz"),
        http_api_event("/v1/photos/Z%C3%BCrich/%E9%9B%AA%20100%25.jpg"),
        http_api_event("/"),
        http_api_event("/assets/icon.svg"),
        http_api_event("/v1/search", "q=dog", "POST"),
    ]
    process = start(EVENTS_SCRIPT, bundle_folder, events)
    assert process.returncode == 0, process.stderr
    found, bad, photo, page, icon, posted = json.loads(process.stdout)

    assert found["statusCode"] == 200
    assert found["isBase64Encoded"] is False
    assert found["headers"]["content-type"] == "application/json"
    assert found["headers"]["etag"].startswith(f'W/"{json.loads(found["body"])["bundle"]}-')
    (result,) = json.loads(found["body"])["results"]
    assert (result["id"], result["url"]) == ("animals/dog.jpg", "https://cdn.example.org/photos/animals/dog.jpg")
    assert (bad["statusCode"], bad["isBase64Encoded"]) == (400, False)
    assert bad["headers"]["content-type"] == "application/problem+json"
    assert json.loads(bad["body"])["parameter"] == "q"
    assert json.loads(photo["body"])["id"] == "Zürich/雪 100%.jpg"
    assert page["body"].startswith("<!doctype html>")
    assert icon["body"].startswith("<svg")
    assert (posted["statusCode"], posted["headers"]["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_damaged_bundle_fails_the_start_and_says_why(damaged: Path) -> None:
    file_of(damaged, "0/views.i8").write_bytes(b"")
    process = start(EVENTS_SCRIPT, damaged, [])

    assert process.returncode == 1
    assert "views.i8 is truncated or altered: 0 bytes" in process.stderr.splitlines()[-1]


@pytest.mark.parametrize("script", ["import handler.lambda_function", EVENTS_SCRIPT])
def test_a_cold_start_imports_only_what_it_needs(bundle_folder: Path, script: str) -> None:
    """Its libraries, what they import themselves, and the standard library, of which some parts take long."""
    allowed = {"handler", "numkong", "numpy", "onnxruntime", "tokenizers"}
    theirs = {"flatbuffers"}
    script = f"{script}\nprint(chr(10).join(sorted(sys.modules)))"
    process = start(f"import sys\n{script}", bundle_folder, [http_api_event("/v1/search", "q=dog")])
    assert process.returncode == 0, process.stderr
    modules = {name for name in process.stdout.splitlines() if " " not in name}
    packages = {name.partition(".")[0] for name in modules if not name.startswith("_")}
    outsiders = packages - set(sys.stdlib_module_names)

    assert allowed <= outsiders
    assert outsiders - allowed - theirs == set()
    assert modules & {"asyncio", "http.client", "socket", "ssl"} == set()


def test_it_needs_nothing_of_numpy_that_the_package_lacks(segments_folder: Path) -> None:
    """Some of numpy's functions load numpy.ma only when they are called, some only for some of their arguments."""
    lacking = [pattern.replace("/", ".") for pattern in pruning.UNUSED if re.fullmatch("numpy/[a-z0-9]+", pattern)]
    assert "numpy.ma" in lacking
    paths = {
        "/v1/search": [
            "q=a+dog+runs&min_relevance=0",
            "q=a+dog&q=snow&weight=1&weight=2&not=a+boat&min_relevance=0&offset=1&k=2",
            "q=dog&dedupe=true&where=stars:3..5&where=place:Paris&folder=animals&type=jpeg&orientation=landscape",
            "q=dogg&taken_from=2023&taken_to=2024-05",
        ],
        "/v1/similar": ["id=animals/dog.jpg&min_relevance=0&dedupe=true"],
        "/v1/photos": ["k=3&folder=sea"],
        "/v1/photos/animals/dog.jpg": [""],
    }
    events = [http_api_event(path, query) for path, queries in paths.items() for query in queries]
    blocked = f"import sys\nsys.modules.update(dict.fromkeys({lacking!r}))\n"
    process = start(blocked + EVENTS_SCRIPT, segments_folder, events)
    assert process.returncode == 0, process.stderr
    answers = json.loads(process.stdout)
    assert [answer["statusCode"] for answer in answers] == [200] * len(events), answers
