"""The names of photos: one Unicode form for all of them, whatever the disk's is.

macOS writes "ü" as two characters (NFD), other systems and people write it as one (NFC, Unicode Annex 15).
"""

from __future__ import annotations

import os
import unicodedata
from functools import lru_cache
from pathlib import Path, PurePosixPath


def one_form(name: str) -> str:
    """A name or a path in the form that ids have: NFC."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def locate(root: Path, photo_id: str) -> Path:
    """Where the file of a photo lies, whatever form its name has on the disk; where it should be, if it is gone."""
    path = root / photo_id
    if photo_id.isascii() or os.path.lexists(path):
        return path
    found = root
    for part in PurePosixPath(photo_id).parts:
        if os.path.lexists(found / part):
            found /= part
        else:
            found /= _names_in(found).get(part, part)
    return found


def _names_in(folder: Path) -> dict[str, str]:
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _listed(folder: Path, mtime_ns: int) -> dict[str, str]:  # noqa: ARG001 a folder is listed anew when it changes
    """The names in a folder, by the form that ids have. Raises OSError."""
    return {one_form(name): name for name in os.listdir(folder)}  # noqa: PTH208 names, not paths
