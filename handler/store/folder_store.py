"""The store in a folder: bundles that are read where they lie, on this machine.

A folder that is itself a bundle, as one is packed with the function, is a store of one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from handler.bundle.delivery import BundleFiles, path_of
from handler.bundle.manifest import MANIFEST_FILE, SEGMENTS_FOLDER, SIGNATURE_FILE, FileInfo, Manifest, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError, NothingPublishedError
from handler.store.delivery_thread import DeliveryThread
from handler.store.hashes import Hash, sha256_of
from handler.store.pointer import BUNDLES_KEY, MAX_POINTER_BYTES, POINTER_KEY, Pointer
from handler.store.signature import SIGNATURE_BYTES
from handler.store.verification import check_signature, check_size, verify_file

if TYPE_CHECKING:
    from handler.bundle.bundle import Bundle


def open_bundle(folder: Path, *, verified: Mapping[str, FileInfo] | None = None) -> Bundle:
    """Verify and map the bundle in a folder, signed or not.

    Args:
        folder: The folder, or a link to it.
        verified: Files that the caller has just written or verified, by their path in the folder: they aren't hashed.

    Raises:
        BundleError: Where a file is missing, superfluous, of another size or content than the
            manifest says, or where the parts do not belong together.
    """
    # Here: a store is opened before the libraries are loaded that a bundle needs.
    from handler.bundle.bundle import Bundle

    known = {os.path.realpath(folder / name): info.sha256 for name, info in (verified or {}).items()}

    def hash_of(path: str) -> str:
        return known.get(path) or sha256_of(path)

    def read() -> BundleFiles:
        return replace(read_folder(folder, None, hash_of), trusted=frozenset(verified or ()))

    return Bundle.receive(DeliveryThread(read, source=str(folder)))


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
    """A folder with a pointer and bundles, which are read where they lie; or an empty one, before the first."""

    def __init__(self, folder: Path, public_key: bytes | None) -> None:
        self._folder = folder
        self._public_key = public_key

    def __str__(self) -> str:
        return str(self._folder)

    def newest(self) -> str:
        try:
            with (self._folder / POINTER_KEY).open("rb") as file:
                return Pointer.parse(file.read(MAX_POINTER_BYTES + 1)).bundle
        except FileNotFoundError as error:
            raise NothingPublishedError(f"nothing is published in {self._folder}") from error

    def fetch(self, bundle: str) -> BundleFiles:
        segments = self._folder / SEGMENTS_FOLDER
        return _expect(bundle, read_folder(self._folder / BUNDLES_KEY / bundle, self._public_key, segments=segments))


def _expect(bundle: str, files: BundleFiles) -> BundleFiles:
    """Refuse a folder that holds another bundle than the one it is asked for."""
    if files.id != bundle:
        raise BundleError(f"its manifest is that of {files.id} (expected {bundle})")
    return files


def read_folder(
    folder: Path, public_key: bytes | None, sha256_of: Hash = sha256_of, *, segments: Path | None = None
) -> BundleFiles:
    """The bundle that lies in a folder, which holds exactly a bundle's files.

    Args:
        folder: The folder, or a link to it.
        public_key: 32 bytes, the key that must have signed the manifest; None where none need have.
        sha256_of: What hashes a file.
        segments: Where the folders of segments lie, those of other bundles among them; None where they lie in the
            bundle's own folder.

    Raises:
        BundleError: It is none, its manifest is not what it should be, or it lacks the signature that is asked for.
        OSError: It cannot be read.
    """
    # A pointer may be moved to another bundle meanwhile: follow it once.
    folder = Path(os.path.realpath(folder))
    manifest_bytes = _read_manifest(folder)
    if public_key is not None:
        if not (folder / SIGNATURE_FILE).exists():
            raise BundleError(f"{SIGNATURE_FILE} is missing, which THINLENS_PUBLIC_KEY asks for")
        check_signature(manifest_bytes, _read(folder / SIGNATURE_FILE, SIGNATURE_BYTES), public_key)
    manifest = read_manifest(manifest_bytes)
    nested = segments is None
    segments = segments or folder / SEGMENTS_FOLDER
    _check_names(folder, manifest, segments, nested=nested)
    return BundleFiles(
        id=bundle_id(manifest_bytes),
        manifest=manifest,
        folder=folder,
        segments=segments,
        verified=_verify_folder(folder, segments, manifest, sha256_of),
    )


def read_bundle_id(folder: Path) -> str:
    """The id of the bundle that lies in a folder, of which nothing else is checked; raises as read_folder does."""
    return bundle_id(_read_manifest(Path(os.path.realpath(folder))))


def _verify_folder(folder: Path, segments: Path, manifest: Manifest, sha256_of: Hash) -> Iterator[str]:
    for name, info in manifest.whole_files.items():
        verify_file(path_of(name, folder=folder, segments=segments), info, sha256_of)
        yield name
    for name, info in manifest.blocked_files.items():
        check_size(path_of(name, folder=folder, segments=segments), info)
        yield name


def _read_manifest(folder: Path) -> bytes:
    if not folder.is_dir():
        raise BundleError("no such folder: write a bundle with 'thinlens index PHOTOS'")
    if not (folder / MANIFEST_FILE).exists():
        raise BundleError(f"files missing: {MANIFEST_FILE}")
    _check_regular(folder / MANIFEST_FILE)
    return _read(folder / MANIFEST_FILE, MAX_MANIFEST_BYTES)


def _check_names(folder: Path, manifest: Manifest, segments: Path, *, nested: bool) -> None:
    """Refuse folders that do not hold exactly the files of a bundle, with or without a signature."""
    own = {MANIFEST_FILE, *manifest.files}
    of_segments = {segment.id: set(segment.files) for segment in manifest.segments}
    beside = {SEGMENTS_FOLDER} if nested and of_segments else set()
    _check_folder(folder, own, beside=beside, may_hold={SIGNATURE_FILE})
    if beside:
        _check_folder(segments, set(), beside=set(of_segments), may_hold=set())
    for segment, names in of_segments.items():
        _check_folder(segments / segment, names, beside=set(), may_hold=set())


def _check_folder(folder: Path, files: Set[str], *, beside: Set[str], may_hold: Set[str]) -> None:
    """Refuse a folder without these files or the folders beside them, or with any others."""
    if folder.is_symlink() or not folder.is_dir():
        raise BundleError(f"{folder.parent.name}/{folder.name} is missing, or not a folder")
    found = {entry.name: entry for entry in os.scandir(folder)}
    if missing := sorted((files | beside) - found.keys()):
        raise BundleError(f"files missing: {', '.join(missing)}")
    if superfluous := sorted(found.keys() - files - beside - may_hold):
        raise BundleError(f"files that belong to no bundle: {', '.join(map(repr, superfluous))}")
    for name, entry in found.items():
        if name in beside and not entry.is_dir(follow_symlinks=False):
            raise BundleError(f"{name} is not a folder")
        if name not in beside and not entry.is_file(follow_symlinks=False):
            raise BundleError(f"{name} is not a regular file")


def _check_regular(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{path.name} is not a regular file")


def _read(path: Path, max_bytes: int) -> bytes:
    """A file's first bytes, one more than allowed if there are more."""
    with path.open("rb") as file:
        return file.read(max_bytes + 1)
