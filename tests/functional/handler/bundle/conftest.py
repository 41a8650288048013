"""Fixtures: a bundle to be damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from handler.store.pointer import bundle_key
from tests.functional.handler.artefacts import PHOTOS, write_bundle
from tests.functional.handler.bundle.damaged import Damaged
from tests.functional.handler.published import publish


@pytest.fixture(params=["folder", "store"])
def three(request: pytest.FixtureRequest, damaged_segments: Path, tmp_path: Path) -> Damaged:
    """A folder with everything in it, or a store whose segments lie beside those of other bundles."""
    if request.param == "folder":
        return Damaged(bundle=damaged_segments, store=damaged_segments)
    publish(tmp_path / "store", write_bundle(tmp_path / "older", PHOTOS[:3]))
    identity = publish(tmp_path / "store", damaged_segments)
    return Damaged(bundle=tmp_path / "store" / bundle_key(identity), store=tmp_path / "store")
