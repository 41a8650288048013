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
    seen: dict[str, Activations] = {}
    for inputs in runs:
        found = dict(zip(tensors, session.run(tensors, dict(inputs)), strict=True))
        for name, tap in taps.items():
            array = found[tap.tensor]
            new = Activations(low=float(array.min()), high=float(array.max()), moments=_moments(array, tap))
            seen[name] = _together(seen[name], new) if name in seen else new
    return seen


def _moments(array: NDArray[np.float32], tap: Tap) -> NDArray[np.float32] | None:
    if tap.window is not None:
        size, stride = tap.window.size, tap.window.stride
        top, left, bottom, right = tap.window.pads
        padded = np.pad(array, ((0, 0), (0, 0), (top, bottom), (left, right)))
        windows = _thinned(sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride])
        rows: NDArray[np.float32] = np.moveaxis(windows, 1, 0).reshape(array.shape[1], -1, size * size)
    elif tap.channels is not None:
        thinned = _thinned(array) if array.ndim == 4 else array
        rows = np.moveaxis(thinned, tap.channels, -1).reshape(-1, array.shape[tap.channels])
    else:
        return None
    moments: NDArray[np.float32] = rows.swapaxes(-1, -2) @ rows
    return moments


def _thinned(grids: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every so many places of grids [n, channels, height, width, …], in both directions."""
    step = max(1, round(math.sqrt(len(grids) * grids.shape[2] * grids.shape[3] / _MOST_ROWS)))
    return grids[:, :, ::step, ::step]


def _together(seen: Activations, new: Activations) -> Activations:
    moments = None if seen.moments is None or new.moments is None else seen.moments + new.moments
    return Activations(low=min(seen.low, new.low), high=max(seen.high, new.high), moments=moments)
