"""The app for tests: with settings of their own, and what every refusal is like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import handler
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.web.app import App, create_app
from tests.functional.handler.client import Answer

LOCKED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
FOLDER = Path(handler.__file__).parent


def make(searcher: Searcher, **settings: Any) -> App:
    return create_app(lambda: searcher, Settings(bundle="unused", **settings))


def assert_problem(answer: Answer, status: int, title: str, kind: str, detail: str, **more: object) -> None:
    expected_type = f"urn:thinlens:problem:{kind}"
    assert answer.json() == {"type": expected_type, "title": title, "status": status, "detail": detail, **more}
    expected = {
        **LOCKED,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "content-length": str(len(answer.body)),
    }
    assert (answer.status, {**expected, **answer.headers}) == (status, {**answer.headers, **expected})
