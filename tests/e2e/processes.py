"""Processes: starting the real programs, waiting until they answer, ending them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

THINLENS = str(Path(sys.executable).parent / "thinlens")
START_LIMIT_S = 60
RUN_LIMIT_S = 300


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def run_thinlens(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed command to its end; exit code and output are the caller's to judge."""
    command = [THINLENS, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)


@contextmanager
def running(
    command: Sequence[str],
    *,
    ready: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server for as long as the block lasts.

    Args:
        command: The program and its arguments.
        ready: An address that accepts connections once the server is up; what it answers doesn't matter.
        log: Where the server's output goes; its text is shown when the server doesn't come up.
        environment: Variables beside those of this process.
        cwd: The folder that it runs in, by default this process's.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            # A group of its own, so that the server's children end with it.
            start_new_session=True,
        )
    try:
        _wait_until(ready, process, log)
        yield process
    finally:
        _end(process)


def _wait_until(ready: str, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} at its start:\n{log.read_text()}")
        try:
            urllib.request.urlopen(ready, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer at {ready} after {START_LIMIT_S} s:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
        return
