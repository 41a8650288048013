"""The bundle in service in an output folder, opened; whoever finds it damaged is told how to have it written anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handler.bundle.bundle import Bundle
from handler.errors import BundleError
from handler.store.folder_store import open_bundle


@contextmanager
def open_in_service(out: Path) -> Iterator[Bundle]:
    """The bundle in service, to be asked as long as the block lasts.

    Raises:
        BundleError: There is none, or it is damaged, which may be found when it is asked.
    """
    try:
        yield open_bundle(out / "bundle")
    except BundleError as error:
        from export.bundles.bundling import BUNDLES  # and with it the library, which a search can spare

        if not (out / BUNDLES).is_dir():
            raise
        # A run that has little to write takes over segments as they lie, and looks at their sizes alone.
        raise BundleError(
            f"{error}; to have it written anew, remove {out / BUNDLES} and run 'thinlens index' again: no photo is "
            "read again"
        ) from error
