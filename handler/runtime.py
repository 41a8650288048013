"""The native libraries that the handler runs on, loaded in the one order that works.

Whoever needs onnxruntime or usearch takes them from here, not from themselves:

- onnxruntime's official builds send telemetry over the network from 1.29 on, starting a thread for
  it at import. A private gallery tells nobody about itself, so it is turned off, which onnxruntime
  heeds only before it is loaded. ORT_DISABLE_TELEMETRY=0 in the environment leaves it on.
- Loading onnxruntime 1.31 after usearch 2.26 ends the process with SIGSEGV; before it, all is well.
- usearch.compiled is usearch without its Python layer, which imports tqdm.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from usearch import compiled as usearch

# usearch's own kernels, which it has loaded by now.
import numkong  # isort: skip

__all__ = ["numkong", "onnxruntime", "usearch"]
