"""The published form of a bundle: its files as they are, but for the manifest, which says where photos lie then.

A photo, its thumbnail and its preview lie in the store under the hash of the photo's content, beside the bundles that
name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from export.bundles.segment_set import link_or_copy
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import MANIFEST_FILE, Manifest, SegmentInfo
from handler.bundle.manifest_reader import read_manifest
from handler.bundle.photos.catalogue import PhotoRecord


def write_published_form(bundle: Bundle, source: Path, folder: Path, *, originals: bool, previews: bool) -> None:
    """Write the published form of a bundle, whose files lie in ``source``, into an empty folder. Raises OSError.

    Args:
        bundle: As it was indexed.
        source: Its folder.
        folder: Where the published form goes.
        originals: Whether a photo's address leads to the photo itself, or, as that isn't published, to its thumbnail.
        previews: Whether there is a preview of each photo.
    """
    for name in bundle.manifest.all_files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(source / name, folder / name)
    manifest = replace(bundle.manifest, originals="content" if originals else "none", previews=previews)
    (folder / MANIFEST_FILE).write_bytes(manifest.to_bytes())


def record_force(folder: Path, failed: Iterable[str]) -> None:
    """Let the manifest in a folder name the checks that the bundle failed; it is another bundle by that."""
    path = folder / MANIFEST_FILE
    manifest = read_manifest(path.read_bytes())
    path.write_bytes(replace(manifest, provenance=replace(manifest.provenance, forced=tuple(failed))).to_bytes())


def keep_date(folder: Path, served: Manifest | None) -> None:
    """Let the manifest in a folder say when the bundle in service was made, if nothing else differs: it is that one."""
    path = folder / MANIFEST_FILE
    manifest = read_manifest(path.read_bytes())
    if served is not None:
        dated = replace(manifest, provenance=replace(manifest.provenance, created=served.provenance.created))
        if dated == served:
            path.write_bytes(dated.to_bytes())


def records_of(bundle: Bundle, segments: Iterable[SegmentInfo]) -> Iterator[PhotoRecord]:
    """What is known of the photos of some segments of a bundle, one at a time."""
    wanted = {segment.id for segment in segments}
    first = 0
    gone = set(bundle.photos.gone.tolist())
    for segment in bundle.manifest.segments:
        if segment.id in wanted:
            for number in range(first, first + segment.photos):
                if number not in gone:
                    yield bundle.photos.record(number)
        first += segment.photos
