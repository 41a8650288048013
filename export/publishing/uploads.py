"""Uploads: the files that make up what is published, each with its key; and sending them, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from export.bundles.segment_writer import file_info
from export.errors import PublishingError
from export.library.library import Library
from export.photos.unicode_names import locate
from export.progress import Progress
from export.storage.media_types import media_type
from export.storage.object_store import ListedObject, ObjectStore, Upload
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import MANIFEST_FILE, Manifest
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.bundle.photos.addresses import PHOTOS, PREVIEWS, THUMBNAILS, photo_by_content, thumbnail
from handler.bundle.photos.catalogue import PhotoRecord
from handler.errors import BundleError
from handler.store.pointer import SEGMENTS_KEY, bundle_key
from handler.web.routes import ASSETS, WIDGET, hashed_widget

SENT_AT_ONCE = 16
_PICTURES = (THUMBNAILS, PREVIEWS, PHOTOS)
_WIDGET = ASSETS[WIDGET].path


def file_upload(key: str, path: Path) -> Upload:
    """A file as it is now. Raises OSError."""
    info = file_info(path)
    return Upload(key=key, path=path, size_bytes=info.size_bytes, sha256=info.sha256, media_type=media_type(path.name))


def bundle_uploads(bundle: Bundle, folder: Path) -> list[Upload]:
    """The files of a bundle and its segments but for its manifest, which goes last: with it the bundle is whole."""
    return [
        Upload(
            key=bundle_key(bundle.id, name),
            path=folder / name,
            size_bytes=info.size_bytes,
            sha256=info.sha256,
            media_type=media_type(name),
        )
        for name, info in bundle.manifest.all_files.items()
    ]


def thumbnail_uploads(records: Iterable[PhotoRecord], out: Path) -> list[Upload]:
    """The thumbnails of photos, each once.

    Raises:
        PublishingError: One isn't there.
    """
    keys = sorted({thumbnail(record.content) for record in records})
    for key in keys:
        if not (out / key).is_file():
            raise PublishingError(f"the thumbnail {out / key} is missing: index again, then publish")
    return [picture_upload(key, out / key) for key in keys]


def picture_upload(key: str, path: Path) -> Upload:
    """A picture as it is now, of which its key says enough. Raises OSError."""
    return Upload(key=key, path=path, size_bytes=path.stat().st_size, sha256=None, media_type=media_type(key))


def photos_root(library: Library, out: Path) -> Path:
    """The folder to which the ids of an output folder's photos are relative; raises PublishingError."""
    root = library.photos.root()
    if root is None:
        raise PublishingError(f"{out} doesn't say where its photos lie: index again, then publish")
    return root


def photo_uploads(records: Iterable[PhotoRecord], root: Path) -> list[Upload]:
    """The photos themselves, each content once; they lie below ``root``."""
    uploads = {}
    for record in records:
        key = photo_by_content(record.content, record.id)
        uploads[key] = Upload(
            key=key,
            path=locate(root, record.id),
            size_bytes=record.size_bytes,
            sha256=record.content,
            media_type=media_type(key),
        )
    return list(uploads.values())


def widget_upload() -> Upload:
    """The widget under the hash of what it is: pages that embed this build find it there after the next deploy too."""
    return file_upload(hashed_widget(_WIDGET.read_bytes()).lstrip("/"), _WIDGET)


def missing_uploads(
    store: ObjectStore, uploads: Iterable[Upload], in_service: str | None, pictures: Set[str]
) -> list[Upload]:
    """Those that aren't in the store.

    Of a picture its name says that it is there, of a segment's file its name and size, as both are called by what they
    hold; of everything else its hash, and what the bundle in service has too is copied from there.

    Args:
        store: What is to hold them.
        uploads: In any order.
        in_service: The id of the bundle in service.
        pictures: The keys of the pictures that are there.
    """
    served = _keys_by_hash(store, in_service)
    segments = {found.key: found.size_bytes for found in store.objects(SEGMENTS_KEY)}

    def is_there(upload: Upload) -> bool:
        if upload.key.startswith(SEGMENTS_KEY):
            return segments.get(upload.key) == upload.size_bytes
        if upload.key.startswith(_PICTURES):
            return upload.key in pictures
        source = served.get(upload.sha256 or "")
        return store.holds(upload) or (source is not None and store.copy(source, upload))

    return [upload for upload in uploads if not is_there(upload)]


def picture_objects(store: ObjectStore) -> list[ListedObject]:
    """What lies where thumbnails, previews and photos are published, whoever put it there."""
    return [found for prefix in _PICTURES for found in store.objects(prefix)]


def served_manifest(store: ObjectStore, bundle: str | None) -> Manifest | None:
    """What a bundle in a store says of itself; None where there is no bundle, or it can't be read."""
    found = store.read(bundle_key(bundle, MANIFEST_FILE), max_bytes=MAX_MANIFEST_BYTES) if bundle else None
    try:
        return read_manifest(found.data) if found else None
    except BundleError:
        return None


def _keys_by_hash(store: ObjectStore, bundle: str | None) -> dict[str, str]:
    """The keys of a bundle's own files; none where there is no bundle, or it can't be read."""
    manifest = served_manifest(store, bundle)
    files = manifest.files if manifest else {}
    return {info.sha256: bundle_key(bundle or "", name) for name, info in files.items()}


def send(store: ObjectStore, uploads: Sequence[Upload], progress: Progress) -> None:
    """Send what isn't in the store yet, many at once; at the first failure no more are begun.

    Raises:
        StoreError: The store can't be used.
        PublishingError: A file can't be read, or isn't what it was.
    """
    progress.begin("uploading", sum(upload.size_bytes for upload in uploads), in_bytes=True)
    with ThreadPoolExecutor(max_workers=SENT_AT_ONCE) as pool:
        sending = [pool.submit(store.put, upload, progress.advance) for upload in uploads]
        try:
            done, _ = wait(sending, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        progress.end()
    for future in done:
        future.result()
