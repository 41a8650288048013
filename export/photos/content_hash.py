"""Hashing: what a file holds, as a number, and whether the file is still the one that was hashed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from export.errors import UnreadablePhotoError


def content_hash(path: Path, *, size_bytes: int, mtime_ns: int) -> str:
    """Hash a file that has this size and this date (nanoseconds since 1970) before and after.

    Returns:
        Its sha256, hexadecimal.

    Raises:
        UnreadablePhotoError: It can't be read, or has changed.
    """
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadablePhotoError(f"can't be read: {error.strerror}") from error
    check_unchanged(path, size_bytes=size_bytes, mtime_ns=mtime_ns)
    return content


def check_unchanged(path: Path, *, size_bytes: int, mtime_ns: int) -> None:
    """Check that a file still has a size and a date (nanoseconds since 1970).

    Raises:
        UnreadablePhotoError: It hasn't, or it is gone.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadablePhotoError(f"can't be read: {error.strerror}") from error
    if (status.st_size, status.st_mtime_ns) != (size_bytes, mtime_ns):
        raise UnreadablePhotoError("it changed while it was read; run again")
