"""The names of a collection's own columns, as the segments of a bundle have them."""

from __future__ import annotations

from pathlib import Path

from export.bundles.segment_set import SegmentSet
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.manifest import ColumnNames
from handler.bundle.photos.columns import Columns


def column_names(folder: Path, segments: SegmentSet) -> ColumnNames:
    """The columns in which a photo that is there has something; one is of numbers if none of them has a text in it.

    Args:
        folder: The bundle's.
        segments: Those that lie there.

    Raises:
        BundleError: One of them isn't what was written.
    """
    texts: set[str] = set()
    numbers: set[str] = set()
    for segment in segments.segments:
        files = SegmentFiles.open(folder / segment.folder, segment)
        columns = Columns(files.blocked["columns.bin"], photos=segment.photos)
        names = columns.names_without(segments.gone[segment.id])
        texts.update(names.texts)
        numbers.update(names.numbers)
    return ColumnNames(numbers=tuple(sorted(numbers - texts)), texts=tuple(sorted(texts)))
