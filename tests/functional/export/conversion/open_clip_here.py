"""OpenCLIP, or why it isn't here.

On a machine whose torch computes on processors alone, pip may find a torchvision that was built for GPUs, whose
compiled part can't be loaded. The Makefile puts it aside then, for else transformers would try to load it too.
OpenCLIP needs its transforms alone, which are Python: here the names of what is compiled are declared.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

ASIDE = Path(sys.prefix) / "torchvision"
_DECLARED: list[torch.library.Library] = []


def require_open_clip() -> None:
    """Make `import open_clip` work, or skip the test."""
    if importlib.util.find_spec("open_clip") is None:
        pytest.skip("OpenCLIP is not installed (make setup EXTRAS=clip)")
    if importlib.util.find_spec("torchvision") is not None:
        return
    if not ASIDE.is_dir():
        pytest.skip("torchvision is not installed (make setup EXTRAS=clip)")
    sys.path.append(str(ASIDE))
    source = (ASIDE / "torchvision/_meta_registrations.py").read_text(encoding="utf-8")
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in sorted(set(re.findall(r'"torchvision::(\w+)"', source))):
        library.define(f"{name}() -> ()")  # type: ignore[no-untyped-call]
    _DECLARED.append(library)
    importlib.import_module("open_clip")
    # Not for processes that are started from here, in which nothing is declared.
    sys.path.remove(str(ASIDE))
