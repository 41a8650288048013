"""Near-duplicates: grouped when fingerprint and vector agree, whatever the order; compared with all pairs."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from export.bundles.duplicates import MAX_BITS, group_duplicates

SAME = np.array([100, 10, 0, 0], dtype=np.int8)
OTHER = np.array([0, 0, 90, -90], dtype=np.int8)
BASE = random.Random(3).getrandbits(128)


def hexed(bits: int) -> str:
    return bits.to_bytes(16, "big").hex()


def flipped(bits: int, *positions: int) -> int:
    for position in positions:
        bits ^= 1 << position
    return bits


def grouped(
    fingerprints: list[int], vectors: list[np.ndarray[tuple[int], np.dtype[np.int8]]], pixels: list[int]
) -> list[int]:
    found: list[int] = group_duplicates([hexed(bits) for bits in fingerprints], np.stack(vectors), pixels).tolist()
    return found


def test_the_largest_stands_for_its_copies() -> None:
    fingerprints = [BASE, flipped(BASE, 1), flipped(BASE, 1, 5, 90), random.Random(4).getrandbits(128)]
    assert grouped(fingerprints, [SAME] * 4, [10, 30, 20, 40]) == [1, 1, 1, 3]
    assert grouped(fingerprints, [SAME] * 4, [10, 10, 10, 10]) == [0, 0, 0, 3]


def test_what_looks_alike_but_shows_something_else_stays_apart() -> None:
    assert grouped([BASE, BASE, flipped(BASE, 3)], [SAME, OTHER, SAME], [3, 2, 1]) == [0, 1, 0]


def test_a_chain_is_not_one_group() -> None:
    steps = [flipped(BASE, *range(8 * number)) for number in range(4)]
    assert grouped(steps, [SAME] * 4, [4, 3, 2, 1]) == [0, 0, 2, 2]


def test_photos_that_are_alike_in_nothing_and_one_alone() -> None:
    assert grouped([0], [SAME], [1]) == [0]
    chooser = random.Random(5)
    many = [chooser.getrandbits(128) for _ in range(200)]
    assert grouped(many, [SAME] * 200, [1] * 200) == list(range(200))


@given(st.lists(st.sets(st.integers(0, 127), max_size=4), min_size=1, max_size=30), st.randoms())
def test_all_that_differ_in_up_to_seven_bits_are_compared(flips: list[set[int]], chooser: random.Random) -> None:
    """Four bits each, so eight between two at most; those of seven or fewer must be found by the bands."""
    fingerprints = [flipped(BASE, *bits) for bits in flips]
    pixels = [chooser.randrange(5) for _ in flips]
    groups = grouped(fingerprints, [SAME] * len(flips), pixels)
    for number, leader in enumerate(groups):
        assert (fingerprints[number] ^ fingerprints[leader]).bit_count() <= MAX_BITS
        assert groups[leader] == leader
        assert (-pixels[leader], leader) <= (-pixels[number], number)
    leaders = sorted(set(groups))
    for one in leaders:
        for other in leaders:
            assert one == other or (fingerprints[one] ^ fingerprints[other]).bit_count() > 7
