"""The bundle: a folder of files that is opened whole, or refused.

Every size and hash is checked before any file is mapped, and every part against the manifest.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from handler.catalogue import Catalogue
from handler.encoder import Encoder
from handler.errors import BundleError
from handler.index import VectorIndex
from handler.manifest import (
    BUNDLE_FILES,
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    FileInfo,
    Manifest,
    bundle_id,
)
from handler.views import Views


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified, mapped bundle; `id` is the hash of its manifest."""

    id: str
    manifest: Manifest
    encoder: Encoder
    index: VectorIndex
    views: Views
    catalogue: Catalogue

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Verify and map the bundle in `folder`.

        Raises:
            BundleError: Where a file is missing, superfluous, of another size or content than the
                manifest says, or where the parts do not belong together.
        """
        # A pointer may be moved to another bundle meanwhile: follow it once.
        folder = Path(os.path.realpath(folder))
        try:
            manifest_bytes = _read_manifest(folder)
            manifest = Manifest.parse(manifest_bytes)
            for name, info in manifest.files.items():
                _verify(folder / name, info)
            bundle = cls(
                id=bundle_id(manifest_bytes),
                manifest=manifest,
                encoder=Encoder.load(folder),
                index=VectorIndex.open(folder / "index.usearch", manifest.index),
                views=Views.open(
                    folder / "views.i8",
                    manifest.views,
                    photos=manifest.counts.photos,
                    dim=manifest.encoder.dim,
                ),
                catalogue=Catalogue.open(folder / "catalogue.bin"),
            )
        except OSError as error:
            raise BundleError(f"Bundle {folder} cannot be read: {error}") from error
        except BundleError as error:
            raise BundleError(f"Bundle {folder}: {error}") from error
        bundle._check()
        return bundle

    def _check(self) -> None:
        """Check what only the opened parts can tell against the manifest."""
        configuration = self.encoder.configuration
        for what, found, expected in (
            ("name in encoder.json", configuration.name, self.manifest.encoder.name),
            ("dim in encoder.json", configuration.dim, self.manifest.encoder.dim),
            (
                "max_tokens in encoder.json",
                configuration.max_tokens,
                self.manifest.encoder.max_tokens,
            ),
            ("records in catalogue.bin", len(self.catalogue), self.manifest.counts.photos),
            (
                "captions of a photo",
                len(self.catalogue[0].captions),
                self.manifest.views.kinds.count("caption"),
            ),
        ):
            if found != expected:
                raise BundleError(
                    f"Bundle {self.id}: parts do not belong together: {what} is {found} (expected {expected})"
                )


def _read_manifest(folder: Path) -> bytes:
    """The manifest's bytes, if the folder holds exactly the files of a bundle."""
    if not folder.is_dir():
        raise BundleError("no such folder: write a bundle with 'thinlens index PHOTOS'")
    expected = {MANIFEST_FILE, *BUNDLE_FILES}
    found = {entry.name: entry for entry in os.scandir(folder)}
    if missing := sorted(expected - found.keys()):
        raise BundleError(f"files missing: {', '.join(missing)}")
    if superfluous := sorted(found.keys() - expected):
        raise BundleError(f"files that belong to no bundle: {', '.join(map(repr, superfluous))}")
    for entry in found.values():
        if not entry.is_file(follow_symlinks=False):
            raise BundleError(f"{entry.name} is not a regular file")
    with (folder / MANIFEST_FILE).open("rb") as file:
        return file.read(MAX_MANIFEST_BYTES + 1)


def _verify(path: Path, info: FileInfo) -> None:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != info.size_bytes:
            raise BundleError(f"{path.name} is truncated or altered: {size} bytes (expected {info.size_bytes})")
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != info.sha256:
        raise BundleError(f"{path.name} is altered: its sha256 is {digest} (expected {info.sha256})")
