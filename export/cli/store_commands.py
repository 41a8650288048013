"""The commands about stores: what they print for people, and what ``versions --json`` prints for programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from export.cli.wording import count, print_json
from export.errors import PublishingError
from export.progress import Progress
from export.publishing.pointer_swap import InService, read_in_service
from export.publishing.pruning import prune
from export.publishing.publication import Publication, publish
from export.publishing.quality_gate import Check
from export.publishing.signing import SigningKey
from export.publishing.staged_bundle import Choices
from export.publishing.static.static_gallery import StaticPublication, publish_static
from export.publishing.versions import Version, list_versions, roll_back
from export.storage.object_store import ObjectStore
from export.storage.schemes import open_store


class VersionAnswer(TypedDict):
    """A bundle of a store as ``versions --json`` prints it; ``problem`` says why it can't be put in service."""

    id: str
    created: str | None
    photos: int | None
    size_bytes: int
    signed: bool
    forced: list[str]
    problem: str | None


class VersionsAnswer(TypedDict):
    """What ``versions --json`` prints; ``in_service`` and ``previous`` are ids."""

    store: str
    in_service: str | None
    since: str | None
    previous: str | None
    bundles: list[VersionAnswer]


def _publish(arguments: argparse.Namespace) -> None:
    key = None if arguments.sign_key is None else SigningKey.read(arguments.sign_key)
    choices = Choices(originals=arguments.originals, previews=not arguments.no_previews, force=arguments.force, key=key)
    store = open_store(arguments.store)
    if arguments.static:
        if key is not None:
            raise PublishingError("--sign-key is for functions, which check it: leave it out with --static")
        site = publish_static(arguments.out, store, choices, Progress())
        _print_checks(site.checks)
        print(_static_summary(site, store))
        return
    done = publish(arguments.out, store, choices, Progress())
    _print_checks(done.checks)
    print(_summary(done, store))
    if key is not None:
        print(f"It is signed; the function accepts nothing else with THINLENS_PUBLIC_KEY={key.public_key}")


def _print_checks(checks: Sequence[Check]) -> None:
    for check in checks:
        print(f"{check.found}{'' if check.passed else f' (expected {check.expected}), published nevertheless'}")


def _static_summary(done: StaticPublication, store: ObjectStore) -> str:
    summary = (
        f"A static gallery of {count(done.photos, 'photo')} is in {store.address}: {done.sent_bytes / 1e6:,.1f} MB"
        f" sent; a visitor fetches {done.fetched_bytes / 1e6:,.1f} MB once, and pictures as they are shown."
    )
    if done.removed:
        summary += f"\n{count(done.removed, 'file')} went that it no longer names."
    return summary


def _summary(done: Publication, store: ObjectStore) -> str:
    photos = count(done.photos, "photo")
    sent = f"{done.sent_bytes / 1e6:,.1f} MB sent"
    if done.replaced == done.bundle:
        return f"Bundle {done.bundle} with {photos} was in service in {store.address} already: {sent}."
    summary = f"Bundle {done.bundle} with {photos} is in service in {store.address}: {sent}."
    if done.others:
        summary += (
            f"\n{count(done.others, 'file')} in its photos/, previews/ and thumbnails/ that Thinlens didn't write: "
            "nothing ever removes them."
        )
    if done.replaced is not None:
        summary += f"\nBefore, {done.replaced} was; it is put back by: thinlens rollback {store.address}"
    return summary


def _versions(arguments: argparse.Namespace) -> None:
    store = open_store(arguments.store)
    in_service, versions = read_in_service(store), list_versions(store)
    if not versions:
        raise PublishingError(
            f"{store.address} holds no bundles; check the address, or publish one: thinlens publish {store.address}"
        )
    if arguments.json:
        print_json(_versions_answer(store, in_service, versions))
        return
    for version in versions:
        print(_line(version, in_service))


def _line(version: Version, in_service: InService) -> str:
    notes = []
    if version.id == in_service.bundle:
        notes.append("in service")
    if in_service.pointer is not None and version.id == in_service.pointer.previous:
        notes.append("in service before")
    if version.signed:
        notes.append("signed")
    if version.manifest is None:
        return f"{version.id}  {version.problem}"
    if version.manifest.provenance.forced:
        notes.append(f"forced in spite of {', '.join(version.manifest.provenance.forced)}")
    created = version.manifest.provenance.created
    photos = count(version.manifest.counts.photos, "photo")
    return f"{version.id}  {created}  {photos:>14}  {version.size_bytes / 1e6:>9,.1f} MB  {', '.join(notes)}".rstrip()


def _versions_answer(store: ObjectStore, in_service: InService, versions: list[Version]) -> VersionsAnswer:
    pointer = in_service.pointer
    return {
        "store": store.address,
        "in_service": in_service.bundle,
        "since": None if pointer is None else pointer.published,
        "previous": None if pointer is None else pointer.previous,
        "bundles": [_version_answer(version) for version in versions],
    }


def _version_answer(version: Version) -> VersionAnswer:
    manifest = version.manifest
    return {
        "id": version.id,
        "created": None if manifest is None else manifest.provenance.created,
        "photos": None if manifest is None else manifest.counts.photos,
        "size_bytes": version.size_bytes,
        "signed": version.signed,
        "forced": [] if manifest is None else list(manifest.provenance.forced),
        "problem": version.problem,
    }


def _rollback(arguments: argparse.Namespace) -> None:
    store = open_store(arguments.store)
    pointer = roll_back(store, arguments.bundle)
    print(f"Bundle {pointer.bundle} is in service in {store.address} again, instead of {pointer.previous}.")


def _prune(arguments: argparse.Namespace) -> None:
    store = open_store(arguments.store)
    done = prune(store, keep=arguments.keep, dry_run=arguments.dry_run)
    bundles, pictures = count(len(done.bundles), "bundle"), count(done.pictures, "picture")
    said = "Would be removed" if arguments.dry_run else "Removed"
    print(f"{said} from {store.address}: {bundles} and {pictures}, {done.size_bytes / 1e6:,.1f} MB.")
    for bundle in done.bundles:
        print(bundle)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "publish": _publish,
    "versions": _versions,
    "rollback": _rollback,
    "prune": _prune,
}
