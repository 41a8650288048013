"""Thumbnails: one small WebP file for each content, in a folder of its own.

It knows files and hashes, nothing of how a thumbnail is made.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from export.files import write_whole

FOLDER = "thumbnails"
_SUFFIX = ".webp"


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
        return {path.stem for path in self._files() if path.suffix == _SUFFIX}

    def keep_only(self, contents: Iterable[str]) -> None:
        """Remove the thumbnails of all other contents, and what a killed process left half-written."""
        kept = {self._path(content) for content in contents}
        for path in self._files():
            if path not in kept:
                path.unlink()

    def _path(self, content: str) -> Path:
        return self._folder.parent / thumbnail_address(content)

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [
            self._folder / part / name
            for part in os.listdir(self._folder)
            if (self._folder / part).is_dir()
            for name in os.listdir(self._folder / part)
        ]


def thumbnail_address(content: str) -> str:
    """Where the thumbnail of a content lies, relative to the output folder.

    Example: "ab12…" -> "thumbnails/ab/ab12….webp"
    """
    return f"{FOLDER}/{content[:2]}/{content}{_SUFFIX}"
