"""What all tests share: bundles of the same files are measured once by the quality gate before they are published."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from export.progress import Progress
from export.publishing import staged_bundle
from export.publishing.quality_gate import Check, check_quality
from handler.bundle.bundle import Bundle


@pytest.fixture(scope="session", autouse=True)
def _quality_is_measured_once() -> Iterator[None]:
    """Hundreds of the published bundles have the same files: 500 searches each would be a tenth of all tests' time."""
    measured: dict[object, list[Check]] = {}

    def measure_once(bundle: Bundle, progress: Progress) -> list[Check]:
        manifest = bundle.manifest
        measured_of = repr((manifest.whole_files, manifest.segments, manifest.calibration, manifest.golden))
        if measured_of not in measured:
            measured[measured_of] = check_quality(bundle, progress)
        return measured[measured_of]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staged_bundle, "check_quality", measure_once)
        yield
