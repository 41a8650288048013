"""What is in service: the pointer of a store, read and moved.

Of all who move it at once one wins, and the others are told. Whoever isn't told in so many words that the pointer was
moved or wasn't, because the store's answer was lost, reads what it says now.
"""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass

from export.errors import LostRaceError, PublishingError, StoreError, UnavailableStoreError
from export.storage.object_store import ObjectStore, Upload
from export.storage.retrying import PATIENCE_S, persist
from handler.errors import BundleError
from handler.store.pointer import MAX_POINTER_BYTES, POINTER_KEY, Pointer

_OTHER_VERSION = "0" * 32  # no object's


@dataclass(frozen=True, slots=True, kw_only=True)
class InService:
    """The pointer as it was read, and its version; neither, where nothing has been published yet."""

    pointer: Pointer | None
    version: str | None

    @property
    def bundle(self) -> str | None:
        """The id of the bundle in service."""
        return None if self.pointer is None else self.pointer.bundle


def read_in_service(store: ObjectStore) -> InService:
    """What is in service now.

    Raises:
        StoreError: The store can't be read, or its pointer is damaged.
    """
    found = store.read(POINTER_KEY, max_bytes=MAX_POINTER_BYTES)
    if found is None:
        return InService(pointer=None, version=None)
    try:
        return InService(pointer=Pointer.parse(found.data), version=found.version)
    except BundleError as error:
        raise StoreError(f"{store.address}: {error}; if no newer thinlens wrote it, remove it, then publish") from error


def put_in_service(store: ObjectStore, bundle: str, *, since: InService, patience_s: float = PATIENCE_S) -> Pointer:
    """Move the pointer to a bundle that is whole in the store.

    Args:
        store: Where it lies.
        bundle: Its id.
        since: What was in service when the run began.
        patience_s: For how long a store that is out of reach is tried, in seconds.

    Returns:
        The pointer, as it is now.

    Raises:
        LostRaceError: Somebody else has moved it since.
        PublishingError: The store's answer was lost, and the store doesn't answer any more.
        StoreError: The store can't be used; what was in service stays.
    """
    now = datetime.datetime.now(datetime.UTC)
    pointer = Pointer(bundle=bundle, published=now.isoformat(timespec="milliseconds"), previous=since.bundle)
    move = _Move(store, pointer, since)
    try:
        persist(move.attempt, patience_s=patience_s)
    except StoreError as error:
        if not move.unclear:
            raise
        raise PublishingError(
            f"{error}; whether {bundle} came into service isn't known: 'thinlens versions {store.address}' tells"
        ) from error
    return pointer


def check_conditions(store: ObjectStore, upload: Upload, *, patience_s: float = PATIENCE_S) -> None:
    """Check that a store heeds the conditions of writes, on an object that it holds and that would stay the same.

    Raises:
        StoreError: It doesn't: of two who publish at once, both would be told that they won.
    """
    data = upload.path.read_bytes()
    for version in (None, _OTHER_VERSION):
        if persist(functools.partial(store.swap, upload.key, data, version=version), patience_s=patience_s):
            raise StoreError(
                f"{store.address} ignores the conditions of writes (If-None-Match, If-Match), "
                "by which nobody publishes over another: publish to another store"
            )


class _Move:
    """Attempts to write one pointer; ``unclear`` once the answer to one of them was lost, so that it may be written."""

    def __init__(self, store: ObjectStore, pointer: Pointer, since: InService) -> None:
        self._store = store
        self._pointer = pointer
        self._since = since
        self.unclear = False

    def attempt(self) -> None:
        try:
            moved = self._store.swap(POINTER_KEY, self._pointer.to_bytes(), version=self._since.version)
        except UnavailableStoreError:
            self.unclear = True
            raise
        if not moved:
            self._tell_loss()

    def _tell_loss(self) -> None:
        """Raise LostRaceError, unless an attempt whose answer was lost is what moved the pointer."""
        now = read_in_service(self._store)
        if now.pointer == self._pointer:
            return
        bundle = self._pointer.bundle
        what = f"somebody else has put {now.bundle} in service since this run began, so {bundle} isn't"
        if now.pointer is not None and now.pointer.previous == bundle:
            what = f"{bundle} came into service, and somebody else has put {now.bundle} in its place already"
        raise LostRaceError(
            f"{what}; it is whole in {self._store.address}: to put it in service, run again, "
            f"or: thinlens rollback {self._store.address} {bundle}"
        )
