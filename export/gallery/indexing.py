"""Indexing: photos become a bundle; only what is new or changed since the last run costs time.

Its stages, each of which leaves its work in the library and may be interrupted anywhere: find the photos and compare
their sizes and dates; hash what is new or changed; decode and understand the contents that no run has understood;
embed texts; write the bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from export.bundles.bundling import check_place, update_bundle
from export.errors import PhotosError, UnreadablePhotoError
from export.gallery.forgetting import MayForget, always, never, stay
from export.library.library import Library
from export.library.records import Failure, KnownPhoto
from export.models.model_choice import SHIPPED, ModelChoice
from export.models.model_set import Models
from export.photos.column_table import find_columns, read_columns
from export.photos.content_hash import content_hash
from export.photos.discovery import Discovery, FoundPhoto, discover
from export.photos.kept_pictures import Thumbnails
from export.photos.unicode_names import locate, one_form
from export.progress import Progress
from export.understanding.engine import cores

if TYPE_CHECKING:
    from export.understanding.engine import Engine
    from export.understanding.text.text_backlog import TextsRead
    from export.understanding.text.text_reader import TextReaderSource

_HASHED_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What a run did.

    Attributes:
        bundle: The id of the bundle in service now.
        photos: How many photos it holds.
        read: How many contents were decoded and understood in this run.
        forgotten: How many photos of the last run are gone.
        missing: The ids of those that are gone too, yet so many at once that they stay in the bundle.
        passed_over: How many files of what kind are no photos.
        failures: The photos that are not in the bundle.
        damaged: The photos in the bundle of which something is missing, and what.
        strangers: The ids in the table of the owner's columns that no photo has.
        texts: What came of reading the text in photos, where that was asked for.
        unread: The photos whose text can't be read.
    """

    bundle: str
    photos: int
    read: int
    forgotten: int
    failures: tuple[Failure, ...]
    damaged: tuple[Failure, ...] = ()
    strangers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    texts: TextsRead | None = None
    unread: tuple[Failure, ...] = ()


def index_photos(
    photos: Path,
    out: Path,
    *,
    exclude: Sequence[str] = (),
    columns: Path | None = None,
    workers: int | None = None,
    choice: ModelChoice = SHIPPED,
    may_forget: MayForget = never,
    models: Models | None = None,
    text_reader: TextReaderSource | None = None,
    engine: Engine | None = None,
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
        may_forget: Asked where more than a tenth of the photos of the last run are gone at once, as they are when a
            disk isn't there.
        models: Instead of the chosen ones.
        text_reader: What reads the text in photos; without one, what was read before stays.
        engine: What reads photos, instead of worker processes on this machine.
        progress: Instead of showing it on standard error.

    Raises:
        ExportError: PHOTOS is another folder than before and lacks those photos; or PHOTOS, the columns, the output
            folder, the library or the models can't be used.
        BundleError: The new bundle doesn't pass its own checks; the one from before stays in service.
    """
    discovery = discover(photos, exclude=exclude, out=out)
    ModelChoice.of(out)  # raises where the file of the choice is somebody else's
    models = models or choice.open(out)
    own = columns or find_columns(discovery.root)
    table = read_columns(own) if own else {}
    progress = progress or Progress()
    workers = workers or cores()
    with Library.open(out) as library:
        check_place(out)
        if library.photos.root() not in (None, discovery.root):
            _check_moved(discovery, library, may_forget)
            may_forget = always
        library.photos.put_root(discovery.root)
        compared = _compare(discovery, library, progress, threads=workers, may_forget=may_forget)
        unreadable = discovery.unreadable | compared.unreadable
        read = 0
        thumbnails = Thumbnails(out)
        understood = library.understandings.understood(models.understander)
        complete = understood & thumbnails.contents() & library.understandings.contents_read()
        missing = library.photos.contents() - complete
        if missing:
            # Here: with it comes Pillow, which a run with nothing to do can spare.
            from export.understanding.backlog import Backlog
            from export.understanding.worker_pool import WorkerPool

            backlog = Backlog(
                root=discovery.root,
                library=library,
                thumbnails=thumbnails,
                captioner=models.captioner,
                image_encoder=models.image_encoder,
                engine=engine or WorkerPool(workers=workers),
                progress=progress,
            )
            worked_off = backlog.work_off(missing)
            unreadable |= worked_off.unreadable
            read = worked_off.read
        texts = None
        if text_reader is not None:
            from export.understanding.text.text_backlog import TextBacklog
            from export.understanding.worker_pool import WorkerPool

            texts = TextBacklog(
                root=discovery.root,
                library=library,
                reader=text_reader,
                engine=engine or WorkerPool(workers=workers),
                progress=progress,
            ).work_off(library.photos.contents())
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
            missing=compared.missing,
            passed_over=discovery.passed_over,
            damaged=tuple(library.understandings.damaged()),
            strangers=tuple(strangers),
            texts=texts,
            unread=(*library.texts.failures(), *(texts.failed if texts else ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """What came of comparing: how many photos are gone, which of them stay, and why some can't be read, by id."""

    forgotten: int
    missing: tuple[str, ...]
    unreadable: dict[str, str]


def _find_gone(discovery: Discovery, library: Library) -> set[str]:
    """The photos of the last run that were not found; what a folder holds that can't be listed isn't known."""
    gone = library.photos.ids() - {photo.id for photo in discovery.photos}
    return {photo_id for photo_id in gone if not photo_id.startswith(discovery.closed)}


def _check_moved(discovery: Discovery, library: Library, may_forget: MayForget) -> None:
    """Another folder than before holds the same photos, or those of before may be forgotten; raises PhotosError."""
    gone = set() if discovery.listed else _find_gone(discovery, library)
    if stay(gone, len(library.photos.ids()), may_forget):
        raise PhotosError(
            f"the photos of {library.photos.root()} were indexed here, and {len(gone):,} of them aren't in "
            f"{discovery.root}; choose another --out, or let them be forgotten with --forget"
        )


def _compare(
    discovery: Discovery, library: Library, progress: Progress, *, threads: int, may_forget: MayForget
) -> _Comparison:
    """Bring the library's photos up to date with the files: hash what is new or changed, forget what is gone."""
    known = library.photos.all()
    changed = [photo for photo in discovery.photos if not _is_known(photo, known)]
    unreadable = _hash(discovery.root, changed, library, progress, threads=threads) if changed else {}
    gone = _find_gone(discovery, library) | (known.keys() & unreadable.keys())
    lost = _lost(gone, discovery, library, unreadable)
    missing = lost if stay(lost, len(known), may_forget) else set()
    if forgotten := gone - missing:
        library.photos.forget(forgotten)
    return _Comparison(forgotten=len(forgotten), missing=tuple(sorted(missing)), unreadable=unreadable)


def _lost(gone: Set[str], discovery: Discovery, library: Library, unreadable: Mapping[str, str]) -> set[str]:
    """Those of the photos that are gone that nobody left out, and whose content lies nowhere else."""
    if not gone:
        return set()
    photos = library.photos.all()
    contents = {photo.content for photo in photos.values() if photo.id not in gone}

    def is_lost(photo_id: str) -> bool:
        if photos[photo_id].content in contents or one_form(photo_id) != photo_id:
            return False
        if photo_id in unreadable or photo_id in discovery.unreadable:
            return True
        return not (discovery.listed or locate(discovery.root, photo_id).exists())

    return {photo_id for photo_id in gone if is_lost(photo_id)}


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
            content = content_hash(locate(root, photo.id), size_bytes=photo.size_bytes, stamp=photo.stamp)
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
