"""The driver: photos of a bucket become a bundle in service in a store, with readers on many machines.

Its stages are those of ``index_photos``, and what it makes is the same, photo for photo. A photo that was read is done
once it stands in a shard; whatever ends the driver or a reader, the next run goes on from there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from export.bundles.bundling import check_place
from export.cluster.bucket_library import BucketLibrary
from export.cluster.cluster_run import ClusterRun
from export.cluster.found_photos import find_photos
from export.cluster.photo_fetching import Places
from export.cluster.ray_engine import RayEngine
from export.cluster.ray_session import check_installed
from export.cluster.run_lease import Lease
from export.errors import OutputError, unwritable
from export.gallery.forgetting import MayForget, never
from export.gallery.indexing import IndexReport
from export.library.library import Library
from export.models.model_choice import SHIPPED, ModelChoice
from export.models.model_set import Models
from export.photos.discovery import Exclusion
from export.progress import Progress
from export.publishing.publication import Publication, publish
from export.publishing.staged_bundle import Choices
from export.storage.schemes import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChoices:
    """How to index with many machines.

    Attributes:
        exclude: Globs of what to leave out, see ``discover``.
        columns: The table of the owner's columns; by default the one that lies beside the photos, if any.
        work: The folder of the driver's own library, which is kept; without one it is made anew, and the segments too.
        readers: How many processes read at most, see ``RayEngine``.
        address: Of the Ray cluster; None for this machine alone.
        choice: Which models understand and embed.
        may_forget: Asked where more than a tenth of the photos of the last run are gone at once.
        force: Whether a bundle that falls short is put in service nevertheless.
    """

    exclude: Sequence[str] = ()
    columns: Path | None = None
    work: Path | None = None
    readers: int | None = None
    address: str | None = None
    choice: ModelChoice = SHIPPED
    may_forget: MayForget = never
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReport:
    """What a run did, and what is in service now."""

    index: IndexReport
    publication: Publication


def index_on_cluster(
    photos: str,
    out: str,
    choices: ClusterChoices,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> ClusterReport:
    """Understand what is new, forget what is gone, and put a bundle of all the photos in service.

    Args:
        photos: The address of the store that they lie in.
        out: The address of the store that the library, thumbnails and the bundle go to.
        choices: How.
        models: Instead of the chosen ones.
        progress: Instead of showing it on standard error.

    Raises:
        ExportError: The photos, the columns, the store, Ray or the models can't be used; or another run has the store.
        BundleError: The new bundle doesn't pass its own checks; the one from before stays in service.
    """
    check_installed()
    progress = progress or Progress()
    source, store = open_store(photos), open_store(out)
    if source.address == store.address:
        raise OutputError(f"{store.address} holds the photos; choose another --out, such as {store.address}/library")
    exclusion = Exclusion(choices.exclude)
    found = find_photos(source, exclusion, out=store.address)
    engine = RayEngine(address=choices.address, readers=choices.readers, places=Places(photos=photos, thumbnails=out))
    with _working_folder(choices.work) as folder, Lease(store) as lease:
        models = models or choices.choice.open(folder)
        with Library.open(folder) as library:
            check_place(folder)
            run = ClusterRun(
                source=source,
                found=found,
                exclusion=exclusion,
                models=models,
                library=library,
                shards=BucketLibrary(store, library, folder),
                pictures=store,
                lease=lease,
                progress=progress,
            )
            report = run.index(engine, folder, columns=choices.columns, may_forget=choices.may_forget)
        lease.check()
        publication = publish(folder, store, Choices(thumbnails=False, force=choices.force), progress)
        return ClusterReport(index=replace(report, bundle=publication.bundle), publication=publication)


@contextmanager
def _working_folder(work: Path | None) -> Iterator[Path]:
    """The folder of the driver's library; one that wasn't chosen goes in the end."""
    if work is None:
        with tempfile.TemporaryDirectory(prefix="thinlens-") as folder:
            yield Path(folder)
        return
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{work} can't be written: {unwritable(error, 'choose another folder with --work')}"
        ) from error
    yield work
