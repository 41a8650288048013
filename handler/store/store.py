"""The store: where bundles come from, and which of them is in service there.

A store is a folder or a prefix in S3 with a pointer (pointer.py) and bundles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from handler.bundle.delivery import BundleFiles
from handler.errors import SettingsError
from handler.settings import Settings
from handler.store.delivery_thread import DeliveryThread
from handler.store.folder_store import FolderBundle, FolderStore
from handler.store.hashes import Hash, sha256_of
from handler.store.pointer import BUNDLES_KEY, POINTER_KEY


class Store(Protocol):
    """What can say which bundle is in service, and fetch it; its text names it in messages."""

    def newest(self) -> str:
        """The id of the bundle that is in service now; raises BundleError, StoreError or OSError.

        The StoreError is a NothingPublishedError where there is none yet.
        """

    def fetch(self, bundle: str) -> BundleFiles:
        """The files of a bundle, as far as its manifest; raises BundleError, StoreError or OSError."""


def open_store(settings: Settings, environment: Mapping[str, str], sha256_of: Hash = sha256_of) -> Store:
    """The store that the settings name; `sha256_of` hashes the files of one that is a bundle itself.

    Raises:
        SettingsError: It is of no known kind, or the environment holds no credentials for it, or none that could be
            right.
    """
    scheme, colon, _ = settings.bundle.partition("://")
    if colon:
        if scheme not in SCHEMES:
            expected = ", ".join(f"{known}://…" for known in SCHEMES)
            raise SettingsError(f"THINLENS_BUNDLE is {settings.bundle[:200]!r} (expected a folder, or {expected})")
        return SCHEMES[scheme](settings, environment)
    folder = Path(settings.bundle)
    if (folder / POINTER_KEY).exists() or (folder / BUNDLES_KEY).is_dir() or _is_empty(folder):
        return FolderStore(folder, settings.public_key)
    return FolderBundle(folder, settings.public_key, sha256_of)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def deliver(store: Store, bundle: str | None = None) -> DeliveryThread:
    """Start to fetch a bundle, by default the one in service."""
    return DeliveryThread(lambda: store.fetch(store.newest() if bundle is None else bundle), source=f"from {store}")


def _open_s3(settings: Settings, environment: Mapping[str, str]) -> Store:
    # Only here: http.client and ssl take their time, which a bundle on the disk need not wait for.
    from handler.store.s3.s3_store import S3Store

    return S3Store.open(settings, environment)


SCHEMES: dict[str, Callable[[Settings, Mapping[str, str]], Store]] = {"s3": _open_s3}
"""What opens a store, by how its address begins; an address that begins with none is a folder's."""
