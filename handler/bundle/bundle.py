"""The bundle: a folder of files that is opened whole, or refused.

Each file is mapped once its size and hash are checked, and answers once all of them are, and every part is
checked against the manifest.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Self

from handler.bundle.catalogue import Catalogue
from handler.bundle.columns import Columns
from handler.bundle.delivery import Delivery
from handler.bundle.encoder import Encoder, TextEncoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.index.index_kinds import open_index
from handler.bundle.index.vector_index import VectorIndex
from handler.bundle.manifest import Manifest
from handler.bundle.views import Views
from handler.errors import BundleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified, mapped bundle; `id` is the hash of its manifest."""

    id: str
    manifest: Manifest
    encoder: TextEncoder
    index: VectorIndex
    views: Views
    catalogue: Catalogue
    columns: Columns

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
        folder, manifest = files.folder, files.manifest
        delivery.wait(*ENCODER_FILES)
        encoder = Encoder.load(folder)
        delivery.wait("index.usearch")
        index = open_index(folder / "index.usearch", manifest.index)
        delivery.wait("catalogue.bin")
        catalogue = Catalogue.open(folder / "catalogue.bin")
        delivery.wait("columns.bin")
        columns = Columns.open(folder / "columns.bin")
        delivery.wait("views.i8")
        views = Views.open(folder / "views.i8", manifest.views, photos=manifest.counts.photos, dim=manifest.encoder.dim)
        bundle = cls(
            id=files.id,
            manifest=manifest,
            encoder=encoder,
            index=index,
            views=views,
            catalogue=catalogue,
            columns=columns,
        )
        bundle._check()
        return bundle

    def _check(self) -> None:
        """Check what only the opened parts can tell against the manifest."""
        configuration = self.encoder.configuration
        for what, found, expected in (
            ("name in encoder.json", configuration.name, self.manifest.encoder.name),
            ("dim in encoder.json", configuration.dim, self.manifest.encoder.dim),
            (
                "max_tokens in encoder.json",
                configuration.max_tokens,
                self.manifest.encoder.max_tokens,
            ),
            ("records in catalogue.bin", len(self.catalogue), self.manifest.counts.photos),
            ("photos in columns.bin", len(self.columns), self.manifest.counts.photos),
            (
                "captions of a photo",
                len(self.catalogue[0].captions),
                self.manifest.views.kinds.count("caption"),
            ),
        ):
            if found != expected:
                raise BundleError(f"Parts do not belong together: {what} is {found} (expected {expected})")


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
