"""Indexing: photos become a bundle; only what is new or changed since the last run costs time.

Its stages, each of which leaves its work in the library and may be interrupted anywhere: find the photos and compare
their sizes and dates; hash what is new or changed; decode and understand the contents that no run has understood;
embed texts; write the bundle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from export.bundles.bundling import check_place, update_bundle
from export.errors import UnreadablePhotoError
from export.library.library import Library
from export.library.records import Failure, KnownPhoto
from export.models.model_choice import SHIPPED, ModelChoice
from export.models.model_set import Models
from export.photos.column_table import find_columns, read_columns
from export.photos.content_hash import content_hash
from export.photos.discovery import Discovery, FoundPhoto, discover
from export.photos.thumbnails import Thumbnails
from export.progress import Progress

_HASHED_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What a run did.

    Attributes:
        bundle: The id of the bundle in service now.
        photos: How many photos it holds.
        read: How many contents were decoded and understood in this run.
        forgotten: How many photos of the last run are gone.
        failures: The photos that are not in the bundle.
        strangers: The ids in the table of the owner's columns that no photo has.
    """

    bundle: str
    photos: int
    read: int
    forgotten: int
    failures: tuple[Failure, ...]
    strangers: tuple[str, ...] = ()


def index_photos(
    photos: Path,
    out: Path,
    *,
    exclude: Sequence[str] = (),
    columns: Path | None = None,
    workers: int | None = None,
    choice: ModelChoice = SHIPPED,
    models: Models | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Understand what is new, forget what is gone, and put a bundle of all the photos in service.

    Args:
        photos: A folder or a list file, see ``discover``.
        out: The output folder, which is made where it is missing.
        exclude: Globs of what to leave out, see ``discover``.
        columns: The table of the owner's columns; by default the one that lies in the folder of the photos, if any.
        workers: How many processes decode and understand; by default as many as there are cores.
        choice: Which models understand and embed.
        models: Instead of the chosen ones.
        progress: Instead of showing it on standard error.

    Raises:
        ExportError: PHOTOS, the columns, the output folder, the library or the models can't be used.
        BundleError: The new bundle doesn't pass its own checks; the one from before stays in service.
    """
    discovery = discover(photos, exclude=exclude, out=out)
    ModelChoice.of(out)  # raises where the file of the choice is somebody else's
    models = models or choice.open(out)
    own = columns or find_columns(discovery.root)
    table = read_columns(own) if own else {}
    progress = progress or Progress()
    workers = workers or _cores()
    with Library.open(out) as library:
        check_place(out)
        library.photos.put_root(discovery.root)
        compared = _compare(discovery, library, progress, threads=workers)
        unreadable = discovery.unreadable | compared.unreadable
        read = 0
        thumbnails = Thumbnails(out)
        understood = library.understandings.contents(
            captioner=models.captioner.identity, instructions=models.captioner.instructions
        )
        missing = library.photos.contents() - (understood & thumbnails.contents())
        if missing:
            # Here: with it comes Pillow, which a run with nothing to do can spare.
            from export.understanding.backlog import Backlog

            backlog = Backlog(
                root=discovery.root,
                library=library,
                thumbnails=thumbnails,
                captioner=models.captioner,
                workers=workers,
                progress=progress,
            )
            worked_off = backlog.work_off(missing)
            unreadable |= worked_off.unreadable
            read = worked_off.read
        library.failures.put_unreadable(unreadable)
        strangers = library.photos.put_columns(table)
        bundle = update_bundle(library, out, models, progress)
        choice.keep(out)
        return IndexReport(
            bundle=bundle.id,
            photos=bundle.photos,
            read=read,
            forgotten=compared.forgotten,
            failures=tuple(library.failures.all()),
            strangers=tuple(strangers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """What came of comparing: how many photos are gone, and the reason for each that can't be read, by id."""

    forgotten: int
    unreadable: dict[str, str]


def _compare(discovery: Discovery, library: Library, progress: Progress, *, threads: int) -> _Comparison:
    """Bring the library's photos up to date with the files: hash what is new or changed, forget what is gone."""
    known = library.photos.all()
    changed = [photo for photo in discovery.photos if not _is_known(photo, known)]
    unreadable = _hash(discovery.root, changed, library, progress, threads=threads) if changed else {}
    gone = known.keys() - {photo.id for photo in discovery.photos if photo.id not in unreadable}
    if gone:
        library.photos.forget(gone)
    return _Comparison(forgotten=len(gone), unreadable=unreadable)


def _is_known(found: FoundPhoto, known: Mapping[str, KnownPhoto]) -> bool:
    photo = known.get(found.id)
    return photo is not None and (photo.size_bytes, photo.stamp) == (found.size_bytes, found.stamp)


def _hash(
    root: Path, photos: Sequence[FoundPhoto], library: Library, progress: Progress, *, threads: int
) -> dict[str, str]:
    """Hash photos into the library; return the reason for each that can't be read, by id."""
    unreadable: dict[str, str] = {}

    def hash_one(photo: FoundPhoto) -> KnownPhoto | None:
        try:
            content = content_hash(root / photo.id, size_bytes=photo.size_bytes, stamp=photo.stamp)
        except UnreadablePhotoError as error:
            unreadable[photo.id] = str(error)
            return None
        return KnownPhoto(id=photo.id, size_bytes=photo.size_bytes, stamp=photo.stamp, content=content)

    progress.begin("hashing photos", len(photos))
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for start in range(0, len(photos), _HASHED_AT_ONCE):
            batch = photos[start : start + _HASHED_AT_ONCE]
            library.photos.put([photo for photo in pool.map(hash_one, batch) if photo is not None])
            progress.advance(len(batch))
    progress.end()
    return unreadable


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
