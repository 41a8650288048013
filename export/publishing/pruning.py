"""Pruning: older bundles leave a store, and with them the segments and pictures that no other bundle has.

A publisher may be at work meanwhile, who has sent what no pointer and no manifest speaks of yet. So what was written
since the pointer was last moved stays, and so do segments, pictures and unfinished bundles that were written in the
last day; and where a bundle is written while it is looked for what can go, nothing goes.
What has not the exact name that Thinlens gives is somebody else's, and stays.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass

from export.disk.own_names import is_bundle_file, is_picture, is_segment_file
from export.errors import StoreError
from export.publishing.pointer_swap import read_in_service
from export.publishing.shown_pictures import shown_pictures
from export.publishing.uploads import picture_objects
from export.publishing.versions import Version, list_versions
from export.storage.object_store import ListedObject, ObjectStore
from handler.bundle.manifest import MANIFEST_FILE
from handler.store.pointer import BUNDLES_KEY, POINTER_KEY, SEGMENTS_KEY, Pointer, bundle_key

LEFT_ALONE_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, or would be: the ids of bundles, how many pictures, and the bytes of it all."""

    bundles: tuple[str, ...]
    pictures: int
    size_bytes: int


def prune(store: ObjectStore, *, keep: int, dry_run: bool = False) -> Pruned:
    """Remove bundles until so many whole ones are left, and what belongs to none of those.

    Args:
        store: What is pruned.
        keep: How many whole bundles are left.
        dry_run: Say what would be removed, and remove nothing.

    Raises:
        StoreError: The store can't be used, nothing is in service there, or a bundle that stays is damaged, so that
            the pictures that it shows aren't known. Nothing is removed.
    """
    in_service = read_in_service(store)
    if in_service.pointer is None:
        raise StoreError(f"nothing is in service in {store.address}, so there is nothing to prune")
    moved_s = store.objects(POINTER_KEY)[0].modified_s
    day_ago_s = time.time() - LEFT_ALONE_S
    bundles = store.objects(BUNDLES_KEY)
    versions = list_versions(store)
    wanted = _wanted(versions, in_service.pointer, keep)
    kept = [version for version in versions if version in wanted or (version.whole and version.written_s >= moved_s)]
    removed = [
        version
        for version in versions
        if version not in kept and (version.whole or (_is_unfinished(version) and version.written_s < day_ago_s))
    ]
    shown = shown_pictures(store, kept)
    used = {segment.folder for version in kept if version.manifest for segment in version.manifest.segments}
    segment_files = _unused_segment_files(store, used, before_s=min(moved_s, day_ago_s))
    pictures = [
        found
        for found in picture_objects(store)
        if is_picture(found.key) and found.key not in shown and found.modified_s < day_ago_s
    ]
    if read_in_service(store) != in_service:
        raise StoreError(f"somebody has put another bundle in service in {store.address} meanwhile: prune again")
    if set(store.objects(BUNDLES_KEY)) != set(bundles):
        raise StoreError(f"somebody is publishing to {store.address}: prune again")
    files = [
        found
        for version in removed
        for found in version.objects
        if is_bundle_file(found.key.removeprefix(bundle_key(version.id)))
    ]
    if not dry_run:
        # The manifests first: a bundle without one is unfinished, and nobody puts it in service.
        store.remove([bundle_key(version.id, MANIFEST_FILE) for version in removed])
        store.remove([found.key for found in [*files, *segment_files, *pictures]])
        store.remove_partial(before_s=day_ago_s)
    return Pruned(
        bundles=tuple(version.id for version in removed),
        pictures=len(pictures),
        size_bytes=sum(found.size_bytes for found in [*files, *segment_files, *pictures]),
    )


def _wanted(versions: Sequence[Version], pointer: Pointer, keep: int) -> list[Version]:
    """The bundle in service, whatever its state; then the one before it and the newest, as many as there should be."""
    served = [version for version in versions if version.id == pointer.bundle]
    before = [version for version in versions if version.id == pointer.previous]
    newest = [version for version in versions if version.id not in (pointer.bundle, pointer.previous)]
    return served + [version for version in before + newest if version.whole][: keep - 1]


def _is_unfinished(version: Version) -> bool:
    """Whether a publisher began it and has not come to its manifest, which goes last.

    A manifest that doesn't belong to the folder's name may be anybody's.
    """
    return all(found.key != bundle_key(version.id, MANIFEST_FILE) for found in version.objects)


def _unused_segment_files(store: ObjectStore, used: Set[str], *, before_s: float) -> list[ListedObject]:
    """The files of segments that aren't used, of each of which all were written before a moment."""
    segments: dict[str, list[ListedObject]] = defaultdict(list)
    for found in store.objects(SEGMENTS_KEY):
        if is_segment_file(found.key):
            segments[found.key.rpartition("/")[0]].append(found)
    return [
        found
        for folder, files in segments.items()
        if folder not in used and all(found.modified_s < before_s for found in files)
        for found in files
    ]
