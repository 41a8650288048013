"""Calibration of truth: how probable what supports captions makes them true, and when they are said.

Fitted on held-out photos of which people said what is there. It knows what a captioner says, nothing of bundles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from export.training.data.corpus import CaptionedPhoto
from export.training.evaluation.living import invents_somebody
from export.training.photo_training.invention import Invention
from export.understanding.captioner import Understanding
from export.understanding.onnx_captioner import Described
from export.understanding.truth import SUPPORTS, Truth

CAPTION_FROM = 0.6
_MOST_WRONG = 0.1
_WORD = re.compile(r"[a-z]{3,}")
_STOP_WORDS = frozenset(
    "the and with are his her its for from into out over that their there two three standing sitting".split()
)
_RIDGE = 1e-3
_STEPS = 60


def fit_truth(collections: Sequence[tuple[Sequence[CaptionedPhoto], Described]], names: Sequence[str]) -> Truth | None:
    """Fit when captions are believed, and names said instead.

    Args:
        collections: Held-out photos, and what the captioner makes of them.
        names: That it tells.

    Returns:
        When a caption is believed: more probably true than not, by a margin; and a name, from where on nine of ten
        are right. None where the captioner tells nothing about truth.
    """
    known = [(photos, described) for photos, described in collections if described.supports is not None]
    if not known:
        return None
    supports = [described.supports for _, described in known if described.supports is not None]
    true = [_true(photos, described) for photos, described in known]
    weights, bias = _logistic_regression(np.concatenate(supports), np.concatenate(true))
    return Truth(weights=weights, bias=bias, caption_from=CAPTION_FROM, name_from=_name_from(known, names))


def _true(photos: Sequence[CaptionedPhoto], described: Described) -> NDArray[np.bool_]:
    return np.array([is_true(photo, text) for photo, text in zip(photos, described.answers[0], strict=True)])


def is_true(photo: CaptionedPhoto, caption: str) -> bool:
    """Whether a caption names something that people say is there, and no living being that none of them names."""
    said = {word for text in (*photo.captions, *photo.names) for word in _words(text)}
    return not said.isdisjoint(_words(caption)) and not invents_somebody(photo, caption)


def _words(text: str) -> set[str]:
    """The words of a text that carry meaning, without a plural's s."""
    return {word.removesuffix("s") for word in _WORD.findall(text.lower())} - _STOP_WORDS


def _logistic_regression(supports: NDArray[np.float32], true: NDArray[np.bool_]) -> tuple[tuple[float, ...], float]:
    """Weights and bias of the logit, of standardised columns with a small ridge, by L-BFGS."""
    mean, spread = supports.mean(0), supports.std(0) + 1e-6
    columns = torch.from_numpy(np.column_stack([(supports - mean) / spread, np.ones(len(supports))])).double()
    target = torch.from_numpy(true).double()
    parameters = torch.zeros(len(SUPPORTS) + 1, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = functional.binary_cross_entropy_with_logits(columns @ parameters, target)
        found = found + _RIDGE * parameters[:-1].square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    fitted = parameters.detach().numpy()
    weights = fitted[:-1] / spread
    return tuple(float(weight) for weight in weights), float(fitted[-1] - weights @ mean)


def _name_from(known: Sequence[tuple[Sequence[CaptionedPhoto], Described]], names: Sequence[str]) -> float:
    """The probability from which on one name in ten is in none of a photo's captions and names."""
    probabilities, right = [], []
    for photos, described in known:
        best = described.told.argmax(1)
        for row, (photo, column) in enumerate(zip(photos, best, strict=True)):
            probabilities.append(float(described.told[row, column]))
            right.append(_says(photo, names[column]))
    order = np.argsort(-np.array(probabilities), kind="stable")
    falling = np.append(np.array(probabilities)[order], -1.0)
    precision = np.cumsum(np.array(right)[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero((precision >= 1.0 - _MOST_WRONG) & (falling[:-1] > falling[1:]))
    return float(falling[good[-1]]) if len(good) else 1.0


def _says(photo: CaptionedPhoto, name: str) -> bool:
    said = re.compile(rf"\b{re.escape(name)}(?:s|es)?\b", re.IGNORECASE)
    return any(said.search(text) for text in (*photo.captions, *photo.names))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionTruth:
    """What is said of photos, as shares of 1.

    Attributes:
        captioned: Of photos that have a caption; ``named``, of those that have names instead.
        somebody_invented: Of all photos, those whose text names a living being that isn't there.
        things_invented: Of the things that captions name, those that nobody else says (CHAIR's first number, arXiv
            1809.02156), of photos of which enough is known.
    """

    captioned: float
    named: float
    somebody_invented: float
    things_invented: float


def score_truth(
    photos: Sequence[CaptionedPhoto], understood: Sequence[Understanding], invention: Invention
) -> CaptionTruth:
    """How true it is what is said of photos."""
    captions = [understanding.captions[0] for understanding in understood]
    said = [caption or understanding.names for caption, understanding in zip(captions, understood, strict=True)]
    things = [invention.share(row, caption) for row, caption in enumerate(captions) if caption]
    return CaptionTruth(
        captioned=float(np.mean([caption != "" for caption in captions])),
        named=float(np.mean([caption != text for caption, text in zip(captions, said, strict=True)])),
        somebody_invented=float(np.mean([invents_somebody(*pair) for pair in zip(photos, said, strict=True)])),
        things_invented=float(np.mean(things)) if things else 0.0,
    )
