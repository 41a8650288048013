"""Near-duplicates, all at once: grouped when fingerprint and vector agree; compared with all pairs."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from export.bundles.near_duplicates.whole_grouping import group_all
from export.pictures.likeness import MAX_BITS

SAME = (100.0, 10.0, 0.0, 0.0)
OTHER = (0.0, 0.0, 90.0, -90.0)
BASE = random.Random(3).getrandbits(128)


def flipped(bits: int, *positions: int) -> int:
    for position in positions:
        bits ^= 1 << position
    return bits


def grouped(fingerprints: list[int], vectors: list[tuple[float, ...]]) -> list[int]:
    rows = np.array(vectors, dtype=np.float32)
    found: list[int] = group_all(packed(fingerprints), lambda places: rows[places]).tolist()
    return found


def packed(fingerprints: list[int]) -> NDArray[np.uint64]:
    data = b"".join(bits.to_bytes(16, "big") for bits in fingerprints)
    return np.frombuffer(data, dtype="<u8").reshape(-1, 2).astype(np.uint64)


def test_the_first_stands_for_its_copies() -> None:
    fingerprints = [flipped(BASE, 1), BASE, flipped(BASE, 1, 5, 90), random.Random(4).getrandbits(128)]
    assert grouped(fingerprints, [SAME] * 4) == [0, 0, 0, 3]


def test_what_looks_alike_but_shows_something_else_stays_apart() -> None:
    assert grouped([BASE, BASE, flipped(BASE, 3)], [SAME, OTHER, SAME]) == [0, 1, 0]


def test_a_chain_is_not_one_group() -> None:
    steps = [flipped(BASE, *range(8 * number)) for number in range(4)]
    assert grouped(steps, [SAME] * 4) == [0, 0, 2, 2]


def test_photos_that_are_alike_in_nothing_and_one_alone_and_none() -> None:
    assert grouped([], []) == []
    assert grouped([0], [SAME]) == [0]
    chooser = random.Random(5)
    many = [chooser.getrandbits(128) for _ in range(200)]
    assert grouped(many, [SAME] * 200) == list(range(200))


def test_the_cosine_decides_at_four_tenths() -> None:
    assert grouped([BASE] * 3, [(1.0, 0.0), (0.41, 0.912), (0.39, 0.921)]) == [0, 0, 2]


def test_a_photo_without_a_vector_is_like_none() -> None:
    assert grouped([BASE] * 3, [(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)]) == [0, 1, 2]


@given(st.lists(st.sets(st.integers(0, 127), max_size=4), min_size=1, max_size=30))
def test_all_that_differ_in_up_to_seven_bits_are_compared(flips: list[set[int]]) -> None:
    """Four bits each, so eight between two at most; those of seven or fewer must be found by the bands."""
    fingerprints = [flipped(BASE, *bits) for bits in flips]
    groups = grouped(fingerprints, [SAME] * len(flips))
    for number, leader in enumerate(groups):
        assert (fingerprints[number] ^ fingerprints[leader]).bit_count() <= MAX_BITS
        assert groups[leader] == leader <= number
    leaders = sorted(set(groups))
    for one in leaders:
        for other in leaders:
            assert one == other or (fingerprints[one] ^ fingerprints[other]).bit_count() > 7


def test_many_with_a_band_in_common_among_many_blocks_are_grouped_as_one_by_one() -> None:
    """Six thousand photos of three skies: more than are compared at once, and more in a band than are gathered."""
    chooser = np.random.default_rng(6)
    skies = np.zeros((6000, 16), dtype=np.uint8)
    skies[:, 12:] = chooser.integers(0, 4, (6000, 4)) * 85  # 96 bits in common
    skies[::3, :12] = chooser.integers(0, 256, (2000, 12))
    fingerprints = skies.view("<u8")
    vectors = np.eye(4, dtype=np.float32)[chooser.integers(0, 4, 6000)]
    groups = group_all(fingerprints, lambda places: vectors[places])
    assert groups.tolist() == one_by_one(fingerprints, vectors)


def one_by_one(fingerprints: NDArray[np.uint64], vectors: NDArray[np.float32]) -> list[int]:
    """Each content with each leader before it: the definition."""
    leaders: list[int] = []
    found = []
    for number, fingerprint in enumerate(fingerprints):
        differences = fingerprints[leaders] ^ fingerprint
        near = np.bitwise_count(differences).sum(axis=1) <= 12
        near &= (np.ascontiguousarray(differences).view(np.uint16) == 0).any(axis=1)
        alike = np.flatnonzero(near & (vectors[leaders] @ vectors[number] >= 0.4))
        found.append(leaders[alike[0]] if len(alike) else number)
        if not len(alike):
            leaders.append(number)
    return found
