"""The schemes: which kind of store an address means."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from export.errors import StoreError, installing
from export.storage.object_store import ObjectStore
from handler.errors import SettingsError
from handler.store.s3.address import S3Address

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def open_store(address: str) -> ObjectStore:
    """The store at an address: "s3://bucket/prefix", as the handler understands it too, or a folder.

    Raises:
        StoreError: The address is neither, or what S3 needs isn't installed or configured.
    """
    scheme = _SCHEME.match(address)
    if scheme is None:
        from export.storage.folder_objects import FolderObjects

        return FolderObjects(Path(address))
    if scheme[1] not in SCHEMES or not address.startswith(f"{scheme[1]}://"):
        raise StoreError(f"{address!r} is no store (expected s3://bucket, s3://bucket/prefix or a folder)")
    return SCHEMES[scheme[1]](address)


def _open_s3(address: str) -> ObjectStore:
    try:
        place = S3Address.parse(address, os.environ, variable="STORE")
    except SettingsError as error:
        raise StoreError(str(error)) from error
    try:
        from export.storage.bucket import Bucket
        from export.storage.bucket_objects import BucketObjects
    except ImportError as error:
        raise StoreError(f"{error.name} isn't there, which S3 needs; {installing('publish')}") from error
    return BucketObjects(Bucket.connect(place.bucket), place.prefix)


SCHEMES: dict[str, Callable[[str], ObjectStore]] = {"s3": _open_s3}
"""What opens a store, by how its address begins; an address that begins with none is a folder's."""
