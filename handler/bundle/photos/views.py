"""The views of each photo: its captions' vectors and its visual vector, in one mapped matrix.

Knows photo numbers and vectors. It is read for the few photos that are answered: the index holds
the views fused, one vector for each photo.

Layout, for each photo in the order of the index: int8 [views, dim], then the value of one step of each view, float32
[views], little-endian.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedArray, BlockedFile, Reading
from handler.bundle.index.likeness_order import Order, places_of
from handler.bundle.index.vector_index import QuantisedVectors
from handler.errors import BundleError

MAX_SCALE = 1e6
_PHOTOS_AT_ONCE = 4_096


def write_views(path: Path, views: QuantisedVectors, order: Order) -> None:
    """Write the views of a segment's photos, [photos, views, dim], in this order."""
    with path.open("wb") as file:
        for start in range(0, len(views.rows), _PHOTOS_AT_ONCE):
            part = order[start : start + _PHOTOS_AT_ONCE]
            rows = np.empty(len(part), _row(*views.rows.shape[1:]))
            rows["views"], rows["scales"] = views.rows[part], views.scales[part]
            file.write(rows.tobytes())


def _row(views: int, dim: int) -> np.dtype[Any]:
    return np.dtype([("views", "i1", (views, dim)), ("scales", "<f4", (views,))])


class Views:
    """A views file, of which the photos that are asked for are verified and read."""

    def __init__(
        self,
        file: BlockedFile,
        *,
        photos: int,
        views: int,
        dim: int,
        order: Order | None = None,
        scale: float | None = None,
    ) -> None:
        """The views of so many photos, so many of so many components each.

        Args:
            file: The file.
            photos: How many there are.
            views: How many each has.
            dim: Components of a vector.
            order: uint32 [photos], the row of the photo at each place; None where that is the row itself.
            scale: The value of one step of all vectors, in bundles of format 1, whose files don't say it.

        Raises:
            BundleError: The file has another size.
        """
        row = _row(views, dim) if scale is None else np.dtype([("views", "i1", (views, dim))])
        if len(file) != photos * row.itemsize:
            raise BundleError(f"Unexpected {len(file)} bytes (expected {photos * row.itemsize}) in {file.name}")
        self._rows = BlockedArray(file, row, (photos,))
        self._scales = None if scale is None else np.full(views, scale, np.float32)
        self._places = None if order is None else places_of(order)
        self._name = file.name

    def quantised(self, rows: NDArray[np.int64]) -> Reading[QuantisedVectors]:
        """The views of n photos, [n, views, dim], as they are written; raises BundleError where a scale can't be."""
        places = rows if self._places is None else self._places[rows].astype(np.int64)
        yield self._rows.wanted(places)
        found = self._rows.taken(places)
        if self._scales is not None:
            return QuantisedVectors(rows=found["views"], scales=np.broadcast_to(self._scales, found["views"].shape[:2]))
        if not ((found["scales"] >= 0.0) & (found["scales"] <= MAX_SCALE)).all():
            raise BundleError(f"Scales in {self._name} are out of range")
        return QuantisedVectors(rows=found["views"], scales=found["scales"])
