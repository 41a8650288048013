"""The listing of a bucket: which of its objects are photos, or what is known of the photos, by their keys."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import PurePosixPath

from export.errors import PhotosError
from export.photos.column_table import NAMES
from export.photos.discovery import Exclusion
from export.pictures.formats import FORMATS, SUFFIXES
from export.storage.object_store import ListedObject

_log = logging.getLogger(__name__)


def wanted_objects(listed: Iterable[ListedObject], exclusion: Exclusion, address: str) -> dict[str, ListedObject]:
    """The photos among objects, and the table of what is known of them, by key.

    Args:
        listed: All that lies there.
        exclusion: What is left out.
        address: What people call the place.

    Raises:
        PhotosError: There are no photos.
    """
    wanted = {found.key: found for found in listed if _is_wanted(found.key, exclusion)}
    for key in [key for key in wanted if not wanted.keys().isdisjoint(folders_of(key))]:
        _log.warning("%s can't be fetched, so it is left out: a part of its key is a file", key)
        del wanted[key]
    if all(key in NAMES for key in wanted):
        raise PhotosError(f"{address} holds no photos; expected {', '.join(each.name for each in FORMATS)}")
    return wanted


def may_be_photo(key: str) -> bool:
    """Whether an object of this key would be taken."""
    return key in NAMES or key.lower().endswith(SUFFIXES)


def folders_of(key: str) -> list[str]:
    """What would be folders above a key, the closest first: "a/b/c.jpg" -> "a/b", "a"."""
    return [str(parent) for parent in PurePosixPath(key).parents[:-1]]


def _is_wanted(key: str, exclusion: Exclusion) -> bool:
    if not may_be_photo(key):
        return False
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in key:
        _log.warning("%r can't be the path of a file, so it is left out", key)
        return False
    return not (any(part.startswith(".") for part in parts) or exclusion.covers(key))
