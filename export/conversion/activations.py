"""Activations: what flows through a graph on some photos, for those who round it.

It knows graphs and arrays, nothing of how they are rounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import helper

from handler.runtime import onnxruntime

_MOST_ROWS = 1_024
"""Of inputs from one run that go into the moments, about, evenly spread."""

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a convolution of each channel alone sees its input: kernel, stride, and zeros at top, left, bottom, right."""

    size: int
    stride: int
    pads: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A tensor of a graph, and what reads it.

    Attributes:
        tensor: Its name.
        channels: The axis that counts the inputs of a product or of a convolution of 1 x 1; None where nothing is asked
            but the range.
        window: How a convolution of each channel alone reads it.
    """

    tensor: str
    channels: int | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """What was seen of a tensor: the least and the largest value, and what its second moments are proportional to."""

    low: float
    high: float
    moments: NDArray[np.float32] | None


def observe(model: onnx.ModelProto, taps: Mapping[str, Tap], runs: Iterable[Arrays]) -> dict[str, Activations]:
    """Run a graph and look at its tensors.

    Args:
        model: In float32.
        taps: Which tensors, by any names.
        runs: The graph's inputs, run by run.

    Returns:
        What was seen, by the same names.
    """
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    tensors = list(dict.fromkeys(tap.tensor for tap in taps.values()))
    outputs = {output.name for output in opened.graph.output}
    opened.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in tensors if name not in outputs)
    session = onnxruntime.InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
    watches = {tap: _Watch(tap) for tap in taps.values()}  # products of one tensor share what is seen of it
    for inputs in runs:
        found = dict(zip(tensors, session.run(tensors, dict(inputs)), strict=True))
        for tap, watch in watches.items():
            watch.see(found[tap.tensor])
    return {name: watches[tap].seen() for name, tap in taps.items() if watches[tap].runs}


class _Watch:
    """What is seen of one tensor, run by run: rows are gathered, for moments of many together take much less time."""

    def __init__(self, tap: Tap) -> None:
        self.runs = 0
        self._tap = tap
        self._low, self._high = math.inf, -math.inf
        self._waiting: list[NDArray[np.float32]] = []
        self._moments: NDArray[np.float32] | None = None

    def see(self, array: NDArray[np.float32]) -> None:
        self.runs += 1
        self._low, self._high = min(self._low, float(array.min())), max(self._high, float(array.max()))
        if (rows := _rows(array, self._tap)) is None:
            return
        self._waiting.append(rows)
        if sum(each.shape[-2] for each in self._waiting) >= _MOST_ROWS:
            self._fold()

    def seen(self) -> Activations:
        if self._waiting:
            self._fold()
        return Activations(low=self._low, high=self._high, moments=self._moments)

    def _fold(self) -> None:
        rows = np.concatenate(self._waiting, axis=-2)
        moments: NDArray[np.float32] = rows.swapaxes(-1, -2) @ rows
        self._moments = moments if self._moments is None else self._moments + moments
        self._waiting = []


def _rows(array: NDArray[np.float32], tap: Tap) -> NDArray[np.float32] | None:
    """What a product or a convolution reads of a tensor: float32 [rows, inputs], or [channels, rows, inputs]."""
    if tap.window is not None:
        size, stride = tap.window.size, tap.window.stride
        top, left, bottom, right = tap.window.pads
        padded = np.pad(array, ((0, 0), (0, 0), (top, bottom), (left, right)))
        windows = _thinned(sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride])
        return np.moveaxis(windows, 1, 0).reshape(array.shape[1], -1, size * size)
    if tap.channels is not None:
        thinned = _thinned(array) if array.ndim == 4 else array
        return np.moveaxis(thinned, tap.channels, -1).reshape(-1, array.shape[tap.channels])
    return None


def _thinned(grids: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every so many places of grids [n, channels, height, width, …], in both directions."""
    step = max(1, round(math.sqrt(len(grids) * grids.shape[2] * grids.shape[3] / _MOST_ROWS)))
    return grids[:, :, ::step, ::step]
