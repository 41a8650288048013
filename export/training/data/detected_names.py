"""Detected names: photos that nobody captioned or labelled get the names of what a detector sees in them.

It knows photos and a detector, nothing of training. The names are the targets that the visual view learns beside those
that people gave (name_targets.py): they teach everyday things that the captioned photos show too seldom.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.errors import DataError
from export.training.data.corpus import CaptionedPhoto
from handler.runtime import onnxruntime

_SURE = 0.4


def read_detected(data: Path) -> list[CaptionedPhoto]:
    """The photos below ``photos/`` that no collection names, with the names of what is detected in them.

    Args:
        data: The corpus, with ``weights/yolox_nano.onnx`` and ``weights/coco_labels.txt``.

    Raises:
        DataError: The detector is missing.
    """
    paths = sorted((data / "photos" / "coco-uncaptioned").glob("*.jpg"))
    if not paths:
        return []
    labels = _read_labels(data / "weights" / "coco_labels.txt")
    photos = []
    for path, sure in zip(paths, _detect(paths, data / "weights" / "yolox_nano.onnx"), strict=True):
        names = [label for label, how in zip(labels, sure, strict=False) if how >= _SURE]
        photos.append(CaptionedPhoto(path=path, captions=(), names=tuple(names)))
    return photos


def _read_labels(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path} is missing; photos without captions want a detector, see export/training/README.md")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line != "n/a"]


def _detect(paths: Sequence[Path], detector: Path) -> NDArray[np.float32]:
    """How sure a YOLOX detector (Ge et al. 2021, arXiv 2107.08430) is of each class: float32 [photos, classes].

    Where in the photo doesn't matter: the best of all its anchors counts.
    """
    if not detector.is_file():
        raise DataError(f"{detector} is missing; photos without captions need it, see export/training/README.md")
    session = onnxruntime.InferenceSession(str(detector), providers=["CPUExecutionProvider"])
    name, (_, _, height, width) = session.get_inputs()[0].name, session.get_inputs()[0].shape
    sure = []
    for path in paths:
        with Image.open(path) as image:
            resized = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        blue_green_red = np.asarray(resized, np.float32)[:, :, ::-1].transpose(2, 0, 1)[None]
        (anchors,) = session.run(None, {name: np.ascontiguousarray(blue_green_red)})[0]
        sure.append((anchors[:, 4:5] * anchors[:, 5:]).max(0))
    return np.stack(sure)
