"""The captioner's graphs in ONNX Runtime: how they are loaded, and the decoder with the cache that it grows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.errors import ModelError
from export.understanding.beam_search import Step
from handler.runtime import adds_bytes_exactly, onnxruntime


class Reader:
    """The decoder bound to some photos' memory, with the cache that has grown so far."""

    def __init__(self, session: onnxruntime.InferenceSession, memory: Mapping[str, NDArray[np.float32]]) -> None:
        self._session = session
        self._memory = memory
        self._outputs = [output.name for output in session.get_outputs()]
        self._read = 0
        self._given: dict[str, onnxruntime.OrtValue] = {}
        self._cache = {}
        for each in session.get_inputs():
            if each.name.startswith("cache."):
                _, heads, _, head_width = each.shape
                empty = np.zeros((len(memory["memory.0.keys"]), heads, 0, head_width), np.float32)
                self._cache[each.name] = _tensor(empty)

    def __call__(self, tokens: NDArray[np.int64], parents: NDArray[np.int64], photos: NDArray[np.int64]) -> Step:
        """Read tokens, see ``Decoder``."""
        if len(photos) != self._read:
            self._given = {name: _tensor(array[photos]) for name, array in self._memory.items()}
            self._read = len(photos)
        given = {"tokens": _tensor(tokens), "parents": _tensor(parents), **self._given, **self._cache}
        found = dict(zip(self._outputs, self._session.run_with_ort_values(self._outputs, given), strict=True))
        self._cache = {name: found[name.replace("cache.", "grown.")] for name in self._cache}
        return Step(scores=found["scores"].numpy(), candidates=found["candidates"].numpy())


def _tensor(array: NDArray[np.generic]) -> onnxruntime.OrtValue:
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A graph on so many CPU threads. Raises ModelError where it can't be loaded."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not adds_bytes_exactly():
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path} can't be loaded: {error}") from error
