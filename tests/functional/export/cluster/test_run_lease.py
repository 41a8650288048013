"""Of all who index into one store at once one drives, and the others are told who it is."""

from __future__ import annotations

import datetime
import os
import re
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from export.cluster.run_lease import KEY, LEASE_S, Holder, Lease
from export.errors import LibraryError, StoreError
from export.storage.folder_objects import FolderObjects
from tests.functional.export.cluster.clusters import index_here
from tests.functional.export.galleries import write_photo


def elsewhere() -> Holder:
    """A driver on another machine that has just begun."""
    return replace(Holder.here(), token="0" * 16, host="elsewhere", process=7)


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def write(store: FolderObjects, holder: Holder) -> None:
    store.write(KEY, holder.to_bytes())


def read(store: FolderObjects) -> Holder:
    return Holder.parse((store.folder / KEY).read_bytes())


def test_the_second_driver_is_told_who_drives_and_since_when(store: FolderObjects, tmp_path: Path) -> None:
    holder = elsewhere()
    write(store, holder)
    write_photo(tmp_path / "photos/red.jpg", "red")
    told = f"store is in use by another thinlens run, process 7 on elsewhere, since {holder.since}; wait for its end."
    with pytest.raises(LibraryError, match=re.escape(told)):
        index_here(tmp_path)
    assert read(store) == holder
    assert [found.key for found in store.objects("")] == [KEY]


def test_of_ten_at_once_one_drives(store: FolderObjects) -> None:
    driving, refused = [], []
    meeting = threading.Barrier(10)

    def drive() -> None:
        meeting.wait()
        try:
            with Lease(store):
                driving.append(1)
                time.sleep(0.5)
        except LibraryError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=drive) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(driving), len(refused)) == (1, 9)
    assert all(f"process {os.getpid()} on {socket.gethostname()}" in message for message in refused)


@pytest.mark.parametrize("state", ["ended", "stale", "gone"])
def test_a_lease_that_nobody_holds_is_taken_over(store: FolderObjects, state: str) -> None:
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=LEASE_S + 1)
    holders = {
        "ended": replace(elsewhere(), ended=True),
        "stale": replace(elsewhere(), renewed=old.isoformat()),
        "gone": replace(elsewhere(), host=socket.gethostname(), process=2**22 + 1),  # beyond what Linux gives
    }
    write(store, holders[state])
    with Lease(store) as lease:
        lease.check()
        assert (read(store).process, read(store).ended) == (os.getpid(), False)
    assert read(store).ended


def test_it_is_renewed_and_its_loss_is_noticed(store: FolderObjects) -> None:
    with Lease(store, renewals_s=0.02) as lease:
        first = store.read(KEY, max_bytes=1000)
        time.sleep(1.1)
        second = store.read(KEY, max_bytes=1000)
        assert first is not None
        assert second is not None
        assert first.version != second.version
        lease.check()
        other = elsewhere()
        write(store, other)
        time.sleep(0.2)
        with pytest.raises(LibraryError, match="process 7 on elsewhere"):
            lease.check()
    assert read(store) == other, "what somebody else has written stays"


def test_what_is_no_lease_is_left_alone(store: FolderObjects) -> None:
    store.write(KEY, b'{"mine": true}')
    with pytest.raises(StoreError, match=r"library/lease.json is no lease of Thinlens: .*move it away"), Lease(store):
        pass
    assert (store.folder / KEY).read_bytes() == b'{"mine": true}'
