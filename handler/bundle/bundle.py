"""The bundle: files that are opened together, or refused.

Those that every question needs are verified whole before the bundle answers; of the others each block is verified
before it is used. Every part is checked against the manifest.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Self

from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.delivery import BundleFiles, Delivery
from handler.bundle.encoder import Encoder, TextEncoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.format_1 import FILES_1, Manifest1
from handler.bundle.index.index_kinds import open_index
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.manifest import BLOCKED_FILES, COLLECTION_FILE, Manifest
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.photos.segments import Photos, open_segment
from handler.bundle.words.words import Words
from handler.bundle.words.words_file import FILE as WORDS_FILE
from handler.errors import BundleError, in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An open bundle; `id` is the hash of its manifest, and `words` are None in one of format 1.

    Whatever asks it raises BundleError where a block isn't what was written, and StoreError where one can't be had.
    """

    id: str
    manifest: Manifest
    encoder: TextEncoder
    index: VectorIndex
    photos: Photos
    words: Words | None = None

    @classmethod
    def receive(cls, delivery: Delivery) -> Self:
        """Open the files of a delivery as they are verified, and close the delivery.

        Raises:
            BundleError: Where a file is missing, superfluous, of another size than the manifest says, or of other
                content if it is verified whole, or where the parts do not belong together.
            StoreError: Where the files come from a store, and cannot be had.
        """
        try:
            return cls._open(delivery)
        except OSError as error:
            raise BundleError(f"Bundle {delivery.where} cannot be read: {in_words(error)}") from error
        except BundleError as error:
            raise BundleError(f"Bundle {delivery.where}: {error}") from error
        finally:
            delivery.close()

    @classmethod
    def _open(cls, delivery: Delivery) -> Self:
        files = delivery.files()
        manifest = files.manifest
        delivery.wait(*ENCODER_FILES)
        encoder = Encoder.load(files.folder)
        if isinstance(manifest, Manifest1):
            from handler.bundle.opening_format_1 import open_parts_1

            delivery.wait(*FILES_1)
            index, photos = open_parts_1(files.folder, manifest)
            bundle = cls(id=files.id, manifest=manifest, encoder=encoder, index=index, photos=photos)
        else:
            bundle = cls._open_segments(delivery, files, encoder)
        bundle._check()
        return bundle

    @classmethod
    def _open_segments(cls, delivery: Delivery, files: BundleFiles, encoder: TextEncoder) -> Self:
        manifest = files.manifest
        delivery.wait(COLLECTION_FILE)
        whole = _read_collection(files)
        delivery.wait(*manifest.all_files)
        segments = [
            SegmentFiles.open(files.path(segment.folder), segment, files.source, trusted=files.trusted)
            for segment in manifest.segments
        ]
        if files.source is not None:
            files.source.bring_rest([segment.blocked[name] for name in BLOCKED_FILES for segment in segments])
        return cls(
            id=files.id,
            manifest=manifest,
            encoder=encoder,
            index=open_index(manifest.index, segments, dim=manifest.encoder.dim, gone=whole.gone),
            photos=Photos(
                [open_segment(segment, manifest) for segment in segments],
                gone=whole.gone,
                groups=whole.groups(),
                names=manifest.columns,
            ),
            words=Words(
                [segment.blocked[WORDS_FILE] for segment in segments],
                photos=[segment.photos for segment in segments],
                gone=whole.gone,
            ),
        )

    def _check(self) -> None:
        """Check what only the opened parts can tell against the manifest."""
        configuration, manifest = self.encoder.configuration, self.manifest
        for what, found, expected in (
            ("name in encoder.json", configuration.name, manifest.encoder.name),
            ("dim in encoder.json", configuration.dim, manifest.encoder.dim),
            ("max_tokens in encoder.json", configuration.max_tokens, manifest.encoder.max_tokens),
            ("space in encoder.json", configuration.space or manifest.encoder.identity, manifest.encoder.space),
            ("photos that are there", len(self.photos) - len(self.photos.gone), manifest.counts.photos),
            ("groups of near-duplicates", len(self.photos.groups), len(self.photos)),
        ):
            if found != expected:
                raise BundleError(f"Parts do not belong together: {what} is {found} (expected {expected})")


def _read_collection(files: BundleFiles) -> CollectionFile:
    whole = CollectionFile.read(files.folder / COLLECTION_FILE)
    photos = sum(segment.photos for segment in files.manifest.segments)
    if whole.photos != photos:  # before an array of so many is made
        raise BundleError(f"Unexpected {whole.photos} photos (expected {photos}) in {COLLECTION_FILE}")
    return whole


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
