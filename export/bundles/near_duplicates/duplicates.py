"""Near-duplicates: photos that are copies of each other, or as good as that.

It knows how contents become groups and remain up to date, not when two of them are alike. The order is that of pixels,
the most first, then of the content's hash. In it, each content belongs to the first leader before it that it is like,
or is a leader itself: the largest stands for its near-duplicates, and never for what is only like one of them, so that
a chain of small differences doesn't make one group of everything. So the groups depend on which contents there are, not
on when they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from export.bundles.near_duplicates.group_settling import settle_groups
from export.bundles.near_duplicates.whole_grouping import group_all
from export.library.library import Library
from export.library.likeness_table import MEMBER, Band, GroupedContent, Likeness, LikenessRows
from export.pictures.likeness import BAND_VALUES, BANDS, VectorsOf, band_values

CHANGED_AT_MOST = 1 / 30
"""Of the contents; to settle more of them takes longer than to group them all."""
_ASKED_AT_ONCE = 500
_PACKED = np.dtype([("content", "S32"), ("fingerprint", "<u8", (2,)), ("pixels", "<i8")])


def update_groups(library: Library, added: Iterable[Likeness], removed: Iterable[str], vectors_of: VectorsOf) -> None:
    """Bring the groups in the library up to date, all of it or nothing.

    Args:
        library: Has the groups, as ``library.likenesses.groups()`` gives them.
        added: Contents that are there from now on. One that is grouped already with the same facts costs nothing,
            unless it is removed too, as when its vector has changed; other facts replace those that it had.
        removed: Contents that are there no more, or are added anew; those that aren't grouped don't matter.
        vectors_of: Asked for the vectors of those whose fingerprints are near others'.
    """
    with library.likenesses.changing() as rows:
        gone = set(removed)
        there = rows.highest_number()  # hardly more than there are, and known at once
        at_most = int(there * CHANGED_AT_MOST)
        changes = _changes(rows, added, gone) if there else iter(added)
        first = list(islice(changes, at_most + 1))
        few = len(first) + len(gone) <= at_most
        if not few or not settle_groups(rows, first, gone, vectors_of, at_most=at_most):
            _group_all(rows, chain(first, changes), gone, vectors_of)


def _changes(rows: LikenessRows, added: Iterable[Likeness], removed: set[str]) -> Iterator[Likeness]:
    """Those of the contents that aren't grouped with the same facts."""
    rest = iter(added)
    while part := {likeness.content: likeness for likeness in islice(rest, _ASKED_AT_ONCE)}:
        same = {row.likeness for row in rows.of(list(part)) if row.likeness.content not in removed}
        yield from (likeness for likeness in part.values() if likeness not in same)


def _group_all(rows: LikenessRows, added: Iterable[Likeness], removed: set[str], vectors_of: VectorsOf) -> None:
    """Group what is there, without those that are removed, and what is added."""
    kept = (likeness for likeness in rows.all() if likeness.content not in removed)
    packed = _pack(chain(kept, added))
    order = np.argsort(-packed["pixels"], kind="stable")  # those of as many pixels by content
    leaders = np.empty(len(packed), dtype=np.int64)
    leaders[order] = order[
        group_all(packed["fingerprint"][order], lambda places: vectors_of(_contents(packed[order[places]])))
    ]
    rows.clear()
    rows.add(_unpack(packed, leaders))
    rows.put_bands(_bands(packed["fingerprint"], leaders))


def _pack(likenesses: Iterable[Likeness]) -> NDArray[np.void]:
    """Likenesses in 56 bytes each, by content; of those of one content the last."""
    packed = np.fromiter(
        (
            (
                bytes.fromhex(likeness.content),
                np.frombuffer(bytes.fromhex(likeness.fingerprint), "<u8"),
                likeness.pixels,
            )
            for likeness in likenesses
        ),
        dtype=_PACKED,
    )
    packed = packed[np.argsort(packed["content"], kind="stable")]
    last = packed["content"][1:] != packed["content"][:-1]
    return packed[np.append(last, True)] if not last.all() else packed


def _contents(packed: NDArray[np.void]) -> list[str]:
    return [content.ljust(32, b"\0").hex() for content in packed["content"].tolist()]  # numpy drops zeros at the end


def _unpack(packed: NDArray[np.void], leaders: NDArray[np.int64]) -> Iterator[GroupedContent]:
    """The rows of packed contents, numbered from 1 on."""
    for start in range(0, len(packed), _ASKED_AT_ONCE):
        part = packed[start : start + _ASKED_AT_ONCE]
        fingerprints = np.ascontiguousarray(part["fingerprint"]).tobytes()
        facts = zip(_contents(part), part["pixels"].tolist(), leaders[start : start + len(part)].tolist(), strict=True)
        for place, (content, pixels, leader) in enumerate(facts):
            fingerprint = fingerprints[16 * place : 16 * place + 16].hex()
            likeness = Likeness(content=content, fingerprint=fingerprint, pixels=pixels)
            yield GroupedContent(number=start + place + 1, likeness=likeness, leader=leader + 1)


def _bands(fingerprints: NDArray[np.uint64], leaders: NDArray[np.int64]) -> Iterator[Band]:
    """The bands of contents that are numbered from 1 on."""
    members = np.empty(len(leaders), dtype=MEMBER)
    members["number"] = np.arange(1, len(leaders) + 1)
    members["fingerprint"] = fingerprints
    if not len(leaders):
        return
    follow = leaders != np.arange(len(leaders))
    for place in range(BANDS):
        values = band_values(fingerprints)[:, place].astype(np.uint32) * 2 + follow
        order = np.argsort(values, kind="stable")
        values, ordered = values[order], members[order]
        for start, end in pairwise([0, *(np.flatnonzero(np.diff(values >> 1)) + 1).tolist(), len(values)]):
            middle = start + int(np.searchsorted(values[start:end] & 1, 1))
            band = place * BAND_VALUES + int(values[start] >> 1)
            yield Band(band=band, leaders=ordered[start:middle], others=ordered[middle:end])
