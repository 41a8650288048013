"""Bundling: the library becomes the bundle in service, in one step.

It knows the output folder: bundles/<bundle id>, the link "bundle" to the one in service, and the one before it, which
is kept for whoever still reads it. Whatever goes wrong before the link is moved, the bundle in service stays.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from export.bundles.bundle_before import BundleBefore
from export.disk.own_names import remove_bundle
from export.disk.whole_files import check_links, point_to, sync
from export.errors import OutputError, PhotosError, unwritable
from export.library.library import Library
from export.library.records import WrittenBundle
from export.models.model_set import Models
from export.photos.kept_pictures import Previews, Thumbnails
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
    if served is not None and written == WrittenBundle(id=served.folder.name, fingerprint=fingerprint):
        return BundleInService(id=served.folder.name, photos=served.manifest.counts.photos)
    if not library.understandings.sample(1, models.understander):
        if library.photos.hidden():
            raise PhotosError(f"all photos that could be read are hidden; see them with: thinlens hide --out {out}")
        failures = library.failures.all()
        raise PhotosError(
            f"none of the {len(failures)} photos could be read; the first, {failures[0].path}: {failures[0].reason}"
            if failures
            else f"{out} holds no photos; index some first"
        )
    base = _base(models)
    before = None
    if written is not None and library.placements.base() == base:
        before = _whole(out / BUNDLES / written.id)  # not always the one in service, where a run was killed
    if before is None:
        library.placements.reset()
        library.likenesses.clear()
    try:
        try:
            return _replace(out, served, before, library, models, progress, base=base, fingerprint=fingerprint)
        except BundleError:
            if before is None:
                raise
            # A segment of the bundle before isn't what was written: none of them is taken over.
            library.placements.reset()
            library.likenesses.clear()
            return _replace(out, served, None, library, models, progress, base=base, fingerprint=fingerprint)
    except OSError as error:
        raise OutputError(
            f"{out} can't be written: {unwritable(error, 'choose another --out')}, then run again: "
            "what is done is kept, and the bundle from before stays in service"
        ) from error


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
    served: BundleBefore | None,
    before: BundleBefore | None,
    library: Library,
    models: Models,
    progress: Progress,
    *,
    base: str,
    fingerprint: str,
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
        parts = write_bundle(folder, before, library=library, models=models, progress=progress)
        manifest, segments = parts.manifest, parts.segments
        if served is not None and _same_content(manifest, served.manifest):
            current = served.folder.name
        else:
            current = bundle_id(manifest.to_bytes())
            _sync_below(folder)
            if (bundles / current).exists():  # of the same second, by a run that was killed before it came into service
                remove_bundle(bundles / current)
            folder.rename(bundles / current)
    sync(bundles)
    point_to(out / CURRENT, f"{BUNDLES}/{current}")
    library.placements.replace(
        bundle=WrittenBundle(id=current, fingerprint=fingerprint),
        base=base,
        placed=segments.placed,
        dropped=segments.dropped,
        gone=segments.forgotten,
    )
    _remove_others(bundles, {current} if served is None else {current, served.folder.name})
    orphans = library.photos.orphans()
    for pictures in (Thumbnails(out), Previews(out)):
        pictures.remove(orphans)
    library.photos.forget_orphans()
    return BundleInService(id=current, photos=manifest.counts.photos)


def _in_service(out: Path) -> BundleBefore | None:
    """The bundle that the link points to, if it is one of the folder's and its files are there in their sizes."""
    folder = (out / CURRENT).resolve()
    return _whole(folder) if folder.parent == (out / BUNDLES).resolve() else None


def _whole(folder: Path) -> BundleBefore | None:
    """The bundle in a folder that is called by its manifest, if its files are there in their sizes."""
    try:
        data = (folder / MANIFEST_FILE).read_bytes()
        manifest = read_manifest(data)
        whole = all((folder / name).stat().st_size == info.size_bytes for name, info in manifest.all_files.items())
    except (OSError, BundleError):
        return None
    return BundleBefore(folder=folder, manifest=manifest) if whole and folder.name == bundle_id(data) else None


def _same_content(manifest: Manifest, other: Manifest) -> bool:
    """Whether two bundles differ in nothing but when they were made."""
    return replace(manifest, provenance=replace(manifest.provenance, created=other.provenance.created)) == other


def _sync_below(folder: Path) -> None:
    """Bring a folder and all that is new in it to the disk."""
    for path in folder.iterdir():
        if path.is_dir():
            _sync_below(path)
        elif path.stat().st_nlink == 1:  # else it is on the disk already, as a file of the bundle before
            sync(path)
    sync(folder)


def _remove_others(bundles: Path, kept: set[str]) -> None:
    """Remove older bundles, and what killed processes left behind; whatever else is there stays."""
    for path in bundles.iterdir():
        if path.name not in kept:
            remove_bundle(path)


def _fingerprint(revision: int, models: Models) -> str:
    """A hash of all that a bundle is made of: as long as it is the same, so is the bundle."""
    return hashlib.sha256(repr((revision, _base(models), models.calibration)).encode()).hexdigest()


def _base(models: Models) -> str:
    """A hash of all that segments are made of beside their photos: as long as it is the same, they can stay."""
    encoders = (models.encoder_identity, models.asked_identity)
    parts = (FORMAT_VERSION, models.index_kind, *encoders, models.understander, models.weights)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
