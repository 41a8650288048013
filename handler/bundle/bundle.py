"""The bundle: files that are opened whole, or refused.

Each file is mapped once its size and hash are checked, and answers once all of them are, and every part is
checked against the manifest.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handler.bundle.delivery import BundleFiles, Delivery
from handler.bundle.encoder import Encoder, TextEncoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.format_1 import FILES_1, Manifest1
from handler.bundle.index.index_kinds import INDEX_FILES, SegmentPlace, open_index
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.manifest import COLLECTION_FILE, Manifest
from handler.bundle.photos.catalogue import Catalogue
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.photos.columns import Columns
from handler.bundle.photos.segments import Photos, Segment
from handler.bundle.photos.views import Views
from handler.errors import BundleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified, mapped bundle; `id` is the hash of its manifest."""

    id: str
    manifest: Manifest
    encoder: TextEncoder
    index: VectorIndex
    photos: Photos

    @classmethod
    def receive(cls, delivery: Delivery) -> Self:
        """Map each file of a delivery once it is verified, and close the delivery.

        Raises:
            BundleError: Where a file is missing, superfluous, of another size or content than the
                manifest says, or where the parts do not belong together.
            StoreError: Where the files come from a store, and cannot be had.
        """
        try:
            return cls._map(delivery)
        except OSError as error:
            raise BundleError(f"Bundle {delivery.where} cannot be read: {error}") from error
        except BundleError as error:
            raise BundleError(f"Bundle {delivery.where}: {error}") from error
        finally:
            delivery.close()

    @classmethod
    def _map(cls, delivery: Delivery) -> Self:
        files = delivery.files()
        manifest = files.manifest
        delivery.wait(*ENCODER_FILES)
        encoder = Encoder.load(files.folder)
        if isinstance(manifest, Manifest1):
            from handler.bundle.opening_format_1 import open_parts_1

            delivery.wait(*FILES_1)
            index, photos = open_parts_1(files.folder, manifest)
        else:
            delivery.wait(COLLECTION_FILE)
            whole = _read_collection(files)
            index = _open_index(delivery, files, whole)
            photos = Photos(_open_segments(delivery, files), gone=whole.gone, groups=whole.groups())
        bundle = cls(id=files.id, manifest=manifest, encoder=encoder, index=index, photos=photos)
        bundle._check()
        return bundle

    def _check(self) -> None:
        """Check what only the opened parts can tell against the manifest."""
        configuration, manifest = self.encoder.configuration, self.manifest
        captions = {len(segment.catalogue[0].captions) for segment in self.photos.segments}
        for what, found, expected in (
            ("name in encoder.json", configuration.name, manifest.encoder.name),
            ("dim in encoder.json", configuration.dim, manifest.encoder.dim),
            ("max_tokens in encoder.json", configuration.max_tokens, manifest.encoder.max_tokens),
            ("photos that are there", len(self.photos) - len(self.photos.gone), manifest.counts.photos),
            ("groups of near-duplicates", len(self.photos.groups), len(self.photos)),
            ("captions of a photo", captions, {manifest.views.count("caption")}),
        ):
            if found != expected:
                raise BundleError(f"Parts do not belong together: {what} is {found} (expected {expected})")


def _read_collection(files: BundleFiles) -> CollectionFile:
    whole = CollectionFile.read(files.folder / COLLECTION_FILE)
    photos = sum(segment.photos for segment in files.manifest.segments)
    if whole.photos != photos:  # before an array of so many is made
        raise BundleError(f"Unexpected {whole.photos} photos (expected {photos}) in {COLLECTION_FILE}")
    return whole


def _open_index(delivery: Delivery, files: BundleFiles, whole: CollectionFile) -> VectorIndex:
    manifest = files.manifest
    for name in INDEX_FILES:
        delivery.wait(*(f"{segment.folder}/{name}" for segment in manifest.segments))
    places = [
        SegmentPlace(folder=files.path(segment.folder), photos=segment.photos, dim=manifest.encoder.dim)
        for segment in manifest.segments
    ]
    return open_index(manifest.index, places, whole.gone)


def _open_segments(delivery: Delivery, files: BundleFiles) -> Sequence[Segment]:
    manifest = files.manifest
    delivery.wait(*manifest.all_files)
    return [_open_segment(files.path(segment.folder), manifest, photos=segment.photos) for segment in manifest.segments]


def _open_segment(folder: Path, manifest: Manifest, *, photos: int) -> Segment:
    catalogue = Catalogue.open(folder / "catalogue.bin")
    columns = Columns.open(folder / "columns.bin")
    for what, found in (("records in catalogue.bin", len(catalogue)), ("photos in columns.bin", len(columns))):
        if found != photos:
            raise BundleError(f"Parts do not belong together: {what} is {found} (expected {photos})")
    views = Views.open(folder / "views.i8", photos=photos, views=len(manifest.views), dim=manifest.encoder.dim)
    return Segment(catalogue=catalogue, columns=columns, views=views)


class OpeningBundle:
    """A bundle that a thread receives while the caller does something else."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._bundle: Bundle | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._open, name="thinlens-opening", daemon=True)
        self._thread.start()

    def bundle(self) -> Bundle:
        """Wait for the bundle; raises as `Bundle.receive` does."""
        self._thread.join()
        if self._bundle is None:
            raise self._error or RuntimeError("unreachable: neither a bundle nor an error")
        return self._bundle

    def _open(self) -> None:
        try:
            self._bundle = Bundle.receive(self._delivery)
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error
