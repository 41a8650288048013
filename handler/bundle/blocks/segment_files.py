"""The files of a segment: what is read whole lies in its folder, and the others are read by blocks."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handler.bundle.blocks import block_hashes
from handler.bundle.blocks.blocked_file import BlockedFile, BlockSource
from handler.bundle.manifest import BLOCKED_FILES, SegmentInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFiles:
    """The files of one segment.

    Attributes:
        folder: Where those lie that are verified as a whole.
        photos: How many photos it holds.
        blocked: Those that are read by blocks, by their names.
    """

    folder: Path
    photos: int
    blocked: Mapping[str, BlockedFile]

    @classmethod
    def open(
        cls, folder: Path, info: SegmentInfo, source: BlockSource | None = None, *, trusted: Set[str] = frozenset()
    ) -> Self:
        """Map the files in a folder, of which blocks.bin is verified and the others have their sizes.

        Args:
            folder: Where they lie.
            info: The segment's entry in the manifest.
            source: Where blocks come from that aren't here.
            trusted: The paths in the bundle's folder of files of which no block need be verified.

        Raises:
            BundleError: The hashes of blocks are not those of files of these sizes.
            OSError: A file can't be mapped.
        """
        sizes = {name: info.files[name].size_bytes for name in BLOCKED_FILES}
        hashes = block_hashes.read_block_hashes(folder / block_hashes.FILE, sizes)
        return cls(
            folder=folder,
            photos=info.photos,
            blocked={
                name: BlockedFile(folder / name, None if path in trusted else hashes[name], name=path, source=source)
                for name, path in ((name, f"{info.folder}/{name}") for name in sizes)
            },
        )
