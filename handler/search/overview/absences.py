"""Absences: what a filter names that no photo has, and what there is instead.

Knows folders and columns; knows nothing of what is done with photos that pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from handler.bundle.photos.segments import Mask, Photos
from handler.search.filters import EVERY_PHOTO, Filters
from handler.search.overview.facets import Facets


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """What one filter names and no photo of the collection has.

    Attributes:
        parameter: The filter.
        value: What it names: a folder, or "place:Pariss".
        known: What there is in its place, in the same form: the folders in the closest one above it that is there, by
            name, or the most frequent values of the column, up to 20. Empty where these aren't known.
    """

    parameter: Literal["folder", "where"]
    value: str
    known: tuple[str, ...]


def absences(photos: Photos, facets: Facets, filters: Filters) -> Iterator[Absence]:
    """What the filters on folders and columns name that no photo has.

    Raises:
        QueryError: A column is not there, or what is asked of it can't be.
    """
    every = _there(photos, EVERY_PHOTO)
    for folder in filters.folders:
        if not _there(photos, Filters(folders=(folder,))).any():
            yield Absence(parameter="folder", value=folder, known=_folders_beside(photos, facets, folder))
    for condition in filters.where:
        if not _there(photos, replace(EVERY_PHOTO, where=(condition,))).any():
            name = condition.partition(":")[0]
            known = [
                f"{name}:{value['value']}"
                for column in facets.columns(every)
                if column["column"] == name
                for value in column["values"]
            ]
            yield Absence(parameter="where", value=condition, known=tuple(known))


def _folders_beside(photos: Photos, facets: Facets, folder: str) -> tuple[str, ...]:
    """The folders in the closest one above a folder in which there are photos, or at the top."""
    above = folder.rstrip("/").rpartition("/")[0]
    while above and not _there(photos, Filters(folders=(above,))).any():
        above = above.rpartition("/")[0]
    asked = Filters(folders=(above,)) if above else EVERY_PHOTO
    return tuple(one["folder"] for one in facets.folders(_there(photos, asked), asked.folders))


def _there(photos: Photos, filters: Filters) -> Mask:
    """Which photos are there that pass, bool [photos]."""
    mask = np.zeros(len(photos), dtype=bool)
    mask[photos.present(filters.mask(photos))] = True
    return mask
