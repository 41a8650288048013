"""Fetching: photos that lie in a bucket become a folder, whose photos are then indexed like any other's.

The folder lies in the output folder and is kept: a photo that hasn't changed in the bucket isn't fetched again, and the
photos themselves are there to be served and published. Photos of others that lie there are neither indexed nor touched.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from export.errors import OutputError, StoreError, UnavailableStoreError, unwritable
from export.gallery.bucket_listing import may_be_photo, wanted_objects
from export.gallery.fetched_files import FetchedFiles
from export.gallery.forgetting import MayForget, never, stay
from export.library.library import Library
from export.photos.discovery import Exclusion
from export.progress import Progress
from export.storage.object_store import ListedObject, ObjectStore

FOLDER = "photos"
_FETCHED_AT_ONCE = 16
_IMPOSSIBLE_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
"""What the file system says of keys that can't be paths."""
_log = logging.getLogger(__name__)


def fetch_photos(
    store: ObjectStore, out: Path, *, exclude: Sequence[str], progress: Progress, may_forget: MayForget = never
) -> Path:
    """Bring the folder of fetched photos up to date with the store.

    Args:
        store: Where the photos lie; what else lies there is left alone.
        out: The output folder, which is made where it is missing.
        exclude: Globs of what to leave out, see ``discover``.
        progress: Is shown the bytes.
        may_forget: Asked where more than a tenth of what was fetched is gone from the store at once.

    Returns:
        The folder.

    Raises:
        PhotosError: The store holds no photos.
        StoreError: The store can't be read; what was fetched is kept.
        OutputError: The output folder can't be written, or holds photos that weren't fetched; these stay as they are.
        LibraryError: Another run has the output folder.
    """
    folder, exclusion = out / FOLDER, Exclusion(exclude)
    with Library.open(out):  # for its lock: one run at a time
        wanted = wanted_objects(store.objects(""), exclusion, store.address)
        try:
            files = FetchedFiles(out, folder)
            files.examine(wanted, matters=may_be_photo)
            _let_go(files, wanted.keys(), exclusion, store, may_forget)
            _fetch([found for found in wanted.values() if not files.has(found)], store, files, progress)
            files.keep()
        except OSError as error:
            raise OutputError(
                f"{folder} can't be written: {unwritable(error, 'choose another --out')}, then run again: "
                "what is done is kept"
            ) from error
    return folder


def _let_go(
    files: FetchedFiles,
    wanted: Set[str],
    exclusion: Exclusion,
    store: ObjectStore,
    may_forget: MayForget,
) -> None:
    """Remove what is gone from the store, or is left out now, unless it is much at once. Raises OSError."""
    left_out = {key for key in files.keys() - wanted if exclusion.covers(key)}
    gone = files.keys() - wanted - left_out
    if stay(gone, len(files.keys()), may_forget):
        _log.warning(
            "%s of %s photos are gone from %s, such as %s, and stay here: --forget lets go of what is gone",
            f"{len(gone):,}", f"{len(files.keys()):,}", store.address, min(gone),
        )  # fmt: skip
        gone = set()
    files.remove(gone | left_out)


def _fetch(missing: Sequence[ListedObject], store: ObjectStore, files: FetchedFiles, progress: Progress) -> None:
    """Fetch objects; those that can't be had, archived, forbidden or of impossible names, are named and left out."""
    refused: dict[str, Exception] = {}

    def fetch_if_it_can_be_had(found: ListedObject) -> None:
        try:
            fetch(found)
        except UnavailableStoreError:
            raise
        except StoreError as error:
            refused[found.key] = error
        except OSError as error:
            if error.errno not in _IMPOSSIBLE_NAMES:
                raise
            refused[found.key] = error

    def fetch(found: ListedObject) -> None:
        stored = store.read(found.key, max_bytes=found.size_bytes)
        if stored is None:  # it has gone meanwhile
            return
        files.write(found, stored.data)
        progress.advance(len(stored.data))

    progress.begin("fetching", sum(found.size_bytes for found in missing), in_bytes=True)
    with ThreadPoolExecutor(max_workers=_FETCHED_AT_ONCE) as pool:
        try:
            for future in [pool.submit(fetch_if_it_can_be_had, found) for found in missing]:
                future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    progress.end()
    for key, reason in sorted(refused.items()):
        _log.warning("%s can't be fetched, so it is left out: %s", key, getattr(reason, "strerror", None) or reason)
    if refused and files.empty:
        raise next(iter(refused.values()))
