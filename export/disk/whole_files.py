"""Files that are whole or not there: written beside their place, brought to the disk, and renamed."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

PARTIAL_SUFFIX = ".partial"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; whoever reads it sees all of the old content or all of the new.

    Until then it lies beside its place under a name that nothing has: no file of the user's is in the way. Raises
    OSError.
    """
    beside = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        file = beside.open("xb")
    except FileExistsError:  # somebody's, or left by a killed run
        beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL_SUFFIX}")
        file = beside.open("xb")
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's list of names, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def point_to(link: Path, target: str) -> None:
    """Let a symbolic link point to a target, in one step: there is no moment without it.

    Raises:
        OSError: What is there is no link into the target's folder, or the link can't be written.
    """
    _make_link(_beside(link, target), target).replace(link)
    sync(link.parent)


def check_links(link: Path, target: str) -> None:
    """Check that ``point_to`` can let a link point to a target, and leave everything as it is. Raises OSError."""
    beside = _beside(link, target)
    if not link.is_symlink():
        _make_link(beside, target).unlink()


def _beside(link: Path, target: str) -> Path:
    beside = link.with_name(link.name + PARTIAL_SUFFIX)
    for path in (link, beside):
        if os.path.lexists(path) and not (path.is_symlink() and path.readlink().parent == Path(target).parent):
            raise FileExistsError(errno.EEXIST, f"{path.name} is no link of Thinlens and stays", str(path))
    beside.unlink(missing_ok=True)
    return beside


def _make_link(path: Path, target: str) -> Path:
    try:
        path.symlink_to(target)
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise OSError(
                error.errno, "its disk has no symbolic links (exFAT and some network shares haven't)", str(path)
            ) from error
        raise
    return path
