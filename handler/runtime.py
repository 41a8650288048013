"""The native libraries that the handler runs on, loaded in the one order that works.

Whoever needs onnxruntime or usearch takes them from here, not from themselves:

- onnxruntime's official builds send telemetry over the network from 1.29 on, starting a thread for
  it at import. A private gallery tells nobody about itself, so it is turned off, which onnxruntime
  heeds only before it is loaded. ORT_DISABLE_TELEMETRY=0 in the environment leaves it on.
- Loading onnxruntime 1.31 after usearch 2.26 ends the process with SIGSEGV; before it, all is well.
- usearch.compiled is usearch without its Python layer, which imports tqdm, urllib.request and with them a fifth of
  what a cold start takes. It is loaded when it is first asked for: an index is written with it, and read without.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numkong
import onnxruntime

from handler.errors import BundleError

if TYPE_CHECKING:
    from types import ModuleType

    from usearch import compiled as usearch

__all__ = ["adds_bytes_exactly", "numkong", "onnxruntime", "open_session", "usearch"]

_USEARCH = "usearch.compiled"


@functools.cache
def _load_usearch() -> ModuleType:
    """usearch.compiled, without importing the package around it where that can be done."""
    package = find_spec("usearch")  # which imports nothing
    spec = package and PathFinder.find_spec(_USEARCH, package.submodule_search_locations)
    if _USEARCH in sys.modules or spec is None or spec.loader is None:
        from usearch import compiled

        return compiled
    # As the package itself does: the module looks for its kernels, numkong's, among the global symbols.
    ctypes.CDLL(import_module("numkong._numkong").__file__ or "", mode=ctypes.RTLD_GLOBAL)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_USEARCH] = module
    return module


@functools.cache
def adds_bytes_exactly() -> bool:
    """Whether products of bytes are summed up without overflow: on x86 only by processors that have VNNI.

    For others ONNX Runtime has kernels that are exact and slower, and has to be told to take them, which it would do
    here too.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return True
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:  # not Linux
        return False
    return not flags.isdisjoint({"avx512_vnni", "avx_vnni"})


def open_session(path: Path, *, threads: int = 1, exact_bytes: bool = False) -> onnxruntime.InferenceSession:
    """A graph that is ready to run, in little memory and without waiting threads.

    Args:
        path: The graph, with its weights beside it.
        threads: How many compute.
        exact_bytes: Whether products of bytes must be exact, see ``adds_bytes_exactly``.

    Raises:
        BundleError: It can't be run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads that spin eat a function's share of CPU; the arena keeps its peak for ever.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    # To find out which tensor may lie where another did takes longer than all else that loading does.
    options.enable_mem_reuse = False
    options.log_severity_level = 3
    if exact_bytes and not adds_bytes_exactly():
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        raise BundleError(f"{path.name} is not a model that can be run: {error}") from error


def __getattr__(name: str) -> ModuleType:
    if name == "usearch":
        return _load_usearch()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
