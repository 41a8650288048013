"""Shown pictures: the thumbnails, previews and photos that bundles in a store show, read from their catalogues."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from export.errors import StoreError
from export.publishing.versions import Version
from export.storage.object_store import ObjectStore
from handler.bundle.blocks.blocked_file import BlockedFile, read_together
from handler.bundle.manifest import COLLECTION_FILE, FileInfo, Manifest
from handler.bundle.photos.addresses import photo_by_content, preview, thumbnail
from handler.bundle.photos.catalogue import VERSION, Catalogue
from handler.bundle.photos.collection_file import CollectionFile
from handler.store.pointer import bundle_key

_CATALOGUE_FILE = "catalogue.bin"
_RECORDS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A catalogue of a bundle: its key, how many photos with how many captions, the rows of those gone.

    ``previews`` says whether previews of the others are shown.
    """

    key: str
    info: FileInfo
    photos: int
    captions: int
    version: int
    gone: frozenset[int]
    previews: bool


def shown_pictures(store: ObjectStore, versions: Sequence[Version]) -> set[str]:
    """The addresses of all pictures that some bundles show; what they share is read once.

    Raises:
        StoreError: One of them can't be read, or is damaged.
    """
    parts: dict[str, _Part] = {}
    for version in versions:
        if version.manifest is None:
            raise StoreError(f"bundle {version.id} in {store.address} stays, but can't be read: {version.problem}")
        for part in _parts(store, version.id, version.manifest):
            if (known := parts.get(part.key)) is not None:
                part = replace(part, gone=part.gone & known.gone, previews=part.previews or known.previews)
            parts[part.key] = part
    return {address for part in parts.values() for address in _addresses(store, part)}


def _parts(store: ObjectStore, bundle: str, manifest: Manifest) -> Iterator[_Part]:
    captions = manifest.views.count("caption")
    if not manifest.segments:  # format 1
        yield _Part(
            key=bundle_key(bundle, _CATALOGUE_FILE),
            info=manifest.files[_CATALOGUE_FILE],
            photos=manifest.counts.photos,
            captions=captions,
            version=1,
            gone=frozenset(),
            previews=False,
        )
        return
    with _fetched(store, bundle_key(bundle, COLLECTION_FILE), manifest.files[COLLECTION_FILE]) as path:
        gone = CollectionFile.read(path).gone
    start = 0
    for segment in manifest.segments:
        rows = gone[(gone >= start) & (gone < start + segment.photos)] - start
        start += segment.photos
        yield _Part(
            key=f"{segment.folder}/{_CATALOGUE_FILE}",
            info=segment.files[_CATALOGUE_FILE],
            photos=segment.photos,
            captions=captions,
            version=VERSION,
            gone=frozenset(rows.tolist()),
            previews=manifest.previews,
        )


def _addresses(store: ObjectStore, part: _Part) -> Iterator[str]:
    with _fetched(store, part.key, part.info) as path:
        catalogue = Catalogue(BlockedFile(path), photos=part.photos, captions=part.captions, version=part.version)
        rows = [row for row in range(len(catalogue)) if row not in part.gone]
        for start in range(0, len(rows), _RECORDS_AT_ONCE):
            (records,) = read_together([catalogue.records(rows[start : start + _RECORDS_AT_ONCE])])
            for record in records:
                yield from record.addresses or (thumbnail(record.content), photo_by_content(record.content, record.id))
                if part.previews:
                    yield preview(record.content)


@contextmanager
def _fetched(store: ObjectStore, key: str, info: FileInfo) -> Iterator[Path]:
    """A file of a bundle that stays, verified, on this machine's disk."""
    found = store.read(key, max_bytes=info.size_bytes)
    if found is None or hashlib.sha256(found.data).hexdigest() != info.sha256:
        raise StoreError(f"a bundle in {store.address} stays, but its {key} is missing or altered")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(found.data)
        yield path
