"""Near-duplicates: what grouping costs as a collection grows, next to comparing each leader with all that are free.

The contents are synthetic: most have fingerprints near one of a few thousand others, as many as there were photos to
draw them from, and the rest have any. What is measured is the processor's time of whole updates of the library.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec

import numpy as np
from numpy.typing import NDArray

from export.bundles.near_duplicates.duplicates import update_groups
from export.library.library import Library
from export.library.likeness_table import Likeness
from export.pictures.likeness import MAX_BITS, MIN_COSINE
from tests.performance.report import Table

P = ParamSpec("P")

SIZES = (100_000, 200_000)
ADDED = 10
ADDITIONS = 5
SEED = 11
_BASES = 11_000
_MOST_FLIPPED = 40
_DIM = 384


class Contents:
    """Synthetic contents: fingerprints, pixels, and what each shows, by which it has a vector."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(SEED)
        self.shown = random.integers(0, _BASES, count)
        self.fingerprints = random.integers(0, 2**64, (_BASES, 2), dtype=np.uint64)[self.shown]
        flipped = random.integers(0, _MOST_FLIPPED + 1, count)
        for number in range(_MOST_FLIPPED):
            rows = np.flatnonzero(flipped > number)
            bits = random.integers(0, 128, len(rows))
            self.fingerprints[rows, bits // 64] ^= np.uint64(1) << (bits % 64).astype(np.uint64)
        anything = random.random(count) < 0.3
        self.fingerprints[anything] = random.integers(0, 2**64, (anything.sum(), 2), dtype=np.uint64)
        self.pixels = random.choice([500_000, 2_000_000, 12_000_000], count)
        self.vectors = random.standard_normal((_BASES, _DIM), dtype=np.float32)
        self.names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def likenesses(self, start: int, stop: int) -> Iterator[Likeness]:
        for number in range(start, stop):
            yield Likeness(
                content=self.names[number],
                fingerprint=self.fingerprints[number].tobytes().hex(),
                pixels=int(self.pixels[number]),
            )

    def vectors_of(self, contents: Sequence[str]) -> NDArray[np.float32]:
        return self.vectors[self.shown[[self._numbers[content] for content in contents]]]


def measure(folder: Path) -> Table:
    """Group as many contents as SIZES says, then add ten to the larger library, a few times."""
    contents = Contents(SIZES[1] + ADDED * ADDITIONS)
    in_library = [_seconds(_group, folder / str(size), contents, size) for size in SIZES]
    everything = [_seconds(leaders_against_everything, contents, size) for size in SIZES]
    with Library.open(folder / str(SIZES[1])) as library:
        added = [
            _seconds(_add, library, contents, start, start + ADDED)
            for start in range(SIZES[1], SIZES[1] + ADDED * ADDITIONS, ADDED)
        ]
    return Table(
        title="Near-duplicates",
        how=(
            f"{SIZES[0]:,} and {SIZES[1]:,} synthetic contents, 7 of 10 with up to {_MOST_FLIPPED} bits flipped of one "
            f"of {_BASES:,} fingerprints, grouped once each; then {ADDED} more in the larger library, "
            f"{ADDITIONS} times, the median. The processor's time, of the library with writing it. "
            "The alternative is what Thinlens did before: it compares each leader with everything that is free still, "
            "and starts anew when something is added."
        ),
        header=("way", *(f"{size:,}, s" for size in SIZES), "ratio", f"{ADDED} more, s"),
        rows=[
            _row("groups in the library", in_library, float(np.median(added))),
            _row("leaders against everything", everything, everything[1]),
        ],
    )


def _row(way: str, seconds: Sequence[float], added: float) -> list[str]:
    return [way, *(f"{value:.1f}" for value in seconds), f"{seconds[1] / seconds[0]:.2f}", f"{added:.3f}"]


def _seconds(work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> float:
    started = time.process_time()
    work(*args, **kwargs)
    return time.process_time() - started


def _group(folder: Path, contents: Contents, size: int) -> None:
    with Library.open(folder) as library:
        _add(library, contents, 0, size)


def _add(library: Library, contents: Contents, start: int, stop: int) -> None:
    update_groups(library, contents.likenesses(start, stop), (), contents.vectors_of)


def leaders_against_everything(contents: Contents, size: int) -> None:
    """Group contents as Thinlens did before version 2 of its bundles."""
    fingerprints, pixels = contents.fingerprints[:size], contents.pixels
    vectors = contents.vectors[contents.shown[:size]]
    free = np.flatnonzero(_have_likes(fingerprints))
    while len(free):
        leader = min(free.tolist(), key=lambda number: (-pixels[number], number))
        near = free[np.bitwise_count(fingerprints[free] ^ fingerprints[leader]).sum(axis=1) <= MAX_BITS]
        products = vectors[near] @ vectors[leader]
        lengths = np.linalg.norm(vectors[near], axis=1) * np.linalg.norm(vectors[leader])
        same = near[products >= MIN_COSINE * lengths]
        free = np.setdiff1d(free, [leader, *same.tolist()], assume_unique=True)


def _have_likes(fingerprints: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which fingerprints are near another one that has a band in common."""
    found = np.zeros(len(fingerprints), dtype=bool)
    for band in fingerprints.view(np.uint16).T:
        order = np.argsort(band, kind="stable")
        values = band[order]
        distance = 1
        first = np.flatnonzero(values[1:] == values[:-1])
        while len(first):
            ones, others = order[first], order[first + distance]
            near = np.bitwise_count(fingerprints[ones] ^ fingerprints[others]).sum(axis=1) <= MAX_BITS
            found[ones[near]] = found[others[near]] = True
            distance += 1
            first = first[first + distance < len(values)]
            first = first[values[first] == values[first + distance]]
    return found
