"""The segment writer: some photos become the files of a segment, in a folder that is called by what they hold."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from export.bundles.segment_content import SegmentContent
from handler.bundle.blocks.block_hashes import write_block_hashes
from handler.bundle.index.index_kinds import write_index
from handler.bundle.manifest import SEGMENT_FILES, FileInfo, SegmentInfo
from handler.bundle.photos.catalogue import write_catalogue
from handler.bundle.photos.columns import write_columns
from handler.bundle.photos.views import write_views
from handler.bundle.words.words import write_photo_words


def write_segment(segments: Path, content: SegmentContent, *, encoder: str, captioner: str) -> SegmentInfo:
    """Write a segment into a folder of its own below `segments`; one that is there already is written anew.

    Args:
        segments: Exists.
        content: What it holds.
        encoder: Identity of the encoder of the vectors.
        captioner: Identity of the captioner of the captions.

    Raises:
        OSError: It can't be written.
    """
    with tempfile.TemporaryDirectory(prefix="staging-", dir=segments) as staging:
        folder = Path(staging) / "segment"
        folder.mkdir()
        order = write_index(folder, content.fused)
        write_catalogue(folder / "catalogue.bin", content.records)
        write_columns(folder / "columns.bin", content.records)
        write_views(folder / "views.i8", content.views, order)
        write_photo_words(folder / "words.bin", content.records)
        write_block_hashes(folder)
        info = SegmentInfo(
            encoder=encoder,
            captioner=captioner,
            photos=len(content.records),
            files={name: file_info(folder / name) for name in SEGMENT_FILES},
        )
        place = segments / info.id
        if place.exists():
            shutil.rmtree(place)
        folder.rename(place)
    return info


def file_info(path: Path) -> FileInfo:
    """The size and hash of a file, as a manifest names them. Raises OSError."""
    with path.open("rb") as file:
        return FileInfo(size_bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
