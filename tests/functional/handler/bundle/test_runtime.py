"""The native libraries: safe whichever module is imported first, and silent towards the network."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs in an environment of nothing else: onnxruntime sends no telemetry where it finds CI or the like."""
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("module", ["bundle.index.coded_index", "bundle.encoder", "web.app"])
def test_any_module_may_be_imported_first(module: str) -> None:
    process = run(f"import handler.{module}, handler.bundle.index.coded_index, handler.bundle.encoder")
    assert (process.returncode, process.stderr) == (0, "")


def test_telemetry_is_off_unless_it_is_wanted() -> None:
    script = "import os, handler.bundle.encoder; print(os.environ['ORT_DISABLE_TELEMETRY'])"

    assert run(script).stdout == "1\n"
    assert run(script, ORT_DISABLE_TELEMETRY="0").stdout == "0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_without_telemetry_there_is_no_thread_for_it() -> None:
    count = "import os, handler.bundle.encoder; print(len(os.listdir('/proc/self/task')))"

    assert int(run(count).stdout) < int(run(count, ORT_DISABLE_TELEMETRY="0").stdout)
