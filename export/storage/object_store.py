"""The object store: what bundles are published to, objects by key, whatever keeps them.

It knows keys and bytes, nothing of bundles. A key is relative to the store, with "/" between its parts. An object is
there whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from export.errors import PublishingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that is to become an object.

    Attributes:
        sha256: What the file must hold, hexadecimal; None where its key says enough of what it is.
    """

    key: str
    path: Path
    size_bytes: int
    sha256: str | None
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's content, what a conditional write calls it, and what a listing calls what it holds."""

    data: bytes
    version: str
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object as a listing shows it.

    Attributes:
        modified_s: When it was written, seconds since 1970.
        etag: What changes with what it holds; empty where the store doesn't say.
    """

    key: str
    size_bytes: int
    modified_s: float
    etag: str = ""


class ObjectStore(Protocol):
    """Where bundles are published. Every method raises StoreError where the store can't be used."""

    @property
    def address(self) -> str:
        """What people call it."""

    def read(self, key: str, *, max_bytes: int) -> StoredObject | None:
        """An object, or None where there is none; a longer one is cut one byte beyond ``max_bytes``."""

    def objects(self, prefix: str) -> list[ListedObject]:
        """The objects whose keys begin with ``prefix``."""

    def holds(self, upload: Upload) -> bool:
        """Whether the object is there already, of the upload's size and sha256."""

    def put(self, upload: Upload, advance: Callable[[int], None]) -> None:
        """Keep a file under its key; ``advance`` is told of the bytes that have arrived.

        Raises:
            PublishingError: The file can't be read, or isn't what the upload says.
        """

    def write(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, in place of what is there."""

    def copy(self, key: str, upload: Upload) -> bool:
        """Keep an object under the upload's key too, if it is of its size and sha256; returns whether that is done."""

    def swap(self, key: str, data: bytes, *, version: str | None) -> bool:
        """Write an object if it is still of a version, or, for None, still not there.

        Returns:
            Whether it was, and the object is written.

        Raises:
            UnavailableStoreError: It isn't known whether the object is written.
        """

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects."""

    def remove_partial(self, *, before_s: float) -> None:
        """Remove what was left half-written before a moment, in seconds since 1970."""


def file_parts(upload: Upload, part_bytes: int) -> Iterator[bytes]:
    """The content of a file, in parts of so many bytes.

    Raises:
        PublishingError: It can't be read; or, after the last part, it isn't what the upload says.
    """
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with upload.path.open("rb") as file:
            while part := file.read(part_bytes):
                digest.update(part)
                size_bytes += len(part)
                yield part
    except OSError as error:
        raise PublishingError(f"{upload.path} can't be read: {error.strerror}; index again, then publish") from error
    if size_bytes != upload.size_bytes or upload.sha256 not in (None, digest.hexdigest()):
        raise PublishingError(f"{upload.path} isn't what it was when it was indexed: index again, then publish")
