"""Previews on demand: where the photos are at hand, the preview of one is made when it is first asked for, and kept."""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path

from export.errors import PhotosError
from export.library.library import Library
from export.photos.kept_pictures import Previews

_log = logging.getLogger(__name__)


class PreviewsOnDemand:
    """The previews of an output folder's photos; any number of threads may ask, and one at a time makes one."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._previews = Previews(out)
        self._making = threading.Lock()

    def read(self, name: str) -> bytes:
        """A preview, which is a WebP file, by its name in its folder, "ab/ab12….webp".

        Raises:
            PhotosError: No photo has a preview of that name.
            PhotoError: It can't be read or decoded, or has changed since it was indexed.
            LibraryError: The library can't be read.
        """
        if (content := self._previews.content(name)) is None:
            raise PhotosError("no such preview")
        path = self._previews.path(content)
        if path.is_file():
            return path.read_bytes()
        with self._making:
            if path.is_file():  # made while this thread waited
                return path.read_bytes()
            data = self._make(content)
            try:
                self._previews.write(content, data)
            except OSError as error:
                _log.warning("the preview %s can't be kept: %s", path, error.strerror)
            return data

    def _make(self, content: str) -> bytes:
        from export.understanding.previewing import make_preview, preview_task  # and with it Pillow

        with Library.open_to_read(self._out) as library:
            root, photos = library.photos.root(), library.photos.of_contents([content])
        if root is None or not photos:
            raise PhotosError("no such preview")
        return make_preview(preview_task(root, photos[0]), contextlib.nullcontext())
