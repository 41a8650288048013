"""Bytecode: .pyc files beside the sources, so that no start of the function compiles anything.

Lambda's file system is read-only: without them every cold start would compile every module anew. They are checked
neither against time nor content of their source ("unchecked hash"), so that their bytes are the same each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Where Lambda unpacks the function: the path that tracebacks show.
FUNCTION_ROOT = "/var/task"


def interpreter(python: str) -> str | None:
    """A Python of the version, for whatever machine, as bytecode is the same for all; None where there is none.

    It may be this one, on the PATH, or one that uv or pyenv keeps.
    """
    for candidate in (
        sys.executable,
        f"python{python}",
        _output("uv", "python", "find", python),
        f"{_output('pyenv', 'prefix', python)}/bin/python",
    ):
        if _output(candidate, "-c", "import sys; print('{}.{}'.format(*sys.version_info))") == python:
            return candidate
    return None


def compile_sources(folder: Path, interpreter: str) -> None:
    """Write a .pyc for every module below the folder; raises CalledProcessError where one can't be compiled."""
    command = [interpreter, "-P", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", FUNCTION_ROOT, str(folder)]
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=True)


def _output(*command: str) -> str:
    """What a program prints; nothing where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
