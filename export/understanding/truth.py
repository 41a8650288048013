"""The truth of captions: how probable it is that a caption says what is there, and what is said instead.

A decoder writes a fluent sentence of every photo. How well the rest of the model supports it tells whether it is true:
its closeness to the visual view, how probable the view finds the names that it says, and its own probability. Where
it is hardly true, those names are said that are sure; where none is, nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ModelError
from export.understanding.naming import names_as_caption

SUPPORTS = ("closeness to the view", "log probability", "log probability of its names")
"""What supports a caption, in the order of the columns of ``supports``."""
_LEAST = 1e-4
_MOST_NAMES = 3
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """When captions are believed.

    Attributes:
        weights: Of SUPPORTS, in the logit of the probability that a caption is true.
        bias: Of that logit.
        caption_from: The probability from which a caption is said.
        name_from: The probability from which a name is said in place of a caption.
    """

    weights: tuple[float, ...]
    bias: float
    caption_from: float
    name_from: float

    def of(self, supports: NDArray[np.float32]) -> NDArray[np.float64]:
        """How probable captions are true: float32 [n, SUPPORTS] -> float64 [n]."""
        logits = supports.astype(np.float64) @ np.array(self.weights) + self.bias
        return np.asarray(1.0 / (1.0 + np.exp(-logits)))

    def sure(self, told: NDArray[np.float32], names: Sequence[str]) -> str:
        """The sure ones of some names as a caption, the most probable first; empty where none is.

        Args:
            told: float32 [names], how probable each is.
            names: What they are.
        """
        order = np.argsort(-told, kind="stable")
        return names_as_caption([names[each] for each in order[:_MOST_NAMES] if told[each] >= self.name_from])


class Supports:
    """Tells what supports captions, of photos whose names are told."""

    def __init__(self, names: Sequence[str]) -> None:
        """Look up the names' words; the last word of a name is said in its place."""
        self._columns: dict[str, list[int]] = {}
        for column, name in enumerate(names):
            for word in {name, name.rpartition(" ")[2]}:
                self._columns.setdefault(word, []).append(column)

    def of(
        self,
        captions: Sequence[str],
        cosines: NDArray[np.float32],
        scores: NDArray[np.float32],
        told: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """What supports captions, float32 [n, SUPPORTS].

        Args:
            captions: One of each photo.
            cosines: float32 [n], with the photos' visual views.
            scores: float32 [n], their log probabilities, by length.
            told: float32 [n, names], how probable each name is of each photo.
        """
        named = [self._least_probable(caption, row) for caption, row in zip(captions, told, strict=True)]
        return np.stack([cosines, scores, np.array(named)], axis=1).astype(np.float32)

    def _least_probable(self, caption: str, told: NDArray[np.float32]) -> float:
        said = [self._columns[word] for word in _WORD.findall(caption.lower()) if word in self._columns]
        return float(np.log(max(_LEAST, min((told[columns].sum() for columns in said), default=_LEAST))))


def read_truth(settings: dict[str, Any]) -> Truth | None:
    """The truth that the settings of a captioner hold; None where they hold none.

    Raises:
        ModelError: It isn't what ``write_truth`` writes.
    """
    found = settings.get("truth")
    if found is None:
        return None
    try:
        numbers = {name: float(found[name]) for name in ("bias", "caption_from", "name_from")}
        truth = Truth(weights=tuple(float(weight) for weight in found["weights"]), **numbers)
    except (TypeError, KeyError, ValueError) as error:
        raise ModelError(f"captioner.json: expected 'truth' to hold weights and thresholds, found {found!r}") from error
    if len(truth.weights) != len(SUPPORTS):
        raise ModelError(f"captioner.json: truth has {len(truth.weights)} weights, expected {len(SUPPORTS)}")
    return truth


def write_truth(captioner: Path, truth: Truth | None) -> None:
    """Write a truth into the settings of a captioner's folder, or take it out."""
    path = captioner / "captioner.json"
    settings = json.loads(path.read_bytes())
    settings.pop("truth", None)
    if truth is not None:
        settings["truth"] = asdict(truth)
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
