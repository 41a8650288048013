"""A run: from what lies in the bucket, and what shards know of it, to a bundle in the driver's folder.

It knows photos, shards and the library; nothing of Ray, nor of how a bundle comes into service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from export.bundles.bundling import update_bundle
from export.cluster.bucket_library import BucketLibrary, is_as
from export.cluster.found_photos import FoundPhotos
from export.cluster.ray_engine import RayEngine
from export.cluster.run_lease import Lease
from export.cluster.shard_collecting import ShardCollector
from export.cluster.shard_file import Census
from export.disk.own_names import is_picture
from export.errors import ColumnsError, PhotosError
from export.gallery.forgetting import MayForget, always, stay
from export.gallery.indexing import IndexReport
from export.library.library import Library
from export.library.records import KnownPhoto
from export.models.model_set import Models
from export.photos.column_table import OwnColumns, read_columns
from export.photos.discovery import Exclusion
from export.pictures.decoding import DECODER
from export.progress import Progress
from export.storage.object_store import ObjectStore
from export.understanding.engine import ReadingTask
from handler.bundle.photos.addresses import THUMBNAILS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Photos to be read, and those that hold the same as one of them, by its id."""

    tasks: list[ReadingTask] = field(default_factory=list)
    twins: dict[str, list[KnownPhoto]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRun:
    """What the stages of a run share.

    Attributes:
        source: The store that the photos lie in.
        found: What its listing says.
        exclusion: What is left out.
        models: What understands and embeds.
        library: The driver's own.
        shards: The library in the bucket.
        pictures: The store of the thumbnails.
        lease: By which this is the only driver.
        progress: Where it is shown.
    """

    source: ObjectStore
    found: FoundPhotos
    exclusion: Exclusion
    models: Models
    library: Library
    shards: BucketLibrary
    pictures: ObjectStore
    lease: Lease
    progress: Progress

    def index(self, engine: RayEngine, folder: Path, *, columns: Path | None, may_forget: MayForget) -> IndexReport:
        """Understand what is new, forget what is gone, and write a bundle into the driver's folder.

        Raises:
            ExportError: As ``index_on_cluster`` does.
            BundleError: The new bundle doesn't pass its own checks.
        """
        table = self._columns(columns, folder)
        census = self.shards.census() or Census(address=self.source.address, photos=())
        if census.address != self.source.address:
            self._check_moved(census, may_forget)
            may_forget = always
        self.shards.bring_in(self.found.photos, self.progress)
        self._put_last(census)
        work = self._work()
        collector = ShardCollector(self.shards, self.models, self.lease)
        collector.collect(engine, work.tasks, work.twins, self.progress)
        gone = self._gone()
        lost = self._lost(gone)
        missing = lost if stay(lost, len(census.photos), may_forget) else set()
        self._forget(gone - missing)
        self.library.failures.put_unreadable({**self.found.unreadable, **collector.unreadable})
        strangers = self.library.photos.put_columns(table)
        bundle = update_bundle(self.library, folder, self.models, self.progress)
        self.lease.check()
        self.shards.put_census(Census(address=self.source.address, photos=self._photos_in_order()))
        return IndexReport(
            bundle=bundle.id,
            photos=bundle.photos,
            read=collector.read,
            forgotten=len(gone - missing),
            failures=tuple(self.library.failures.all()),
            missing=tuple(sorted(missing)),
            damaged=tuple(self.library.understandings.damaged()),
            strangers=tuple(strangers),
        )

    def _columns(self, own: Path | None, folder: Path) -> OwnColumns:
        """The owner's columns: of a file of theirs, or of the table beside the photos."""
        if own is not None:
            return read_columns(own)
        if len(self.found.tables) > 1:
            both = " and ".join(self.found.tables)
            raise ColumnsError(f"{self.source.address} holds both {both}; remove one, or name one with --columns")
        for key, listed in self.found.tables.items():
            stored = self.source.read(key, max_bytes=listed.size_bytes)
            path = folder / key
            path.write_bytes(stored.data if stored else b"")
            try:
                return read_columns(path)
            except ColumnsError as error:
                raise ColumnsError(str(error).replace(str(path), f"{self.source.address}/{key}")) from error
        return {}

    def _check_moved(self, census: Census, may_forget: MayForget) -> None:
        """The photos of before lie here too, or may be forgotten; raises PhotosError."""
        gone = {photo.id for photo in census.photos} - self.found.photos.keys()
        if stay(gone, len(census.photos), may_forget):
            raise PhotosError(
                f"the photos of {census.address} were indexed here, and {len(gone):,} of them aren't in "
                f"{self.source.address}; choose another --out, or let them be forgotten with --forget"
            )

    def _put_last(self, census: Census) -> None:
        """Have the library know the photos of the last run, but for those that a shard knows better, and no others."""
        last = {photo.id: photo for photo in census.photos}
        known = self.library.photos.all()
        self._forget(known.keys() - last.keys() - self.found.photos.keys())
        self._put(
            [
                photo
                for photo in last.values()
                if not self._is_current(known.get(photo.id)) and known.get(photo.id) != photo
            ]
        )

    def _forget(self, ids: Set[str]) -> None:
        if ids:  # else the library would count it as a change
            self.library.photos.forget(ids)

    def _put(self, photos: Sequence[KnownPhoto]) -> None:
        if photos:
            self.library.photos.put(photos)

    def _photos_in_order(self) -> list[KnownPhoto]:
        return sorted(self.library.photos.all().values(), key=lambda photo: photo.id)

    def _is_current(self, photo: KnownPhoto | None) -> bool:
        """Whether a photo of the library is there, as it was."""
        found = self.found.photos.get(photo.id) if photo else None
        return photo is not None and found is not None and is_as(photo, found)

    def _work(self) -> _Work:
        """What is to be read: photos whose content isn't known, and one of each content that lacks something."""
        work = _Work()
        by, library = self.models.understander, self.library
        known = library.photos.all()
        contents = {(photo.size_bytes, photo.stamp): photo.content for photo in known.values()}
        readers: dict[tuple[int, int], str] = {}
        moved: list[KnownPhoto] = []
        for photo in self.found.photos.values():
            state = (photo.size_bytes, photo.stamp)
            if self._is_current(known.get(photo.id)):
                continue
            if state in contents:  # under another name, of the same tag: it isn't read again
                moved.append(replace(photo, content=contents[state]))
            elif state in readers:
                work.twins[readers[state]].append(photo)
            else:
                readers[state] = photo.id
                work.tasks.append(self._task(photo, caption=True, see=by.image_encoder is not None))
        self._put(moved)
        captioned, seen = library.understandings.captioned(by), library.understandings.seen(by)
        complete = library.understandings.understood(by) & library.understandings.contents_read() & self._thumbnails()
        lacking = library.photos.contents() - complete - library.failures.contents(decoder=DECODER)
        for photo in library.photos.all().values():
            if photo.content in lacking and self._is_current(photo):
                lacking.remove(photo.content)
                see = by.image_encoder is not None and photo.content not in seen
                work.tasks.append(self._task(photo, caption=photo.content not in captioned, see=see))
        return work

    def _task(self, photo: KnownPhoto, *, caption: bool, see: bool) -> ReadingTask:
        return ReadingTask(
            id=photo.id,
            path=Path(self.found.keys[photo.id]),
            content=photo.content,
            size_bytes=photo.size_bytes,
            stamp=photo.stamp,
            caption=caption,
            see=see,
        )

    def _thumbnails(self) -> set[str]:
        """The contents whose thumbnails are in the store."""
        keys = (found.key for found in self.pictures.objects(THUMBNAILS))
        return {key.rpartition("/")[2].removesuffix(".jpg") for key in keys if is_picture(key) and key.endswith(".jpg")}

    def _gone(self) -> set[str]:
        """The photos of the library that aren't there any more, or have changed and couldn't be read."""
        return {photo.id for photo in self.library.photos.all().values() if not self._is_current(photo)}

    def _lost(self, gone: set[str]) -> set[str]:
        """Those that nobody left out, and whose content lies nowhere else."""
        photos: Mapping[str, KnownPhoto] = self.library.photos.all()
        contents = {photo.content for photo in photos.values() if photo.id not in gone}
        return {
            photo_id
            for photo_id in gone
            if photos[photo_id].content not in contents
            and not self.exclusion.covers(photo_id)
            and not photo_id.startswith(self.found.left_out)
        }
