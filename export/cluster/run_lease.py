"""The lease: of all who index into one store, one drives, and the others are told who it is.

It is an object of the store, written on condition that it is as it was read. Whoever holds it renews it; one that
wasn't renewed for a while, or whose process on this machine is gone, is taken over.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Self

from export.errors import LibraryError, StoreError
from export.storage.object_store import ObjectStore
from export.storage.retrying import persist

KEY = "library/lease.json"
LEASE_S = 60.0
"""A lease that wasn't renewed for so long is nobody's."""
_RENEWALS = 4  # in that time
_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who drives.

    Attributes:
        token: Which run it is.
        host: The name of its machine.
        process: Its number there.
        since: When it began, UTC, ISO 8601.
        renewed: When it last said so, UTC, ISO 8601.
        ended: Whether it is done.
    """

    token: str
    host: str
    process: int
    since: str
    renewed: str
    ended: bool = False

    @classmethod
    def here(cls) -> Self:
        """This process."""
        now = _now()
        return cls(token=secrets.token_hex(8), host=socket.gethostname(), process=os.getpid(), since=now, renewed=now)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises StoreError where it isn't a lease."""
        try:
            found = cls(**json.loads(data))
            datetime.datetime.fromisoformat(found.renewed)
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"{KEY} is no lease of Thinlens: {error}; move it away, or choose another --out"
            ) from error
        return found

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"

    @property
    def age_s(self) -> float:
        """How many seconds ago it said that it drives, by its clock and ours."""
        return (datetime.datetime.fromisoformat(_now()) - datetime.datetime.fromisoformat(self.renewed)).total_seconds()

    @property
    def is_gone(self) -> bool:
        """Whether it drives no more."""
        if self.ended or self.age_s > LEASE_S:
            return True
        return self.host == socket.gethostname() and self.process != os.getpid() and not _is_alive(self.process)


class Lease:
    """The right to index into a store, for as long as the block lasts."""

    def __init__(self, store: ObjectStore, *, renewals_s: float = LEASE_S / _RENEWALS) -> None:
        self._store = store
        self._renewals_s = renewals_s
        self._holder = Holder.here()
        self._version: str | None = None
        self._lost = False
        self._end = threading.Event()
        self._renewing = threading.Thread(target=self._keep_renewing, daemon=True)

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            LibraryError: Somebody else has it.
            StoreError: The store can't be used.
        """
        found = self._store.read(KEY, max_bytes=_MOST_BYTES)
        if found is not None:
            holder = Holder.parse(found.data)
            if not holder.is_gone:
                raise self._refusal(holder)
        self._version = None if found is None else found.version
        persist(self._write)
        if self._lost:
            raise self._refusal(self._read())
        self._renewing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        self._renewing.join()
        self._holder = replace(self._holder, ended=True)
        if not self._lost:
            with suppress(StoreError):  # it is stale in a minute
                self._write()

    def check(self) -> None:
        """Raise LibraryError where somebody else has taken the lease over meanwhile."""
        if self._lost:
            raise self._refusal(self._read())

    def _keep_renewing(self) -> None:
        while not self._end.wait(self._renewals_s) and not self._lost:
            with suppress(StoreError):  # next time, or somebody else will
                self._write()

    def _write(self) -> None:
        """Write that this process drives, unless somebody else has written; what is there then tells who drives."""
        self._holder = replace(self._holder, renewed=_now())
        self._store.swap(KEY, self._holder.to_bytes(), version=self._version)
        found = self._store.read(KEY, max_bytes=_MOST_BYTES)
        if found is None or Holder.parse(found.data).token != self._holder.token:
            self._lost = True
        else:
            self._version = found.version

    def _read(self) -> Holder | None:
        found = self._store.read(KEY, max_bytes=_MOST_BYTES)
        return None if found is None else Holder.parse(found.data)

    def _refusal(self, holder: Holder | None) -> LibraryError:
        if holder is None:
            return LibraryError(f"somebody has removed {KEY} from {self._store.address} meanwhile; run again")
        return LibraryError(
            f"{self._store.address} is in use by another thinlens run, process {holder.process} on {holder.host}, "
            f"since {holder.since}; wait for its end. If it is gone, its lease ends {LEASE_S:.0f} seconds after "
            f"{holder.renewed}"
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
