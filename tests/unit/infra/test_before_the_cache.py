"""CloudFront's function before the cache: who needs the key, and queries that ask the same."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.infra.templates import properties


def run_before_the_cache(
    template: dict[str, Any], folder: Path, request: dict[str, Any], *, api_key_sha256: str, cors_origins: str = ""
) -> dict[str, Any]:
    """What CloudFront's function makes of a request."""
    code = properties(template, "BeforeTheCache")["FunctionCode"]["Sub"]
    for name, value in (("ApiKeySha256", api_key_sha256), ("CorsOrigins", cors_origins)):
        code = code.replace(f"${{{name}}}", value)
    assert "${" not in code
    event = json.dumps({"request": request})
    (folder / "check.js").write_text(f"{code}\nconsole.log(JSON.stringify(handler({event})));\n")
    done = subprocess.run(["node", folder / "check.js"], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node, which runs CloudFront's JavaScript here, is not installed"
)


@needs_node
@pytest.mark.parametrize(
    ("method", "uri", "key", "passes"),
    [
        ("GET", "/v1/search", "a secret", True),
        ("GET", "/v1/search", "a guess", False),
        ("GET", "/v1/search", "", False),
        ("GET", "/v1/search", None, False),
        ("HEAD", "/v1/search", None, False),
        ("GET", "/v1%2Fsearch", None, False),
        ("GET", "/%761/search", None, False),
        ("GET", "//v1/search", None, False),
        ("GET", "/healthz", None, False),
        ("GET", "/", None, True),
        ("GET", "/assets/thinlens-search.js", None, True),
        ("OPTIONS", "/v1/search", None, True),  # browsers ask without the key whether they may send it
    ],
)
def test_the_api_key_is_asked_for(
    template: dict[str, Any], method: str, uri: str, key: str | None, passes: bool, tmp_path: Path
) -> None:
    headers = {} if key is None else {"x-api-key": {"value": key}}
    request = {"method": method, "uri": uri, "headers": headers, "querystring": {"k": {"value": "+A"}}}
    answer = run_before_the_cache(template, tmp_path, request, api_key_sha256=hashlib.sha256(b"a secret").hexdigest())
    if passes:
        assert answer == request
    else:
        assert (answer["statusCode"], answer["headers"]["cache-control"]) == (401, {"value": "no-store"})
        assert answer["headers"]["content-type"] == {"value": "application/problem+json"}
        assert json.loads(answer["body"]["data"])["status"] == 401


@needs_node
@pytest.mark.parametrize(
    ("origins", "origin", "may_read"),
    [
        ("https://a.example,https://b.example", "https://b.example", True),
        ("*", "https://b.example", True),
        ("https://a.example", "https://b.example", False),
        ("", "https://b.example", False),
        ("*", None, False),
    ],
)
def test_pages_of_other_origins_can_read_that_the_key_is_missing(
    template: dict[str, Any], origins: str, origin: str | None, may_read: bool, tmp_path: Path
) -> None:
    headers = {} if origin is None else {"origin": {"value": origin}}
    request = {"method": "GET", "uri": "/v1/search", "headers": headers, "querystring": {}}
    answer = run_before_the_cache(template, tmp_path, request, api_key_sha256="0" * 64, cors_origins=origins)
    assert answer["statusCode"] == 401
    assert answer["headers"].get("access-control-allow-origin") == ({"value": origin} if may_read else None)


@needs_node
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("Dog%20", "dog"),
        ("+A++black%09DOG", "a%20black%20dog"),
        ("d%C3%89j%C3%80", "d%C3%A9j%C3%A0"),
        ("a%26b%3Dc%2B1", "a%26b%3Dc%2B1"),
        ("%zz", "%zz"),
        ("%ff", "%ff"),
        ("", ""),
    ],
)
def test_queries_that_ask_the_same_become_one(
    template: dict[str, Any], tmp_path: Path, sent: str, expected: str
) -> None:
    def request(query: str) -> dict[str, Any]:
        several = {"value": query, "multiValue": [{"value": query}, {"value": "cat"}]}
        parameters = {"q": several, "not": {"value": query}, "folder": {"value": "A%20"}}
        return {"method": "GET", "uri": "/v1/search", "headers": {}, "querystring": parameters}

    assert run_before_the_cache(template, tmp_path, request(sent), api_key_sha256="") == request(expected)
