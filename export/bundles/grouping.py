"""Near-duplicates among the photos of a bundle: groups of contents become groups of photo numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from export.bundles.near_duplicates.duplicates import update_groups
from export.bundles.photo_vectors import photo_views
from export.bundles.segment_set import SegmentSet
from export.library.library import Library
from export.library.likeness_table import GroupedPhoto
from export.models.model_set import Models

Numbers = NDArray[np.int64]


def near_duplicates(library: Library, segments: SegmentSet, models: Models) -> tuple[Numbers, Numbers]:
    """Bring the groups in the library up to date with the photos that were touched, and number their photos.

    Returns:
        The numbers of photos for which another one stands, rising, and those of the photos that stand for them: of each
        group the one with the smallest number.
    """
    by = models.understander

    def vectors_of(contents: Sequence[str]) -> NDArray[np.float32]:
        """The last view of a photo of each content: the visual one, where there is one."""
        ids = {photo.content: photo.id for photo in library.photos.of_contents(contents)}
        photos = library.understandings.photos(list(ids.values()), by)
        last = dict(zip((photo.content for photo in photos), photo_views(library, photos, models)[:, -1], strict=True))
        return np.stack([last[content] for content in contents])

    update_groups(
        library,
        library.likenesses.touched(by),
        library.likenesses.outdated(),
        vectors_of,
    )
    return _numbered(list(library.likenesses.photos()), segments)


def _numbered(photos: Sequence[GroupedPhoto], segments: SegmentSet) -> tuple[Numbers, Numbers]:
    starts, forgotten = segments.starts, set(segments.forgotten)
    grouped = {photo.id for photo in photos}
    placed = {
        photo_id: starts[segment] + row
        for segment, ids in segments.placed.items()
        for row, photo_id in enumerate(ids)
        if photo_id in grouped
    }
    groups: dict[int, list[int]] = {}
    for photo in photos:
        number = placed.get(photo.id)
        if number is None and photo.placement is not None and photo.id not in forgotten:
            number = starts[photo.placement.segment] + photo.placement.row
        if number is not None:
            groups.setdefault(photo.group, []).append(number)
    leader_of = {}
    for numbers in groups.values():
        first = min(numbers)
        leader_of.update(dict.fromkeys((number for number in numbers if number != first), first))
    members = np.array(sorted(leader_of), dtype=np.int64)
    return members, np.array([leader_of[number] for number in members.tolist()], dtype=np.int64)
