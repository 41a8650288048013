"""What a small CLIPModel learns from: photos and parts of them, texts, and what the shipped models make of both.

It knows files and the shipped models, nothing of the model that learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from export.models.model_set import MODELS
from export.training.data.augmentation import load_pixels
from export.training.data.corpus import CaptionedPhoto, read_paraphrases, read_split
from handler.bundle.encoder import Encoder
from handler.runtime import onnxruntime

KEPT_SIZE = 128
_SHIPPED_SIZE = 256
"""Side in pixels of the squares that the shipped backbone takes."""
_GRID = "backbone.layers.17.out"
_COMPONENTS = 256
_PHOTOS_FOR_COMPONENTS = 256
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Photos, and what the shipped models see in them.

    Attributes:
        pixels: uint8 [n, KEPT_SIZE, KEPT_SIZE, 3].
        cells: float16 [n, 8, 8, components], the backbone's grid, by its principal components.
        views: float16 [n, dim], the visual view.
    """

    pixels: NDArray[np.uint8]
    cells: NDArray[np.float16]
    views: NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Texts, those of the captioned photos first, and the shipped encoder's vectors.

    Attributes:
        texts: All of them.
        first: int64 [photos + 1], where the captions of each photo start.
        vectors: float32 [texts, dim], unit L2 norm.
    """

    texts: Sequence[str]
    first: NDArray[np.int64]
    vectors: NDArray[np.float32]


def training_photos(data: Path) -> tuple[list[CaptionedPhoto], list[CaptionedPhoto]]:
    """Those of ``train`` with captions, and those without captions or names."""
    uncaptioned = sorted((data / "photos" / "coco-uncaptioned").glob("*.jpg"))
    return read_split(data, "train"), [CaptionedPhoto(path=path, captions=()) for path in uncaptioned]


def look(photos: Sequence[CaptionedPhoto], work: Path, *, seed: int) -> Seen:
    """What the shipped models see in photos, computed once and kept in ``work``."""
    paths = {name: work / f"{name}.npy" for name in ("pixels", "cells", "views")}
    if not all(path.is_file() for path in paths.values()):
        backbone = _ShippedBackbone()
        some = np.random.default_rng((seed, 2)).permutation(len(photos))[:_PHOTOS_FOR_COMPONENTS]
        _, grids = backbone.see(load_pixels([photos[row].path for row in some], _SHIPPED_SIZE))
        centre, components = _principal(grids.reshape(-1, grids.shape[-1]))
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in paths}
        for start in range(0, len(photos), _AT_ONCE):
            part = [photo.path for photo in photos[start : start + _AT_ONCE]]
            views, grids = backbone.see(load_pixels(part, _SHIPPED_SIZE))
            found["pixels"].append(load_pixels(part, KEPT_SIZE))
            found["cells"].append(((grids - centre) @ components).astype(np.float16))
            found["views"].append(views.astype(np.float16))
            if start % 1_000 == 0:
                print(f"looked at {start:,} of {len(photos):,} photos", flush=True)
        for name, path in paths.items():
            np.save(path, np.concatenate(found[name]))
    return Seen(**{name: np.load(path) for name, path in paths.items()})


def read(data: Path, captioned: Sequence[CaptionedPhoto], work: Path, *, others: int, seed: int) -> Read:
    """The captions of photos and other captions; their vectors are computed once and kept in ``work``."""
    captions = [caption for photo in captioned for caption in photo.captions]
    more = list(dict.fromkeys(caption for captions in read_paraphrases(data) for caption in captions))
    order = np.random.default_rng((seed, 3)).permutation(len(more))[:others]
    texts = captions + [more[row] for row in sorted(order)]
    path = work / "texts.npy"
    if not path.is_file():
        np.save(path, Encoder.load(MODELS / "encoder").encode(texts).astype(np.float16))
    first = np.cumsum([0, *(len(photo.captions) for photo in captioned)])
    return Read(texts=texts, first=first, vectors=np.load(path).astype(np.float32))


class _ShippedBackbone:
    """The shipped vision graph, and what its backbone sees in each cell, which it doesn't give by itself."""

    def __init__(self) -> None:
        graph = onnx.load(str(MODELS / "captioner" / "vision.onnx"))
        graph.graph.output.append(helper.make_empty_tensor_value_info(_GRID))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def see(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of photos uint8 [n, 256, 256, 3]: views float32 [n, dim] and grids float32 [n, 8, 8, 1280]."""
        parts = [
            self._session.run(["visual", _GRID], {"pixels": pixels[start : start + _AT_ONCE]})
            for start in range(0, len(pixels), _AT_ONCE)
        ]
        views, grids = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return views, grids.transpose(0, 2, 3, 1)


def _principal(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean of some rows, and their principal components [width, components]."""
    centre = rows.mean(0)
    _, vectors = np.linalg.eigh(np.cov(rows - centre, rowvar=False))
    return centre, vectors[:, ::-1][:, :_COMPONENTS].astype(np.float32)
