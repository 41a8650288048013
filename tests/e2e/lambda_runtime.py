"""The Lambda runtime: Amazon's runtime interface emulator, with the real runtime client and a function in it."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.events import Event
from tests.e2e.processes import free_port, running

INVOCATIONS = "2015-03-31/functions/function/invocations"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}

Invoke = Callable[[Event], dict[str, Any]]


def copy_emulator(folder: Path) -> Path:
    """The emulator's program, from the wheel of aws-sam-cli; where there is none the test is skipped."""
    architecture = ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        pytest.skip(f"the runtime interface emulator runs on Linux, not on {sys.platform} {platform.machine()}")
    spec = find_spec("samcli")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package aws-sam-cli, which carries the runtime interface emulator, is not installed")
    carried = Path(spec.submodule_search_locations[0]) / f"local/rapid/aws-lambda-rie-{architecture}"
    program = folder / "aws-lambda-rie"
    shutil.copyfile(carried, program)
    program.chmod(0o755)
    return program


@contextmanager
def invoking(
    emulator: Path,
    runtime: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    cwd: Path | None = None,
) -> Iterator[Invoke]:
    """Hand events to a running function; what it answers to the gateway comes back.

    Args:
        emulator: Its program.
        runtime: The command that is the function's runtime, which the emulator starts at the first event.
        log: Where the output of both goes.
        environment: Variables of the function.
        cwd: Where Lambda would have unpacked the function.
    """
    front, back = free_port(), free_port()
    address = f"http://127.0.0.1:{front}"
    command = [str(emulator), "--log-level", "info"]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{front}"]
    command += ["--runtime-api-address", f"127.0.0.1:{back}", *runtime]
    with (
        running(command, ready=address, log=log, environment=environment, cwd=cwd),
        httpx.Client(timeout=60) as client,
    ):

        def invoke(event: Event) -> dict[str, Any]:
            answer: dict[str, Any] = client.post(f"{address}/{INVOCATIONS}", json=event).json()
            assert "statusCode" in answer, f"{answer}\n{log.read_text()}"
            return answer

        yield invoke
