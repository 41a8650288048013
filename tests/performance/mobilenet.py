"""MobileNetV2 alone, in float32: how fast a network of the size of the captioner's backbone sees photos here."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from handler.runtime import onnxruntime
from tests.performance.report import ROOT

WEIGHTS = (
    Path(os.environ.get("THINLENS_SHARED", ROOT.parent / "shared")) / "data/weights/mobilenet_v2_1.0_224_fp32.onnx"
)
SIDE = 224
CHUNK = 8

_sessions: list[onnxruntime.InferenceSession] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Photos a second, from files to probabilities and from tensors that are there."""

    files: float
    tensors: float


def measure(photos: Sequence[Path], *, processes: int) -> Rates:
    """See all photos once from files and once as a tensor, with processes that have loaded the network already."""
    with multiprocessing.get_context("spawn").Pool(processes, _load) as pool:
        pool.map(_see_file, photos[: CHUNK * processes], chunksize=CHUNK)
        started = time.perf_counter()
        pool.map(_see_file, photos, chunksize=CHUNK)
        decoded = time.perf_counter()
        pool.map(_see_zeros, photos, chunksize=CHUNK)
        ended = time.perf_counter()
    return Rates(files=len(photos) / (decoded - started), tensors=len(photos) / (ended - decoded))


def _load() -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    _sessions.append(onnxruntime.InferenceSession(str(WEIGHTS), options, providers=["CPUExecutionProvider"]))


def _see(pixels: NDArray[np.float32]) -> None:
    (session,) = _sessions
    session.run(None, {session.get_inputs()[0].name: pixels})


def _see_file(path: Path) -> None:
    with Image.open(path) as image:
        image.draft("RGB", (SIDE, SIDE))
        pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE)), np.float32)
    _see(np.ascontiguousarray((pixels / 127.5 - 1.0).transpose(2, 0, 1)[None]))


def _see_zeros(_: Path) -> None:
    _see(np.zeros((1, 3, SIDE, SIDE), np.float32))
