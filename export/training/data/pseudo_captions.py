"""Pseudo-captions: photos without captions get human captions that name what a detector sees in them.

It knows photos, a detector and a bank of captions, nothing of training. Such a caption was
written of another photo and is only partly right; it teaches the words for things that the
captioned photos show too seldom (unpaired captioning, Feng et al. 2019, arXiv 1811.10787).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.errors import DataError
from export.training.data.corpus import CaptionedPhoto, read_caption_bank
from handler.runtime import onnxruntime

CAPTIONS_PER_PHOTO = 5
_SURE = 0.4
_PERSON = "person"
_WORDS = {
    _PERSON: "person people man men woman women boy boys girl girls child children kid kids lady guy player skier",
    "bicycle": "bicycle bicycles bike bikes",
    "motorcycle": "motorcycle motorcycles motorbike",
    "airplane": "airplane airplanes plane planes jet",
    "couch": "couch sofa",
    "potted plant": "plant plants",
    "dining table": "table tables",
    "tv": "tv television",
    "laptop": "laptop laptops computer",
    "cell phone": "phone phones cellphone",
    "cup": "cup cups mug coffee",
    "wine glass": "wine glass glasses",
    "sports ball": "ball balls",
    "sheep": "sheep lamb lambs",
    "knife": "knife knives",
    "book": "book books",
}


def pseudo_captioned(data: Path, *, seed: int) -> list[CaptionedPhoto]:
    """The photos below ``photos/`` that no collection names, with captions that name what is detected in them.

    A photo in which nothing but people is detected is left out: too many captions would fit. Each
    caption is used for one photo only, so that no two photos share one.

    Args:
        data: The corpus, with ``weights/yolox_nano.onnx`` and ``weights/coco_labels.txt``.
        seed: Which of the captions that fit are taken.

    Raises:
        DataError: The detector is missing.
    """
    paths = sorted((data / "photos" / "coco-uncaptioned").glob("*.jpg"))
    if not paths:
        return []
    labels = _read_labels(data / "weights" / "coco_labels.txt")
    bank = read_caption_bank(data)
    order = np.random.default_rng(seed).permutation(len(bank))
    bank = [bank[row] for row in order]
    mentioned = _mentions(bank, labels)
    free = np.ones(len(bank), bool)
    photos = []
    for path, seen in zip(paths, _detect(paths, data / "weights" / "yolox_nano.onnx"), strict=True):
        things = seen[: len(labels)] >= _SURE
        if not (things & (np.array(labels) != _PERSON)).any():
            continue
        fit = mentioned[:, things].sum(1) - 0.7 * mentioned[:, ~things].sum(1)
        fit[~free | (fit <= 0)] = -np.inf
        best = np.argsort(-fit, kind="stable")[:CAPTIONS_PER_PHOTO]
        best = best[np.isfinite(fit[best])]
        if len(best):
            free[best] = False
            photos.append(CaptionedPhoto(path=path, captions=tuple(bank[row] for row in best)))
    return photos


def _read_labels(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path} is missing; photos without captions want a detector (see export/README.md)")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line != "n/a"]


def _detect(paths: Sequence[Path], detector: Path) -> NDArray[np.float32]:
    """How sure a YOLOX detector (Ge et al. 2021, arXiv 2107.08430) is of each class: float32 [photos, classes].

    Where in the photo doesn't matter: the best of all its anchors counts.
    """
    if not detector.is_file():
        raise DataError(f"{detector} is missing; photos without captions want a detector (see export/README.md)")
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


def _mentions(captions: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each caption names each thing: bool [captions, labels]."""
    mentions = np.zeros((len(captions), len(labels)), bool)
    things: dict[str, int] = {}
    for column, label in enumerate(labels):
        things |= dict.fromkeys(_WORDS.get(label, f"{label} {label}s").split(), column)
    compound = [(column, label) for column, label in enumerate(labels) if " " in label]
    for row, caption in enumerate(captions):
        text = caption.lower()
        columns = [things[word] for word in re.findall(r"[a-z]+", text) if word in things]
        columns += [column for column, label in compound if label in text]
        mentions[row, columns] = True
    return mentions
