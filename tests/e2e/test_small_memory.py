"""The function within 128 MB; `make bench` asks it 10,000 queries of 100,000 photos (tests/performance)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.functional.handler.artefacts import write_bundle
from tests.performance.small_memory import ask, limit_files

# What the four libraries and the app need, without any bundle to speak of.
MOST_ANONYMOUS_MIB = 50
MOST_GROWTH_MIB = 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_lives_within_128_mb_and_does_not_grow(tmp_path: Path) -> None:
    if limit_files() is None:
        pytest.skip("no control group that limits memory can be made here")
    bundle = write_bundle(tmp_path / "bundle")
    reports = ask({"THINLENS_BUNDLE": str(bundle)}, queries=1_500, settled_after=500)
    anonymous_mib = [report["RssAnon"] / 1024 for report in reports.values()]
    assert anonymous_mib[-1] < MOST_ANONYMOUS_MIB
    assert anonymous_mib[-1] - anonymous_mib[1] < MOST_GROWTH_MIB
