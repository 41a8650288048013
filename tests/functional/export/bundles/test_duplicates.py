"""Groups of near-duplicates in the library: whatever came and went, they are those of what is there.

The reference is the definition: each content, in the order of pixels and then of hashes, with each leader before it.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from export.bundles.near_duplicates import duplicates
from export.bundles.near_duplicates.duplicates import update_groups
from export.library.database import Database
from export.library.library import Library
from export.library.likeness_table import Likeness

CHOOSER = random.Random(7)
CONTENTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(256)]
BASES = [CHOOSER.getrandbits(128) for _ in range(3)]
VECTORS = {content: [CHOOSER.choice((-1, 0, 1, 2)) for _ in range(4)] + [1] for content in CONTENTS}


def likeness_of(number: int, *, pixels: int | None = None) -> Likeness:
    """A content near one of three others, and sometimes far from it."""
    chooser = random.Random(number)
    bits = chooser.choice(BASES)
    for _ in range(chooser.choice((0, 2, 5, 9, 14))):
        bits ^= 1 << chooser.randrange(128)
    return Likeness(content=CONTENTS[number], fingerprint=f"{bits:032x}", pixels=pixels or chooser.randrange(1, 5))


def vectors_of(contents: Sequence[str]) -> NDArray[np.float32]:
    return np.array([VECTORS[content] for content in contents], dtype=np.float32)


def refuse(contents: Sequence[str]) -> NDArray[np.float32]:
    raise AssertionError(f"asked for {contents}")


def by_definition(there: Iterable[Likeness]) -> dict[str, str]:
    leaders: list[Likeness] = []
    groups = {}
    for likeness in sorted(there, key=lambda likeness: (-likeness.pixels, likeness.content)):
        leader = next((leader for leader in leaders if are_alike(likeness, leader)), None)
        if leader is None:
            leaders.append(likeness)
        else:
            groups[likeness.content] = leader.content
    return groups


def are_alike(one: Likeness, other: Likeness) -> bool:
    bits = int(one.fingerprint, 16) ^ int(other.fingerprint, 16)
    some, more = np.array(VECTORS[one.content]), np.array(VECTORS[other.content])
    cosine = some @ more / np.sqrt((some @ some) * (more @ more))
    return (
        bits.bit_count() <= 12 and any(bits >> place & 0xFFFF == 0 for place in range(0, 128, 16)) and cosine > 0.399999
    )


def check(folder: Path, library: Library, there: Mapping[str, Likeness]) -> None:
    groups = dict(library.likenesses.groups())
    assert groups == by_definition(there.values())
    assert library.likenesses.contents() == there.keys()
    with Database.open_to_read(folder).reading() as connection:
        query = "SELECT ifnull(sum(length(leaders)), 0), ifnull(sum(length(others)), 0) FROM bands"
        in_bands = connection.execute(query).fetchone()
    assert in_bands == (8 * 20 * (len(there) - len(groups)), 8 * 20 * len(groups))


NUMBERS = st.sets(st.integers(0, 255), max_size=40)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=6),
    st.sampled_from([0.0, 1 / 30, 1 / 4, 1000.0]),
)
def test_the_groups_are_those_of_what_is_there(
    steps: list[tuple[set[int], set[int], set[int]]], changed_at_most: float
) -> None:
    """Contents come, change and go, in any batches, settled one by one or grouped all at once or now so, now so."""
    there: dict[str, Likeness] = {}
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "CHANGED_AT_MOST", changed_at_most)
        folder = Path(place)
        with Library.open(folder) as library:
            for added, changed, removed in [({*range(0, 256, 3)}, set[int](), set[int]()), *steps]:
                batch = [likeness_of(number) for number in added - changed]
                batch += [likeness_of(number, pixels=number % 6 + 1) for number in changed]
                gone = [CONTENTS[number] for number in removed]
                there = {content: likeness for content, likeness in there.items() if content not in gone}
                there.update((likeness.content, likeness) for likeness in batch)
                update_groups(library, iter(batch), gone, vectors_of)
                check(folder, library, there)


def test_what_is_grouped_already_costs_nothing(tmp_path: Path) -> None:
    there = {CONTENTS[number]: likeness_of(number) for number in range(200)}
    with Library.open(tmp_path) as library:
        update_groups(library, there.values(), (), vectors_of)
        groups = dict(library.likenesses.groups())
        assert groups
        update_groups(library, there.values(), ["of nobody"], refuse)
        assert dict(library.likenesses.groups()) == groups


def test_who_is_removed_and_added_at_once_is_compared_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = likeness_of(3, pixels=6), replace(likeness_of(3, pixels=5), content=CONTENTS[4])
    there = [first, second, *(likeness_of(number, pixels=1) for number in range(5, 120))]
    with Library.open(tmp_path) as library:
        monkeypatch.setitem(VECTORS, first.content, [1, 0, 0, 0, 0])
        monkeypatch.setitem(VECTORS, second.content, [0, 1, 0, 0, 0])
        update_groups(library, there, (), vectors_of)
        assert second.content not in dict(library.likenesses.groups())
        monkeypatch.setitem(VECTORS, second.content, [1, 0, 0, 0, 0])
        update_groups(library, [second], [second.content], vectors_of)
        assert dict(library.likenesses.groups())[second.content] == first.content


@pytest.mark.parametrize("changed_at_most", [0.0, 1000.0])
def test_an_update_that_fails_leaves_the_groups_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed_at_most: float
) -> None:
    monkeypatch.setattr(duplicates, "CHANGED_AT_MOST", changed_at_most)
    there = {CONTENTS[number]: likeness_of(number) for number in range(100)}
    with Library.open(tmp_path) as library:
        update_groups(library, there.values(), (), vectors_of)
        with pytest.raises(AssertionError, match="asked for"):
            update_groups(library, (likeness_of(number) for number in range(100, 150)), list(there)[:10], refuse)
        check(tmp_path, library, there)


def test_vectors_are_asked_for_only_of_those_with_near_fingerprints(tmp_path: Path) -> None:
    chooser = random.Random(9)
    likenesses = [
        Likeness(content=content, fingerprint=f"{chooser.getrandbits(128):032x}", pixels=1) for content in CONTENTS
    ]
    with Library.open(tmp_path) as library:
        update_groups(library, likenesses[:200], (), refuse)
        update_groups(library, likenesses[200:203], [likenesses[0].content], refuse)
        assert dict(library.likenesses.groups()) == {}
