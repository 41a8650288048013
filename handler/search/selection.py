"""The selection: which of the photos that fit are wanted, and how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handler.bundle.manifest_fields import MAX_PHOTOS
from handler.errors import Problem, QueryError
from handler.search.filters import EVERY_PHOTO, Filters

MAX_K = 100
DEFAULT_K = 10
MAX_OFFSET = MAX_PHOTOS

ByDate = Literal["newest", "oldest"]
Order = Literal["relevance", "newest", "oldest"]
BY_DATE: tuple[ByDate, ...] = ("newest", "oldest")
ORDERS: tuple[Order, ...] = ("relevance", *BY_DATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the photos that fit are wanted.

    Attributes:
        k: Results wanted, 1 to 100.
        offset: How many results are skipped, 0 to 100 million, which is more than a bundle holds.
        min_relevance: Relevance below which nothing counts as relevant, 0 to 1; by default the bundle's own
            calibrated threshold.
        order: Whether the most relevant results come first, or the newest or the oldest of all that are relevant;
            photos without a date come last then.
        dedupe: Whether of near-duplicates only the most relevant is a result.
        filters: What photos must be.
    """

    k: int = DEFAULT_K
    offset: int = 0
    min_relevance: float | None = None
    order: Order = "relevance"
    dedupe: bool = False
    filters: Filters = EVERY_PHOTO

    def check(self) -> None:
        """Raises QueryError where a number is out of range."""
        if not 1 <= self.k <= MAX_K:
            raise QueryError(f"k is {self.k} (expected 1 to {MAX_K})", parameter="k")
        if not 0 <= self.offset <= MAX_OFFSET:
            raise QueryError(f"offset is {self.offset} (expected 0 to {MAX_OFFSET})", parameter="offset")
        if self.min_relevance is not None and not 0.0 <= self.min_relevance <= 1.0:
            raise QueryError(f"min_relevance is {self.min_relevance} (expected 0 to 1)", parameter="min_relevance")


def check_page(k: int, offset: int, order: ByDate | None) -> None:
    """Check a page of a collection; raises QueryError for a number out of range, and an offset without an order."""
    Selection(k=k, offset=offset).check()
    if order is None and offset:
        raise QueryError(
            f"offset is {offset}, but there is no order (expected newest or oldest)",
            parameter="offset",
            problem=Problem.CONTRADICTORY,
        )
