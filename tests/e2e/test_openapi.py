"""The OpenAPI document, fuzzed: schemathesis asks the server whatever the document allows, and much that it does not.

No answer may be a 5xx, and each must have a status, headers and a body that the document declares.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = 25
PHOTO = "chelsea.png"
# Which columns there are to ask for and which dates the calendar has, no schema can say: what it allows may be refused.
NOT_PROMISED = "positive_data_acceptance"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document, with the id of a photo that is there as example where it asks for one."""

    def with_real_ids(part: Any) -> Any:
        if isinstance(part, list):
            return [with_real_ids(item) for item in part]
        if not isinstance(part, dict):
            return part
        changed = {name: with_real_ids(value) for name, value in part.items()}
        return {**changed, "example": PHOTO} if part.get("name") == "id" and "in" in part else changed

    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(with_real_ids(json.loads((ROOT / "handler/web/openapi.json").read_text()))))
    assert json.dumps(PHOTO) in path.read_text()
    return path


def test_every_answer_is_one_that_the_document_declares(document: Path, address: str) -> None:
    program = Path(sys.executable).parent / "schemathesis"
    command = [str(program), "run", str(document), "--url", address, "--no-color", "--seed", "1"]
    command += ["--checks", "all", "--exclude-checks", NOT_PROMISED, "--max-examples", str(EXAMPLES)]
    command += ["--phases", "examples,coverage,fuzzing", "--generation-database", "none"]
    done = subprocess.run(command, cwd=document.parent, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "only 404" not in done.stdout
