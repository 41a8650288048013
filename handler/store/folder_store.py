"""The store in a folder: bundles that are read where they lie, on this machine.

A folder that is itself a bundle, as one is packed with the function, is a store of one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from handler.bundle.delivery import DELIVERY_ORDER, BundleFiles
from handler.bundle.manifest import BUNDLE_FILES, MANIFEST_FILE, SIGNATURE_FILE, Manifest, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError
from handler.store.delivery_thread import DeliveryThread
from handler.store.hashes import Hash, sha256_of
from handler.store.pointer import BUNDLES_KEY, MAX_POINTER_BYTES, POINTER_KEY, Pointer
from handler.store.signature import SIGNATURE_BYTES
from handler.store.verification import check_signature, verify_file

if TYPE_CHECKING:
    from handler.bundle.bundle import Bundle


def open_bundle(folder: Path) -> Bundle:
    """Verify and map the bundle in a folder, signed or not.

    Raises:
        BundleError: Where a file is missing, superfluous, of another size or content than the
            manifest says, or where the parts do not belong together.
    """
    # Here: a store is opened before the libraries are loaded that a bundle needs.
    from handler.bundle.bundle import Bundle

    return Bundle.receive(DeliveryThread(lambda: read_folder(folder, None), source=str(folder)))


class FolderBundle:
    """A folder that is a bundle, or a link to one that may be moved to another."""

    def __init__(self, folder: Path, public_key: bytes | None, sha256_of: Hash = sha256_of) -> None:
        self._folder = folder
        self._sha256_of = sha256_of
        self._public_key = public_key

    def __str__(self) -> str:
        return str(self._folder)

    def newest(self) -> str:
        return read_bundle_id(self._folder)

    def fetch(self, bundle: str) -> BundleFiles:
        return _expect(bundle, read_folder(self._folder, self._public_key, self._sha256_of))


class FolderStore:
    """A folder with a pointer and bundles, which are read where they lie."""

    def __init__(self, folder: Path, public_key: bytes | None) -> None:
        self._folder = folder
        self._public_key = public_key

    def __str__(self) -> str:
        return str(self._folder)

    def newest(self) -> str:
        with (self._folder / POINTER_KEY).open("rb") as file:
            return Pointer.parse(file.read(MAX_POINTER_BYTES + 1)).bundle

    def fetch(self, bundle: str) -> BundleFiles:
        return _expect(bundle, read_folder(self._folder / BUNDLES_KEY / bundle, self._public_key))


def _expect(bundle: str, files: BundleFiles) -> BundleFiles:
    """Refuse a folder that holds another bundle than the one it is asked for."""
    if files.id != bundle:
        raise BundleError(f"its manifest is that of {files.id} (expected {bundle})")
    return files


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
