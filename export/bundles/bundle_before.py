"""The bundle that a new one is written after: whose segments stay, and which of its photos are gone already.

It is read without the libraries that search a bundle, which a run with nothing to do can spare.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.bundle.manifest import COLLECTION_FILE, Manifest
from handler.bundle.photos.collection_file import CollectionFile


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleBefore:
    """A bundle in the output folder: its folder and manifest."""

    folder: Path
    manifest: Manifest

    def gone(self) -> dict[str, NDArray[np.int64]]:
        """The rows of the photos that are gone, rising, by segment."""
        whole = CollectionFile.read(self.folder / COLLECTION_FILE)
        starts = np.cumsum([0, *(segment.photos for segment in self.manifest.segments)])
        ends = np.searchsorted(whole.gone, starts)
        return {
            segment.id: whole.gone[low:high] - start
            for segment, start, low, high in zip(self.manifest.segments, starts, ends, ends[1:], strict=False)
        }
