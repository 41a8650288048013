"""Bundling: the library becomes the bundle in service, in one step.

It knows the output folder: bundles/<bundle id>, the link "bundle" to the one in service, and the one before it, which
is kept for whoever still reads it. Whatever goes wrong before the link is moved, the bundle in service stays.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from export.bundles.caption_texts import embed_texts, photo_texts
from export.disk.own_names import remove_bundle
from export.disk.whole_files import check_links, point_to, sync
from export.errors import OutputError, PhotosError
from export.library.library import Library
from export.library.records import UnderstoodPhoto, WrittenBundle
from export.models.model_set import Models
from export.photos.thumbnails import Thumbnails
from export.progress import Progress
from handler.bundle.manifest import FORMAT_VERSION, MANIFEST_FILE, Manifest, bundle_id
from handler.bundle.manifest_reader import read_manifest
from handler.errors import BundleError

BUNDLES = "bundles"
CURRENT = "bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInService:
    """The bundle that the link points to, and how many photos it holds."""

    id: str
    photos: int


def update_bundle(library: Library, out: Path, models: Models, progress: Progress) -> BundleInService:
    """Bring the bundle in an output folder up to date with the library there.

    Returns:
        The bundle in service: that from before, where nothing has changed.

    Raises:
        PhotosError: There is no photo that could be understood.
        OutputError: The output folder can't be written.
        BundleError: The new bundle doesn't pass its own checks.
    """
    fingerprint = _fingerprint(library.revision(), models)
    written = library.bundle()
    served = _in_service(out)
    if served is not None and written == WrittenBundle(id=served.id, fingerprint=fingerprint):
        return served
    instructions = models.captioner.instructions
    photos = library.understandings.photos(captioner=models.captioner.identity, instructions=instructions)
    failures = library.failures.all()
    if not photos:
        raise PhotosError(
            f"none of the {len(failures)} photos could be read; the first, {failures[0].path}: {failures[0].reason}"
            if failures
            else f"{out} holds no photos; index some first"
        )
    texts = [text for photo in photos for text in photo_texts(photo, instructions)]
    embed_texts(library, texts, models, progress)
    try:
        served = _replace(out, served, photos, len(failures), library, models)
        library.put_bundle(WrittenBundle(id=served.id, fingerprint=fingerprint))
        Thumbnails(out).keep_only(library.photos.contents())
    except OSError as error:
        raise OutputError(
            f"{out} can't be written: {error.strerror}; make room or choose another --out, then run again: "
            "what is done is kept, and the bundle from before stays in service"
        ) from error
    return served


def check_place(out: Path) -> None:
    """Check that a bundle can come into service in an output folder, before there is one. Raises OutputError."""
    try:
        str(out.absolute()).encode()
    except UnicodeEncodeError as error:
        raise OutputError(
            f"the name of {out!s} isn't UTF-8, which what maps an index needs; choose another --out, the photos may "
            "stay where they are"
        ) from error
    try:
        check_links(out / CURRENT, f"{BUNDLES}/new")
    except OSError as error:
        raise OutputError(
            f"{out} can't hold a bundle: {error.strerror}; choose another --out, the photos may stay where they are"
        ) from error


def _replace(
    out: Path,
    served: BundleInService | None,
    photos: Sequence[UnderstoodPhoto],
    failures: int,
    library: Library,
    models: Models,
) -> BundleInService:
    """Write a bundle and put it in service, unless the one in service has the same content."""
    from export.bundles.bundle_writer import (
        write_bundle,  # and with it onnxruntime, which a run with nothing to do can spare
    )

    bundles = out / BUNDLES
    bundles.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="staging-", dir=bundles) as staging:
        folder = Path(staging) / "bundle"
        folder.mkdir()
        manifest = write_bundle(folder, photos, failures=failures, library=library, models=models)
        if served is not None and _same_content(manifest, bundles / served.id):
            return served
        for path in folder.iterdir():
            sync(path)
        sync(folder)
        current = bundle_id(manifest.to_bytes())
        if (bundles / current).exists():  # of the same second, by a run that was killed before it came into service
            remove_bundle(bundles / current)
        folder.rename(bundles / current)
    sync(bundles)
    point_to(out / CURRENT, f"{BUNDLES}/{current}")
    _remove_others(bundles, {current} if served is None else {current, served.id})
    return BundleInService(id=current, photos=len(photos))


def _in_service(out: Path) -> BundleInService | None:
    """The bundle that the link points to, if its files are there in their sizes."""
    folder = (out / CURRENT).resolve()
    try:
        data = (folder / MANIFEST_FILE).read_bytes()
        manifest = read_manifest(data)
        whole = all((folder / name).stat().st_size == info.size_bytes for name, info in manifest.files.items())
    except (OSError, BundleError):
        return None
    if not whole or folder != (out / BUNDLES / bundle_id(data)).resolve():
        return None
    return BundleInService(id=folder.name, photos=manifest.counts.photos)


def _same_content(manifest: Manifest, folder: Path) -> bool:
    """Whether the bundle in a folder differs in nothing but when it was made."""
    other = read_manifest((folder / MANIFEST_FILE).read_bytes())
    return replace(manifest, provenance=replace(manifest.provenance, created=other.provenance.created)) == other


def _remove_others(bundles: Path, kept: set[str]) -> None:
    """Remove older bundles, and what killed processes left behind; whatever else is there stays."""
    for path in bundles.iterdir():
        if path.name not in kept:
            remove_bundle(path)


def _fingerprint(revision: int, models: Models) -> str:
    """A hash of all that a bundle is made of: as long as it is the same, so is the bundle."""
    captioner = (models.captioner.identity, models.captioner.instructions)
    parts = (FORMAT_VERSION, revision, models.encoder_identity, captioner, models.calibration)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
