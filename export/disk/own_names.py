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
from handler.bundle.manifest import BUNDLE_FILES, MANIFEST_FILE, SIGNATURE_FILE, bundle_id

_PICTURE = re.compile(r"(?:thumbnails|photos)/([0-9a-f]{2})/\1[0-9a-f]{62}\.[a-z0-9]+(?:(?:\.[0-9a-f]{16})?\.partial)?")
_BUNDLE_ID = re.compile(r"[0-9a-f]{16}")
_PARTIAL_NAME = re.compile(r"[0-9a-f]{16}(?:(?:\.[0-9a-f]{16})?\.partial)?")
_STAGING = re.compile(r"staging-[a-z0-9_]{8}")


def is_picture(key: str) -> bool:
    """Whether a key is that of a picture named by the hash of a photo, "thumbnails/ab/ab….jpg", or of half of one."""
    return _PICTURE.fullmatch(key) is not None


def is_bundle_id(name: str) -> bool:
    """Whether a name is of the form that bundles have."""
    return _BUNDLE_ID.fullmatch(name) is not None


def is_bundle_file(name: str) -> bool:
    """Whether a name is that of a file of a bundle."""
    return name in (*BUNDLE_FILES, MANIFEST_FILE, SIGNATURE_FILE)


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
    # The manifest goes last: until then a run that is killed leaves what the next one knows as a bundle.
    for name in sorted((path.name for path in folder.iterdir()), key=lambda name: name == MANIFEST_FILE):
        if is_bundle_file(name) and not (folder / name).is_dir():
            (folder / name).unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
