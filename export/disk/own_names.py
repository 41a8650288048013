"""The names that Thinlens gives to what it writes: nothing of another name is ever removed.

A folder or a bucket may hold files of the user's beside ours; whatever removes asks here first.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from export.errors import OutputError
from handler.bundle.format_1 import FILES_1
from handler.bundle.manifest import (
    BUNDLE_FILES,
    MANIFEST_FILE,
    SEGMENT_FILES,
    SIGNATURE_FILE,
    bundle_id,
)
from handler.bundle.manifest_reader import read_manifest
from handler.errors import BundleError

_PICTURE = re.compile(
    r"(?:thumbnails|previews|photos)/([0-9a-f]{2})/\1[0-9a-f]{62}\.[a-z0-9]+(?:(?:\.[0-9a-f]{16})?\.partial)?"
)
_BUNDLE_ID = re.compile(r"[0-9a-f]{16}")
_SEGMENT = re.compile(r"segments/[0-9a-f]{16}")
_PARTIAL_NAME = re.compile(r"[0-9a-f]{16}(?:(?:\.[0-9a-f]{16})?\.partial)?")
_STAGING = re.compile(r"staging-[a-z0-9_]{8}")


def is_picture(key: str) -> bool:
    """Whether a key is that of a picture named by the hash of a photo, "thumbnails/ab/ab….jpg", or of half of one."""
    return _PICTURE.fullmatch(key) is not None


def is_bundle_id(name: str) -> bool:
    """Whether a name is of the form that bundles have."""
    return _BUNDLE_ID.fullmatch(name) is not None


def is_bundle_file(name: str) -> bool:
    """Whether a name is that of a file of a bundle, of any format."""
    return name in (*BUNDLE_FILES, *FILES_1, MANIFEST_FILE, SIGNATURE_FILE)


def is_segment_file(key: str) -> bool:
    """Whether a key is that of a file of a segment, "segments/0123456789abcdef/views.i8"."""
    folder, _, name = key.rpartition("/")
    return _SEGMENT.fullmatch(folder) is not None and name in SEGMENT_FILES


def remove_partial_files(folder: Path, *, before_s: float = math.inf) -> None:
    """Remove what killed processes have left half-written in a folder that is for such files alone. Raises OSError.

    Args:
        folder: May be missing; isn't followed if it is a link.
        before_s: In seconds since 1970; what was written later stays.
    """
    if folder.is_symlink():
        return
    for path in folder.glob("*"):
        status = path.lstat()
        if _PARTIAL_NAME.fullmatch(path.name) and stat.S_ISREG(status.st_mode) and status.st_mtime < before_s:
            path.unlink(missing_ok=True)


def refuse_foreign(folder: Path, names: Collection[str], *, marker: str, keys: Collection[str]) -> None:
    """Refuse to write files into a folder that has such files of somebody else.

    Args:
        folder: May be missing.
        names: What is to be written.
        marker: Which of them is JSON that tells who wrote them.
        keys: What that JSON has if it was Thinlens.

    Raises:
        OutputError: It has one of the names, and the marker isn't ours.
    """
    there = sorted(name for name in names if os.path.lexists(folder / name))
    if there and not _has_keys(folder / marker, keys):
        raise OutputError(
            f"{folder} holds {', '.join(there)}, which Thinlens didn't write; nothing was overwritten: choose another "
            "folder"
        )


def _has_keys(path: Path, keys: Collection[str]) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.keys() >= set(keys)


def remove_bundle(folder: Path) -> None:
    """Remove a folder if it is a bundle, or what a killed process left of writing one.

    A bundle is a folder, not a link to one, named by the hash of the manifest in it. Files in it that belong to no
    bundle stay, and the folder with them. Raises OSError.
    """
    if not stat.S_ISDIR(folder.lstat().st_mode):
        return
    if _STAGING.fullmatch(folder.name):
        if all(path.name == "bundle" for path in folder.iterdir()):
            shutil.rmtree(folder)
        return
    manifest = folder / MANIFEST_FILE
    if not is_bundle_id(folder.name) or manifest.is_symlink() or not manifest.is_file():
        return
    if bundle_id(manifest.read_bytes()) != folder.name:
        return
    try:
        names = read_manifest(manifest.read_bytes()).all_files
    except BundleError:  # of a format that this version doesn't know
        return
    for name in names:
        _remove_file(folder / name, folder)
    for below in sorted({parent for name in names for parent in (folder / name).parents}, reverse=True):
        if folder in below.parents:
            _remove_empty(below, folder)
    # The manifest goes last: until then a run that is killed leaves what the next one knows as a bundle.
    for name in (SIGNATURE_FILE, MANIFEST_FILE):
        _remove_file(folder / name, folder)
    _remove_empty(folder, folder)


def _remove_file(path: Path, folder: Path) -> None:
    if path.is_file() and not _is_linked(path, folder):
        path.unlink()


def _remove_empty(path: Path, folder: Path) -> None:
    if path.is_dir() and not _is_linked(path, folder) and not any(path.iterdir()):
        path.rmdir()


def _is_linked(path: Path, folder: Path) -> bool:
    """Whether a path in a folder, or a folder on the way to it, is a link."""
    return any(parent.is_symlink() for parent in (path, *path.parents) if parent.is_relative_to(folder))
