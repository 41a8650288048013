"""The published form of a bundle: its files as they are, but for the catalogue, whose addresses lead into the store.

A photo and its thumbnail lie in the store under the hash of the photo's content, beside the bundles that name them.
Their addresses are relative to where the store's content is served, which is the handler's media address.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from export.bundles.bundle_writer import PHOTOS_ADDRESS, file_info
from handler.bundle.bundle import Bundle
from handler.bundle.catalogue import PhotoRecord, write_catalogue
from handler.bundle.manifest import BUNDLE_FILES, MANIFEST_FILE
from handler.bundle.manifest_reader import read_manifest

_CATALOGUE_FILE = "catalogue.bin"


def published_records(bundle: Bundle, *, originals: bool) -> list[PhotoRecord]:
    """What the catalogue of the published form says of each photo.

    Args:
        bundle: As it was indexed.
        originals: Whether a photo's address leads to the photo itself, or, as that isn't published, to its thumbnail.
    """
    records = (bundle.catalogue[number] for number in range(len(bundle.catalogue)))
    return [replace(record, url=original_address(record) if originals else record.thumbnail) for record in records]


def write_published_form(bundle: Bundle, source: Path, records: Sequence[PhotoRecord], folder: Path) -> None:
    """Write the published form of a bundle, whose files lie in ``source``, into an empty folder. Raises OSError."""
    for name in BUNDLE_FILES:
        if name != _CATALOGUE_FILE:
            _link_or_copy(source / name, folder / name)
    write_catalogue(folder / _CATALOGUE_FILE, records)
    files = {**bundle.manifest.files, _CATALOGUE_FILE: file_info(folder / _CATALOGUE_FILE)}
    (folder / MANIFEST_FILE).write_bytes(replace(bundle.manifest, files=files).to_bytes())


def record_force(folder: Path, failed: Sequence[str]) -> None:
    """Let the manifest in a folder name the checks that the bundle failed; it is another bundle by that."""
    path = folder / MANIFEST_FILE
    manifest = read_manifest(path.read_bytes())
    path.write_bytes(replace(manifest, provenance=replace(manifest.provenance, forced=tuple(failed))).to_bytes())


def original_address(record: PhotoRecord) -> str:
    """The address of a published photo, which is also its key in the store.

    Example: of "dogs/Rex.JPG", with the thumbnail "thumbnails/ab/ab12….jpg" -> "photos/ab/ab12….jpg"
    """
    content = content_of(record)
    return f"{PHOTOS_ADDRESS}{content[:2]}/{content}{PurePath(record.id).suffix.lower()}"


def content_of(record: PhotoRecord) -> str:
    """The sha256 of a photo's file, by which its thumbnail is named."""
    return PurePath(record.thumbnail).stem


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # not every file system has links
        shutil.copyfile(source, target)
