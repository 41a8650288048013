"""Hashing: what a file holds, as a number, and whether the file is still the one that was hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from export.errors import UnreadablePhotoError


def stamp_of(status: os.stat_result) -> int:
    """What changes whenever a file does, of 63 bits, which SQLite holds whatever the dates are.

    It is of the date of the file's content, and of that of its inode: the first is kept by tools that write into photos
    (exiftool -P), and nobody sets the second.
    """
    dates = f"{status.st_mtime_ns} {status.st_ctime_ns}".encode()
    return int.from_bytes(hashlib.blake2b(dates, digest_size=8).digest()) >> 1


def content_hash(path: Path, *, size_bytes: int, stamp: int) -> str:
    """Hash a file that has this size and this stamp before and after.

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
    check_unchanged(path, size_bytes=size_bytes, stamp=stamp)
    return content


def check_unchanged(path: Path, *, size_bytes: int, stamp: int) -> None:
    """Check that a file still has a size and a stamp.

    Raises:
        UnreadablePhotoError: It hasn't, or it is gone.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadablePhotoError(f"can't be read: {error.strerror}") from error
    if (status.st_size, stamp_of(status)) != (size_bytes, stamp):
        raise UnreadablePhotoError("it changed while it was read; run again")
