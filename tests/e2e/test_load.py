"""A short load while new bundles are published; `make bench` runs an hour's worth (tests/performance/load.py)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.functional.handler.artefacts import PHOTOS, BundleChoices, write_bundle
from tests.performance.load import run

REQUESTS = 3_000
QUERIES = ("a dog runs in the park", "a man surfs a wave", "snow on a mountain", "a boat", "a white cat on the sofa")


def test_no_request_fails_and_no_answer_is_mixed_while_bundles_change(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    bundles = [
        write_bundle(tmp_path / str(number), PHOTOS[number:], BundleChoices(weights=(4.0, 6.0 + number)))
        for number in range(3)
    ]
    (tmp_path / "run").mkdir()

    load = run(bundles, QUERIES, tmp_path / "run", requests=REQUESTS, publications=4)

    assert load.wrong == []
    assert sum(load.answered.values()) == REQUESTS
    assert len(load.answered) > 1, (tmp_path / "run/log").read_text()
    record_property("p99_ms", float(np.percentile(load.took_ms, 99)))
