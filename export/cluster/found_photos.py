"""The photos that lie in a bucket now, by their listing: nothing of them is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.cluster.photo_fetching import stamp_of_etag
from export.gallery.bucket_listing import folders_of, wanted_objects
from export.library.records import KnownPhoto
from export.photos.column_table import NAMES
from export.photos.discovery import Exclusion, no_photos_in
from export.photos.unicode_names import one_form
from export.storage.object_store import ListedObject, ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPhotos:
    """What a listing says.

    Attributes:
        photos: By id; what they hold isn't known, so their contents are empty.
        keys: Of their objects, by id.
        tables: The keys of tables of the owner's columns.
        unreadable: The reason for each that can't be a photo of this run, by key.
        left_out: The folders whose pictures are no photos of their own, with a "/" behind each.
    """

    photos: Mapping[str, KnownPhoto]
    keys: Mapping[str, str]
    tables: Mapping[str, ListedObject]
    unreadable: Mapping[str, str]
    left_out: tuple[str, ...]


def find_photos(store: ObjectStore, exclusion: Exclusion, *, out: str) -> FoundPhotos:
    """List the photos of a store.

    Args:
        store: Where they lie.
        exclusion: What is left out.
        out: The address of the store that is indexed into, which is left out where it lies among the photos.

    Raises:
        PhotosError: There are none.
        StoreError: The store can't be read.
    """
    below = f"{store.address}/"
    own = f"{out.removeprefix(below)}/" if out.startswith(below) else None
    listed = [found for found in store.objects("") if own is None or not found.key.startswith(own)]
    left_out = _folders_without_photos(listed)
    wanted = wanted_objects((found for found in listed if not found.key.startswith(left_out)), exclusion, store.address)
    tables = {key: wanted.pop(key) for key in NAMES if key in wanted}
    photos: dict[str, KnownPhoto] = {}
    keys: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    # The one whose key is the id itself first: it is the one that is found by it.
    for key in sorted(wanted, key=lambda key: (one_form(key), key != one_form(key), key)):
        photo_id = one_form(key)
        if photo_id in photos:
            unreadable[key] = "another photo has the same name in another Unicode form; rename one"
            continue
        stamp = stamp_of_etag(wanted[key].etag)
        photos[photo_id] = KnownPhoto(id=photo_id, size_bytes=wanted[key].size_bytes, stamp=stamp, content="")
        keys[photo_id] = key
    return FoundPhotos(photos=photos, keys=keys, tables=tables, unreadable=unreadable, left_out=left_out)


def _folders_without_photos(listed: Sequence[ListedObject]) -> tuple[str, ...]:
    """The folders that programs made, with a "/" behind each."""
    names: dict[str, set[str]] = defaultdict(set)
    for found in listed:
        child = found.key
        for folder in folders_of(found.key):
            names[folder].add(child.rpartition("/")[2])
            child = folder
    return tuple(f"{folder}/" for folder in sorted(names) if no_photos_in(folder, names[folder]))
