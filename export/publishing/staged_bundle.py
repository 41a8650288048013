"""The staged bundle: that of an output folder in its published form, opened as it will be served, and measured.

Knows the output folder; knows nothing of where it is published to.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from export.bundles.bundling import BUNDLES, CURRENT
from export.errors import OutputError, PublishingError, QualityError, unwritable
from export.library.library import Library
from export.progress import Progress
from export.publishing.published_bundle import keep_date, record_force, records_of, write_published_form
from export.publishing.quality_gate import Check, check_quality
from export.publishing.signing import SigningKey
from export.publishing.uploads import photo_uploads, photos_root, thumbnail_uploads
from export.storage.folder_objects import FolderObjects
from export.storage.object_store import ObjectStore, Upload
from handler.bundle.bundle import Bundle
from handler.bundle.manifest import FORMAT_VERSION, Manifest
from handler.store.folder_store import open_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How to publish.

    Attributes:
        originals: Whether the photos go along, not their thumbnails alone.
        thumbnails: Whether thumbnails are sent; otherwise they are in the store already.
        previews: Whether previews go along, which are made of the photos where that hasn't been done.
        force: Whether a bundle that falls short is published nevertheless.
        key: What the manifest is signed with, if it is.
    """

    originals: bool = False
    thumbnails: bool = True
    previews: bool = False
    force: bool = False
    key: SigningKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedBundle:
    """A bundle in its published form, the folder in which it lies, and what was measured of it."""

    bundle: Bundle
    folder: Path
    checks: tuple[Check, ...]


def check_out(out: Path, store: ObjectStore) -> None:
    """Raise PublishingError where an output folder has no bundle, or is the store itself."""
    if not (out / CURRENT).exists():
        raise PublishingError(f"{out} holds no bundle; make one with: thinlens index PHOTOS --out {out}")
    if isinstance(store, FolderObjects) and store.folder.resolve() == out.resolve():
        raise PublishingError(f"{out} is the output folder itself; publish to another folder, or to s3://…")


@contextmanager
def staging_folder(out: Path) -> Iterator[Path]:
    """An empty folder among the bundles; what a killed process leaves there goes in the next ``thinlens index``."""
    try:
        with tempfile.TemporaryDirectory(prefix="staging-", dir=out / BUNDLES) as staging:
            yield Path(staging)
    except OSError as error:
        raise OutputError(f"{out} can't be written: {unwritable(error, 'publish another --out')}") from error


def stage_bundle(
    out: Path, staging: Path, choices: Choices, served: Manifest | None, progress: Progress
) -> StagedBundle:
    """Write the bundle's published form, open it with the code that will serve it, and measure it.

    Args:
        out: The output folder.
        staging: An empty folder.
        choices: How to publish.
        served: What the bundle in service says of itself, if there is one.
        progress: Is told of the measuring.

    Raises:
        QualityError: It falls short of what is expected.
        PublishingError: It is of an older format.
        BundleError: It is damaged.
    """
    source, folder = (out / CURRENT).resolve(), staging / "bundle"
    folder.mkdir()
    indexed = open_bundle(source)
    if indexed.manifest.format_version != FORMAT_VERSION:
        raise PublishingError(
            f"bundle {source.name} is of format {indexed.manifest.format_version} (expected {FORMAT_VERSION}): run "
            "'thinlens index' again, which understands no photo anew, then publish"
        )
    write_published_form(indexed, source, folder, originals=choices.originals, previews=choices.previews)
    keep_date(folder, served)
    bundle = open_bundle(folder, verified=indexed.manifest.whole_files)
    checks = check_quality(bundle, progress)
    if failed := [check for check in checks if not check.passed]:
        if not choices.force:
            short = ", ".join(f"{check.found} (expected {check.expected})" for check in failed)
            raise QualityError(f"bundle {source.name} falls short: {short}; to publish it nevertheless: --force")
        record_force(folder, [check.name for check in failed])
        keep_date(folder, served)
        bundle = open_bundle(folder, verified=indexed.manifest.whole_files)
    return StagedBundle(bundle=bundle, folder=folder, checks=tuple(checks))


def picture_uploads(bundle: Bundle, library: Library, out: Path, choices: Choices) -> list[Upload]:
    """The thumbnails and photos that are published with a bundle; raises PublishingError where one isn't there."""
    uploads = []
    if choices.thumbnails:
        uploads += thumbnail_uploads(records_of(bundle, bundle.manifest.segments), out)
    if choices.originals:
        uploads += photo_uploads(records_of(bundle, bundle.manifest.segments), photos_root(library, out))
    return uploads


def contents_of(bundle: Bundle) -> set[str]:
    """The hashes of the contents of a bundle's photos."""
    return {record.content for record in records_of(bundle, bundle.manifest.segments)}
