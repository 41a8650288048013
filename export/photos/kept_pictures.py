"""Kept pictures: small files that are made of photos, one for each content, in folders of their own.

It knows files and hashes, nothing of how a thumbnail or a preview is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from export.disk.own_names import is_picture
from export.disk.whole_files import PARTIAL_SUFFIX, write_whole
from handler.bundle.photos.addresses import PREVIEWS, THUMBNAILS, preview, thumbnail


class KeptPictures:
    """The pictures of one kind in an output folder."""

    def __init__(self, out: Path, folder: str, address: Callable[[str], str]) -> None:
        """Keep them in a folder of `out`, which `address` begins with, at the address of each content."""
        self._out = out
        self._folder = folder
        self._address = address

    def path(self, content: str) -> Path:
        """Where the picture of a content lies, if there is one."""
        return self._out / self._address(content)

    def content(self, name: str) -> str | None:
        """The content whose picture has a name in the folder, "ab/ab12….jpg"; None where it is no picture's."""
        content, key = PurePosixPath(name).stem, f"{self._folder}{name}"
        return content if is_picture(key) and key == self._address(content) else None

    def write(self, content: str, data: bytes) -> None:
        """Keep the picture of a content; it is there whole or not at all. Raises OSError."""
        path = self.path(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        _half_of(path).unlink(missing_ok=True)
        write_whole(path, data)

    def contents(self) -> set[str]:
        """The contents that have a picture."""
        return set(self._contents())

    def remove(self, contents: Iterable[str]) -> None:
        """Remove the pictures of contents, and what a killed process left half-written of them. Raises OSError."""
        for content in contents:
            path = self.path(content)
            path.unlink(missing_ok=True)
            _half_of(path).unlink(missing_ok=True)

    def _contents(self) -> Iterator[str]:
        folder = self._out / self._folder
        if not folder.is_dir():
            return
        with os.scandir(folder) as parts:
            for part in parts:
                if part.is_dir(follow_symlinks=False):
                    with os.scandir(part.path) as entries:
                        for entry in entries:
                            content = self.content(f"{part.name}/{entry.name}")
                            # Files of the user's may lie beside ours, and are none of our business.
                            if content is not None and not entry.is_dir():
                                yield content


class Thumbnails(KeptPictures):
    """The thumbnails in an output folder."""

    def __init__(self, out: Path) -> None:
        super().__init__(out, THUMBNAILS, thumbnail)


class Previews(KeptPictures):
    """The previews in an output folder, of those photos of which one was asked for."""

    def __init__(self, out: Path) -> None:
        super().__init__(out, PREVIEWS, preview)


def _half_of(path: Path) -> Path:
    """Where a process that was killed while it wrote a picture has left what it wrote."""
    return path.with_name(path.name + PARTIAL_SUFFIX)
