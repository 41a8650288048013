"""The template, read once for each file of tests."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.infra.templates import TEMPLATE, Loader


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader)
    return loaded
