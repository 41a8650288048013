"""The contract: what openapi.json says of an answer, checked of every answer that a test gets."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

import handler

DOCUMENT: dict[str, Any] = json.loads((Path(handler.__file__).parent / "web/openapi.json").read_bytes())


def assert_conforms(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Check an answer to a path that the document names; others, but for their problems, are none of its business."""
    template = _template(path)
    operation = "post" if method == "POST" else "get"
    declared = template is not None and operation in DOCUMENT["paths"][template]
    if template is None or not declared or method not in ("GET", "HEAD", "POST") or status == 500:
        if method != "HEAD" and headers.get("content-type") == "application/problem+json":
            _validator('{"$ref": "#/components/schemas/Problem"}').validate(json.loads(body))
        return
    responses = DOCUMENT["paths"][template][operation]["responses"]
    assert str(status) in responses, f"{path} answered {status}, which openapi.json does not know"
    response = _resolve(responses[str(status)])
    for name, header in response.get("headers", {}).items():
        assert name.lower() in headers, f"{path} answered without {name}"
        _validator(json.dumps(_resolve(header)["schema"])).validate(headers[name.lower()])
    if "content" not in response:
        assert (body, "content-type" in headers) == (b"", False)
        return
    assert headers["content-type"] in response["content"]
    if method != "HEAD":
        _validator(json.dumps(response["content"][headers["content-type"]]["schema"])).validate(json.loads(body))


def _template(path: str) -> str | None:
    if path in DOCUMENT["paths"]:
        return path
    return "/v1/photos/{id}" if re.fullmatch(r"/v1/photos/.+", path, re.DOTALL) else None


def _resolve(entry: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in entry:
        _, *names = entry["$ref"].split("/")
        entry = functools.reduce(lambda found, name: found[name], names, DOCUMENT)
    return entry


@functools.cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"components": DOCUMENT["components"], **json.loads(schema)})
