"""Thumbnails: one small JPEG file for each content, in a folder of its own.

It knows files and hashes, nothing of how a thumbnail is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from export.disk.own_names import is_picture
from export.disk.whole_files import write_whole

FOLDER = "thumbnails"
_SUFFIX = ".jpg"


class Thumbnails:
    """The thumbnails in an output folder."""

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER

    def write(self, content: str, thumbnail: bytes) -> None:
        """Keep the thumbnail of a content; it is there whole or not at all. Raises OSError."""
        path = self._path(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, thumbnail)

    def contents(self) -> set[str]:
        """The contents that have a thumbnail."""
        return {name.removesuffix(_SUFFIX) for name in self._names() if name.endswith(_SUFFIX)}

    def keep_only(self, contents: Iterable[str]) -> None:
        """Remove the thumbnails of all other contents, and what a killed process left half-written. Raises OSError."""
        kept = {content + _SUFFIX for content in contents}
        for name in [name for name in self._names() if name not in kept]:
            (self._folder / name[:2] / name).unlink(missing_ok=True)

    def _path(self, content: str) -> Path:
        return self._folder.parent / thumbnail_address(content)

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


def thumbnail_address(content: str) -> str:
    """Where the thumbnail of a content lies, relative to the output folder.

    Example: "ab12…" -> "thumbnails/ab/ab12….jpg"
    """
    return f"{FOLDER}/{content[:2]}/{content}{_SUFFIX}"
