"""The query: the texts that photos should show, how much each counts, and what photos should not show.

Knows texts; knows nothing of vectors or of HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from handler.bundle.texts import normalise
from handler.errors import Problem, QueryError

MAX_QUERY_LENGTH = 512
MAX_TEXTS = 8
MAX_WEIGHT = 100.0

Mode = Literal["all", "words", "meaning"]
MODES: tuple[Mode, ...] = ("all", "words", "meaning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is searched for.

    Attributes:
        texts: What the photo shows, 1 to 8 texts that should all fit.
        weights: How much each text counts, above 0; none for the same weight.
        without: What the photo should not show, up to 8 texts.
        mode: Whether photos are found by the words in their texts, by what they mean, or by either.
    """

    texts: tuple[str, ...]
    weights: tuple[float, ...] = ()
    without: tuple[str, ...] = ()
    mode: Mode = "all"

    def check(self, *, beside_picture: bool = False) -> None:
        """Raises QueryError where this can't be asked; beside a picture there need be no text."""
        if not self.texts and not beside_picture:
            raise QueryError("q is missing", parameter="q", problem=Problem.MISSING_PARAMETER)
        _check_texts("q", "The query", self.texts)
        _check_texts("not", "What photos should not show", self.without)
        if self.weights and len(self.weights) != len(self.texts):
            raise QueryError(
                f"weight is given {len(self.weights)} times (expected {len(self.texts)}, once for each q)",
                parameter="weight",
                problem=Problem.CONTRADICTORY,
            )
        for weight in self.weights:
            if not 0.0 < weight <= MAX_WEIGHT:
                raise QueryError(
                    f"weight is {weight:g} (expected above 0 to {MAX_WEIGHT:g}; what photos should not show is a not)",
                    parameter="weight",
                )
        wanted = {normalise(text).casefold() for text in self.texts}
        if both := [text for text in self.without if normalise(text).casefold() in wanted]:
            raise QueryError(f"Both q and not say {both[0][:80]!r}", parameter="not", problem=Problem.CONTRADICTORY)

    @property
    def shares(self) -> tuple[float, ...]:
        """How much each text counts, of a sum of 1."""
        weights = self.weights or (1.0,) * len(self.texts)
        return tuple(weight / sum(weights) for weight in weights)


def read_mode(text: str | None) -> Mode:
    """The mode that a client names; by default either way finds photos. Raises QueryError."""
    for mode in MODES:
        if text in (None, mode):
            return mode
    raise QueryError(f"mode is {(text or '')[:80]!r} (expected {', '.join(MODES)})", parameter="mode")


def _check_texts(parameter: str, what: str, texts: Sequence[str]) -> None:
    if len(texts) > MAX_TEXTS:
        raise QueryError(f"{parameter} is given {len(texts)} times (expected at most {MAX_TEXTS})", parameter=parameter)
    for text in texts:
        if len(text) > MAX_QUERY_LENGTH:
            raise QueryError(
                f"{what} has {len(text)} characters (expected at most {MAX_QUERY_LENGTH})", parameter=parameter
            )
        if not normalise(text):
            raise QueryError(f"{what} is empty (expected a description of what the photo shows)", parameter=parameter)
