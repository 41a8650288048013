"""The delivery: a bundle's files, each handed over once it is verified, while others are still on their way.

Fetching and hashing a bundle takes about as long as importing the libraries that use it, and both need no more than
one core: a delivery does the one in a thread while the caller does the other. Nothing may be opened but what has
been waited for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.manifest import BUNDLE_FILES, MANIFEST_FILE, FileInfo, Manifest, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError
from handler.store.hashes import Hash, sha256_of
from handler.store.signature import SIGNATURE_BYTES, SIGNATURE_FILE, verifies

# The encoder first, for making its session takes longest; the largest file, which is needed last, at the end.
DELIVERY_ORDER = (*ENCODER_FILES, "index.usearch", "catalogue.bin", "columns.bin", "views.i8")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFiles:
    """A bundle whose manifest is known and whose files are being verified.

    Attributes:
        id: The hash of its manifest.
        manifest: What the files must be.
        folder: Where the files lie, or will.
        verified: Gives the name of each file in DELIVERY_ORDER once it lies there and is what the manifest says;
            raises BundleError or StoreError at the first that is not.
    """

    id: str
    manifest: Manifest
    folder: Path
    verified: Iterator[str]


class Delivery:
    """A thread that brings the files that `fetch` finds; to be closed by whoever opens them."""

    def __init__(self, fetch: Callable[[], BundleFiles], *, source: str) -> None:
        """Start; `source` names in messages where the bundle comes from."""
        self._fetch = fetch
        self._source = source
        self._files: BundleFiles | None = None
        self._arrived: set[str] = set()
        self._error: BaseException | None = None
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._bring, name="thinlens-delivery", daemon=True)
        self._thread.start()

    @property
    def where(self) -> str:
        """Where the files lie, as far as that is known."""
        return str(self._files.folder) if self._files else self._source

    def files(self) -> BundleFiles:
        """Wait for the manifest; raises whatever went wrong in the thread."""
        with self._news:
            self._news.wait_for(lambda: self._files is not None or self._error is not None)
            if self._files is None:
                raise self._error or RuntimeError("unreachable: neither files nor an error")
            return self._files

    def wait(self, *names: str) -> None:
        """Wait until these files are verified; raises whatever went wrong in the thread."""
        with self._news:
            self._news.wait_for(lambda: self._arrived.issuperset(names) or self._error is not None)
            if not self._arrived.issuperset(names):
                raise self._error or RuntimeError("unreachable: neither files nor an error")

    def close(self) -> None:
        """End the delivery after the file that it is at; what has not arrived by then never will.

        Where everything has arrived, the thread goes on by itself to tidy up after it.
        """
        if not self._arrived.issuperset(DELIVERY_ORDER):
            self._closed = True
            self._thread.join()
        # The error knows who raised it, and so this delivery: in a ring they would keep opened files from being freed.
        self._error = None

    def _bring(self) -> None:
        try:
            files = self._fetch()
            self._tell(files=files)
            for name in files.verified:
                self._tell(name=name)
                if self._closed:
                    return
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._tell(error=error)

    def _tell(
        self, *, files: BundleFiles | None = None, name: str | None = None, error: BaseException | None = None
    ) -> None:
        with self._news:
            self._files = files or self._files
            self._error = error
            if name is not None:
                self._arrived.add(name)
            self._news.notify_all()


def read_folder(folder: Path, public_key: bytes | None, sha256_of: Hash = sha256_of) -> BundleFiles:
    """The bundle that lies in a folder, which holds exactly a bundle's files.

    Args:
        folder: The folder, or a link to it.
        public_key: 32 bytes, the key that must have signed the manifest; None where none need have.
        sha256_of: What hashes a file.

    Raises:
        BundleError: It is none, its manifest is not what it should be, or it lacks the signature that is asked for.
        OSError: It cannot be read.
    """
    # A pointer may be moved to another bundle meanwhile: follow it once.
    folder = Path(os.path.realpath(folder))
    _check_names(folder)
    manifest_bytes = _read(folder / MANIFEST_FILE, MAX_MANIFEST_BYTES)
    if public_key is not None:
        if not (folder / SIGNATURE_FILE).exists():
            raise BundleError(f"{SIGNATURE_FILE} is missing, which THINLENS_PUBLIC_KEY asks for")
        check_signature(manifest_bytes, _read(folder / SIGNATURE_FILE, SIGNATURE_BYTES), public_key)
    manifest = read_manifest(manifest_bytes)
    return BundleFiles(
        id=bundle_id(manifest_bytes),
        manifest=manifest,
        folder=folder,
        verified=_verify_folder(folder, manifest, sha256_of),
    )


def read_bundle_id(folder: Path) -> str:
    """The id of the bundle that lies in a folder, of which only the names are checked; raises as read_folder does."""
    folder = Path(os.path.realpath(folder))
    _check_names(folder)
    return bundle_id(_read(folder / MANIFEST_FILE, MAX_MANIFEST_BYTES))


def check_signature(manifest_bytes: bytes, signature: bytes, public_key: bytes) -> None:
    """Raises BundleError unless the holder of the key signed the manifest."""
    if not verifies(public_key=public_key, signature=signature, message=manifest_bytes):
        raise BundleError(f"{SIGNATURE_FILE} is not the signature of {MANIFEST_FILE} by the key in THINLENS_PUBLIC_KEY")


def verify_file(path: Path, info: FileInfo, sha256_of: Hash = sha256_of) -> None:
    """Check a file's size, then its content; raises BundleError."""
    size = path.stat().st_size
    if size != info.size_bytes:
        raise BundleError(f"{path.name} is truncated or altered: {size} bytes (expected {info.size_bytes})")
    check_digest(path.name, sha256_of(str(path)), info)


def check_digest(name: str, digest: str, info: FileInfo) -> None:
    """Raises BundleError unless a file's sha256 is the one that the manifest gives."""
    if digest != info.sha256:
        raise BundleError(f"{name} is altered: its sha256 is {digest} (expected {info.sha256})")


def _verify_folder(folder: Path, manifest: Manifest, sha256_of: Hash) -> Iterator[str]:
    for name in DELIVERY_ORDER:
        verify_file(folder / name, manifest.files[name], sha256_of)
        yield name


def _check_names(folder: Path) -> None:
    """Refuse a folder that does not hold exactly the files of a bundle, with or without a signature."""
    if not folder.is_dir():
        raise BundleError("no such folder: write a bundle with 'thinlens index PHOTOS'")
    expected = {MANIFEST_FILE, *BUNDLE_FILES}
    found = {entry.name: entry for entry in os.scandir(folder)}
    if missing := sorted(expected - found.keys()):
        raise BundleError(f"files missing: {', '.join(missing)}")
    if superfluous := sorted(found.keys() - expected - {SIGNATURE_FILE}):
        raise BundleError(f"files that belong to no bundle: {', '.join(map(repr, superfluous))}")
    for entry in found.values():
        if not entry.is_file(follow_symlinks=False):
            raise BundleError(f"{entry.name} is not a regular file")


def _read(path: Path, max_bytes: int) -> bytes:
    """A file's first bytes, one more than allowed if there are more."""
    with path.open("rb") as file:
        return file.read(max_bytes + 1)
