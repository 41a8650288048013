"""Thumbnails: one small JPEG file for each content, in a folder of its own.

It knows files and hashes, nothing of how a thumbnail is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from export.disk.own_names import is_picture
from export.disk.whole_files import PARTIAL_SUFFIX, write_whole
from handler.bundle.photos.addresses import THUMBNAILS, thumbnail

FOLDER = THUMBNAILS.rstrip("/")
_SUFFIX = ".jpg"


class Thumbnails:
    """The thumbnails in an output folder."""

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER

    def write(self, content: str, data: bytes) -> None:
        """Keep the thumbnail of a content; it is there whole or not at all. Raises OSError."""
        path = self._path(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        _half_of(path).unlink(missing_ok=True)
        write_whole(path, data)

    def contents(self) -> set[str]:
        """The contents that have a thumbnail."""
        return {name.removesuffix(_SUFFIX) for name in self._names() if name.endswith(_SUFFIX)}

    def remove(self, contents: Iterable[str]) -> None:
        """Remove the thumbnails of contents, and what a killed process left half-written of them. Raises OSError."""
        for content in contents:
            path = self._path(content)
            path.unlink(missing_ok=True)
            _half_of(path).unlink(missing_ok=True)

    def _path(self, content: str) -> Path:
        return self._folder.parent / thumbnail(content)

    def _names(self) -> Iterator[str]:
        if not self._folder.is_dir():
            return
        with os.scandir(self._folder) as parts:
            for part in parts:
                if part.is_dir(follow_symlinks=False):
                    with os.scandir(part.path) as entries:
                        # Files of the user's may lie beside ours, and are none of our business.
                        yield from (
                            entry.name
                            for entry in entries
                            if is_picture(f"{FOLDER}/{part.name}/{entry.name}") and not entry.is_dir()
                        )


def _half_of(path: Path) -> Path:
    """Where a process that was killed while it wrote a thumbnail has left what it wrote."""
    return path.with_name(path.name + PARTIAL_SUFFIX)
