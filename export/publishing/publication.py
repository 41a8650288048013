"""Publishing: the bundle of an output folder comes into service in a store.

Everything that the new bundle is made of is in the store before the pointer is moved to it; whatever goes wrong
before, what was in service stays. Nothing is sent that the store holds already, so that a run that was stopped, in
whatever way, goes on where it was.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from pathlib import Path

from export.disk.own_names import is_picture
from export.library.library import Library
from export.progress import Progress
from export.publishing.pointer_swap import check_conditions, put_in_service, read_in_service
from export.publishing.preview_making import make_previews
from export.publishing.quality_gate import Check
from export.publishing.staged_bundle import (
    Choices,
    check_out,
    contents_of,
    picture_uploads,
    stage_bundle,
    staging_folder,
)
from export.publishing.uploads import (
    bundle_uploads,
    file_upload,
    missing_uploads,
    picture_objects,
    send,
    served_manifest,
    widget_upload,
)
from export.storage.object_store import ObjectStore, Upload
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest
from handler.bundle.photos.addresses import preview
from handler.store.pointer import bundle_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a run did.

    Attributes:
        bundle: The id of the bundle in service now.
        photos: How many photos it holds.
        checks: What was measured of it.
        sent_bytes: How much had to be sent.
        replaced: The id of the bundle that was in service before; the same, where it was this one already.
        others: How many files lie among the published pictures that Thinlens didn't write.
    """

    bundle: str
    photos: int
    checks: tuple[Check, ...]
    sent_bytes: int
    replaced: str | None
    others: int


def publish(out: Path, store: ObjectStore, choices: Choices, progress: Progress) -> Publication:
    """Put the bundle of an output folder in service.

    Raises:
        QualityError: It falls short of what is expected.
        LostRaceError: Somebody else has published since the run began.
        PublishingError: There is no bundle, or a file of it or a photo is missing or altered.
        StoreError: The store can't be used.
        LibraryError: Another run has the output folder.
        BundleError: The bundle is damaged.
    """
    check_out(out, store)
    # The library's lock keeps others from replacing the bundle and its thumbnails meanwhile.
    with Library.open(out) as library, staging_folder(out) as staging:
        since = read_in_service(store)
        served = served_manifest(store, since.bundle)
        staged = _stage(out, library, staging, choices, served, progress)
        pictures = {found.key for found in picture_objects(store)}
        if choices.previews:
            wanted = {content for content in contents_of(staged.bundle) if preview(content) not in pictures}
            previews = make_previews(wanted, out, library, progress)
            staged = replace(staged, files=(*staged.files, *previews))
        sent_bytes = _send(store, staged, since.bundle, pictures, progress)
        if since.bundle != staged.bundle.id:
            put_in_service(store, staged.bundle.id, since=since)
    return Publication(
        bundle=staged.bundle.id,
        photos=staged.bundle.manifest.counts.photos,
        checks=staged.checks,
        sent_bytes=sent_bytes,
        replaced=since.bundle,
        others=sum(not is_picture(key) for key in pictures - {upload.key for upload in staged.files}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A bundle in its published form, what was measured of it, and all that has to be in the store for it.

    Attributes:
        files: What its manifest and its catalogues name, in any order.
        manifest: What makes it whole once the files are there: the signature, if there is one, then the manifest.
    """

    bundle: Bundle
    checks: tuple[Check, ...]
    files: tuple[Upload, ...]
    manifest: tuple[Upload, ...]


def _stage(
    out: Path, library: Library, staging: Path, choices: Choices, served: Manifest | None, progress: Progress
) -> _Staged:
    """The bundle in its published form, and all that has to be in the store for it."""
    staged = stage_bundle(out, staging, choices, served, progress)
    bundle, folder = staged.bundle, staged.folder
    manifest = [file_upload(bundle_key(bundle.id, MANIFEST_FILE), folder / MANIFEST_FILE)]
    if choices.key is not None:
        signature = staging / SIGNATURE_FILE
        signature.write_bytes(choices.key.sign((folder / MANIFEST_FILE).read_bytes()))
        manifest.insert(0, file_upload(bundle_key(bundle.id, SIGNATURE_FILE), signature))
    files = [*bundle_uploads(bundle, folder), widget_upload(), *picture_uploads(bundle, library, out, choices)]
    return _Staged(bundle=bundle, checks=staged.checks, files=tuple(files), manifest=tuple(manifest))


def _send(store: ObjectStore, staged: _Staged, in_service: str | None, pictures: Set[str], progress: Progress) -> int:
    """Send what the store doesn't hold, the manifest last; returns the bytes sent."""
    missing = missing_uploads(store, staged.files, in_service, pictures)
    send(store, missing, progress)
    # Even where the manifest is there: it tells whoever prunes that the bundle is about to come into service.
    last = [upload for upload in staged.manifest if in_service != staged.bundle.id or not store.holds(upload)]
    for upload in last:
        send(store, [upload], progress)
    # Whoever prunes, and looked before it was there, may have removed what the store held: what isn't there goes again.
    own = [upload for upload in staged.files if not is_picture(upload.key)]
    removed = missing_uploads(store, own, in_service, pictures)
    removed_last = [upload for upload in staged.manifest if not store.holds(upload)]
    for uploads in filter(None, (removed, removed_last)):
        send(store, uploads, progress)
    check_conditions(store, staged.manifest[-1])
    return sum(upload.size_bytes for upload in [*missing, *last, *removed, *removed_last])
