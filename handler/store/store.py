"""The store: where bundles come from, and which of them is in service there.

A store is a folder or a prefix in S3 with a pointer (handler/pointer.py) and bundles; a folder that is itself a bundle,
as one is packed with the function, is a store of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from handler.errors import BundleError
from handler.settings import Settings
from handler.store.delivery import BundleFiles, Delivery, read_bundle_id, read_folder
from handler.store.hashes import Hash, sha256_of
from handler.store.pointer import BUNDLES_KEY, MAX_POINTER_BYTES, POINTER_KEY, Pointer


class Store(Protocol):
    """What can say which bundle is in service, and fetch it; its text names it in messages."""

    def newest(self) -> str:
        """The id of the bundle that is in service now; raises BundleError, StoreError or OSError."""

    def fetch(self, bundle: str) -> BundleFiles:
        """The files of a bundle, as far as its manifest; raises BundleError, StoreError or OSError."""


def open_store(settings: Settings, environment: Mapping[str, str], sha256_of: Hash = sha256_of) -> Store:
    """The store that the settings name; `sha256_of` hashes the files of one that is a bundle itself.

    Raises:
        SettingsError: The environment holds no credentials for it, or none that could be right.
    """
    if not isinstance(settings.bundle, Path):
        # Only here: http.client and ssl take their time, which a bundle on the disk need not wait for.
        from handler.store.s3_store import S3Store

        return S3Store.open(settings, settings.bundle, environment)
    if (settings.bundle / POINTER_KEY).exists():
        return FolderStore(settings.bundle, settings.public_key)
    return FolderBundle(settings.bundle, settings.public_key, sha256_of)


def deliver(store: Store, bundle: str | None = None) -> Delivery:
    """Start to fetch a bundle, by default the one in service."""
    return Delivery(lambda: store.fetch(store.newest() if bundle is None else bundle), source=f"from {store}")


class FolderBundle:
    """A folder that is a bundle, or a link to one that may be moved to another."""

    def __init__(self, folder: Path, public_key: bytes | None, sha256_of: Hash = sha256_of) -> None:
        self._folder = folder
        self._sha256_of = sha256_of
        self._public_key = public_key

    def __str__(self) -> str:
        return str(self._folder)

    def newest(self) -> str:
        return read_bundle_id(self._folder)

    def fetch(self, bundle: str) -> BundleFiles:
        return _expect(bundle, read_folder(self._folder, self._public_key, self._sha256_of))


class FolderStore:
    """A folder with a pointer and bundles, which are read where they lie."""

    def __init__(self, folder: Path, public_key: bytes | None) -> None:
        self._folder = folder
        self._public_key = public_key

    def __str__(self) -> str:
        return str(self._folder)

    def newest(self) -> str:
        with (self._folder / POINTER_KEY).open("rb") as file:
            return Pointer.parse(file.read(MAX_POINTER_BYTES + 1)).bundle

    def fetch(self, bundle: str) -> BundleFiles:
        return _expect(bundle, read_folder(self._folder / BUNDLES_KEY / bundle, self._public_key))


def _expect(bundle: str, files: BundleFiles) -> BundleFiles:
    """Refuse a folder that holds another bundle than the one it is asked for."""
    if files.id != bundle:
        raise BundleError(f"its manifest is that of {files.id} (expected {bundle})")
    return files
