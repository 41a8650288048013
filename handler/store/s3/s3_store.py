"""The store in S3: bundles fetched to this machine's disk, first what every question needs, then what one asks for.

Knows keys and the cache; how requests are made is s3_client.py's concern, s3_download.py brings a file whole, and
s3_blocks.py what is read by blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from handler.bundle.delivery import BundleFiles
from handler.bundle.manifest import MANIFEST_FILE, SEGMENTS_FOLDER, SIGNATURE_FILE, FileInfo, Manifest, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError, NothingPublishedError, NotThereError, StoreError
from handler.settings import Settings
from handler.store.cache import Cache
from handler.store.pointer import MAX_POINTER_BYTES, POINTER_KEY, Pointer, bundle_key
from handler.store.s3.address import S3Address
from handler.store.s3.credentials import credential_source
from handler.store.s3.s3_client import ATTEMPTS, S3Client
from handler.store.s3.s3_download import Download
from handler.store.signature import SIGNATURE_BYTES
from handler.store.verification import check_signature

if TYPE_CHECKING:
    from handler.bundle.blocks.blocked_file import BlockSource

CONNECTIONS = 6


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
            try:
                content = self._client.get(POINTER_KEY, max_bytes=MAX_POINTER_BYTES, etag=self._etag, attempts=attempts)
            except NotThereError as error:
                raise NothingPublishedError(str(error)) from error
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
            source=self._blocks(bundle),
        )

    def _blocks(self, bundle: str) -> BlockSource:
        # Only here: it needs numpy, which is being loaded meanwhile.
        from handler.store.s3.s3_blocks import S3Blocks

        return S3Blocks(self._client, self._cache, bundle)

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
        for name, info in manifest.blocked_files.items():
            self._cache.make_place(info)
            self._cache.link(info, folder / name)
            yield name
        files = manifest.whole_files
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="thinlens-download")

        def download(name: str) -> Download:
            target = self._cache.object(files[name].sha256)
            return Download(self._client, bundle_key(bundle, name), files[name], target, pool)

        downloads: dict[str, Download] = {}
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
            if not manifest.blocked_files:  # whose blocks are asked for at once
                self._client.close()
