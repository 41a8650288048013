"""The store in S3: bundles fetched to this machine's disk, by ranges in parallel, and hashed as they come.

Knows keys and the cache; how requests are made is s3.py's concern.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from handler.bundle.delivery import BundleFiles
from handler.bundle.manifest import MANIFEST_FILE, SEGMENTS_FOLDER, SIGNATURE_FILE, FileInfo, Manifest, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError, StoreError
from handler.settings import Settings
from handler.store.address import S3Address
from handler.store.cache import INCOMING_SUFFIX, Cache
from handler.store.credentials import credential_source
from handler.store.pointer import MAX_POINTER_BYTES, POINTER_KEY, Pointer, bundle_key
from handler.store.s3 import ATTEMPTS, S3Client
from handler.store.signature import SIGNATURE_BYTES
from handler.store.verification import check_digest, check_signature

CONNECTIONS = 6
PART_BYTES = 8 << 20


class S3Store:
    """A store below a prefix in S3, with the files that are here already."""

    def __init__(self, client: S3Client, cache: Cache, public_key: bytes | None) -> None:
        self._client = client
        self._cache = cache
        self._public_key = public_key
        self._pointer: Pointer | None = None
        self._etag = ""

    @classmethod
    def open(cls, settings: Settings, environment: Mapping[str, str]) -> Self:
        """Ready to ask; nothing is asked yet. Raises SettingsError where the address or the credentials can't be."""
        address = S3Address.parse(settings.bundle, environment, variable="THINLENS_BUNDLE")
        client = S3Client(address, credential_source(environment))
        return cls(client, Cache.open(settings.cache), settings.public_key)

    def __str__(self) -> str:
        return str(self._client.address)

    def newest(self) -> str:
        """As Store says. Once it is known, it is asked for only on condition that it has changed, and only once."""
        is_first = self._pointer is None
        attempts = ATTEMPTS if is_first else 1
        with self._closing_on_error():
            content = self._client.get(POINTER_KEY, max_bytes=MAX_POINTER_BYTES, etag=self._etag, attempts=attempts)
            if content is not None:
                self._pointer = Pointer.parse(content.body)
                self._etag = content.etag
        if not is_first:  # after the first a bundle is fetched at once; a minute later no connection would be open
            self._client.close()
        if self._pointer is None:
            raise StoreError(f"{self}{POINTER_KEY} was answered with 304, though nothing is known of it")
        return self._pointer.bundle

    def fetch(self, bundle: str) -> BundleFiles:
        with self._closing_on_error():
            manifest = self._manifest(bundle)
        folder = self._cache.bundle(bundle)
        return BundleFiles(
            id=bundle,
            manifest=manifest,
            folder=folder,
            segments=folder / SEGMENTS_FOLDER,
            verified=self._bring(bundle, manifest, folder),
        )

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._client.close()
            raise

    def _manifest(self, bundle: str) -> Manifest:
        """The manifest of a bundle, signed if it must be."""
        manifest_bytes = self._read(bundle_key(bundle, MANIFEST_FILE), MAX_MANIFEST_BYTES)
        if (found := bundle_id(manifest_bytes)) != bundle:
            raise BundleError(f"{self}{bundle_key(bundle, MANIFEST_FILE)} is that of {found} (expected {bundle})")
        if self._public_key is not None:
            signature = self._read(bundle_key(bundle, SIGNATURE_FILE), SIGNATURE_BYTES)
            check_signature(manifest_bytes, signature, self._public_key)
        return read_manifest(manifest_bytes)

    def _read(self, key: str, max_bytes: int) -> bytes:
        content = self._client.get(key, max_bytes=max_bytes)
        return b"" if content is None else content.body

    def _is_here(self, info: FileInfo) -> bool:
        return self._cache.object(info.sha256).is_file()

    def _bring(self, bundle: str, manifest: Manifest, folder: Path) -> Iterator[str]:
        """Bring what is not here, in parallel; a file is put into the folder once it is verified."""
        files = manifest.all_files
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="thinlens-download")

        def download(name: str) -> _Download:
            target = self._cache.object(files[name].sha256)
            return _Download(self._client, bundle_key(bundle, name), files[name], target, pool)

        downloads: dict[str, _Download] = {}
        try:
            # Files of one content, in two segments for instance, are fetched once, by the name that comes first.
            names = {files[name].sha256: name for name in reversed(files)}
            missing = [name for name in files if names[files[name].sha256] == name and not self._is_here(files[name])]
            self._cache.check_room(sum(files[name].size_bytes for name in missing))
            for name in missing:
                downloads[name] = download(name)
            for name in files:
                if name not in downloads and not self._cache.holds(files[name]):
                    downloads[name] = download(name)
                if name in downloads:
                    downloads[name].finish()
                    del downloads[name]
                self._cache.link(files[name], folder / name)
                yield name
            self._cache.keep_only(folder)
        finally:
            for unfinished in downloads.values():
                unfinished.give_up()
            pool.shutdown(cancel_futures=True)
            self._client.close()


class _Download:
    """A file on its way to `target`: its parts come in parallel, and are hashed in their order."""

    def __init__(self, client: S3Client, key: str, info: FileInfo, target: Path, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._key = key
        self._info = info
        self._target = target
        self._given_up = False
        # A name of its own even among files of one content: a file that is mapped must not be begun anew.
        self._incoming = target.with_name(f"{target.name}.{key.replace('/', '-')}{INCOMING_SUFFIX}")
        # Received right into the file's pages: no copy, and no memory but what the kernel may take back.
        self._data = memoryview(_map_new_file(self._incoming, info.size_bytes))
        self._parts: list[Future[None]] = []
        for start in range(0, info.size_bytes, PART_BYTES):
            self._parts.append(pool.submit(self._receive, start))

    def _receive(self, start: int) -> None:
        """Fill a part, unless another one has failed: of a file that isn't as long as it should be, most would."""
        if self._given_up:
            return
        try:
            part = self._data[start : start + PART_BYTES]
            self._client.get_range(self._key, start, part, size_bytes=self._info.size_bytes)
        except BaseException:
            self._given_up = True
            raise

    def give_up(self) -> None:
        """Ask for no more parts, and leave nothing on the disk."""
        self._given_up = True
        self._incoming.unlink(missing_ok=True)

    def finish(self) -> None:
        """Wait for the parts, and move the file to its place if it is what it should be."""
        digest = hashlib.sha256()
        for number, part in enumerate(self._parts):
            part.result()
            digest.update(self._data[number * PART_BYTES : (number + 1) * PART_BYTES])
        check_digest(self._key, digest.hexdigest(), self._info)
        self._incoming.rename(self._target)


def _map_new_file(path: Path, size_bytes: int) -> mmap.mmap:
    """A new file of this size, mapped to be written; its room is set aside first, for a full disk would be fatal."""
    path.unlink(missing_ok=True)
    with path.open("x+b") as file:
        if sys.platform == "linux":
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        else:
            file.truncate(size_bytes)
        return mmap.mmap(file.fileno(), size_bytes)
