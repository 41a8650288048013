"""Deaths: a process that does some work and kills itself at a call of one function."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[3]

# The child counts the calls of one function, and kills itself at one of them, before or after it has done its work.
_CHILD = """
import importlib, os, signal, sys
from pathlib import Path

module, name, when, nth, base = sys.argv[1:]
base = Path(base)
owner = importlib.import_module(module)
*parents, name = name.split(".")
for parent in parents:
    owner = getattr(owner, parent)
original = getattr(owner, name)
calls = 0

def deadly(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(nth) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, deadly)
"""


@dataclass(frozen=True)
class Death:
    """Before or after the nth call of a function of a module, "Class.method" for one of a class."""

    module: str
    name: str
    when: Literal["before", "after"]
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.when} {self.name} {self.nth}"


def die(death: Death, work: str, base: Path) -> None:
    """Have a process do some work, which knows the folder `base`, and die of it."""
    child = [sys.executable, "-c", _CHILD + work, death.module, death.name, death.when, str(death.nth), str(base)]
    # Its output is its workers' too: that it ends shows that they end with the process that was killed.
    died = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
