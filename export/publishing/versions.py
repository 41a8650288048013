"""Versions: the bundles that a store holds, and going back to one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from export.disk.own_names import is_bundle_id
from export.errors import PublishingError
from export.publishing.pointer_swap import put_in_service, read_in_service
from export.storage.object_store import ListedObject, ObjectStore
from handler.bundle.manifest import MANIFEST_FILE, SIGNATURE_FILE, Manifest, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError
from handler.store.pointer import BUNDLES_KEY, SEGMENTS_KEY, Pointer, bundle_key

_READ_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A bundle in a store.

    Attributes:
        manifest: What it says of itself; None, where ``problem`` says why the bundle can't be used.
        objects: Its own files in the store; those of its segments may be others' too.
    """

    id: str
    manifest: Manifest | None
    problem: str | None
    objects: tuple[ListedObject, ...]

    @property
    def created(self) -> str:
        """When it was indexed, UTC, ISO 8601; empty where that isn't known."""
        return "" if self.manifest is None else self.manifest.provenance.created

    @property
    def whole(self) -> bool:
        """Whether it can be put in service."""
        return self.problem is None

    @property
    def written_s(self) -> float:
        """When the last of its own files was written, seconds since 1970."""
        return max(found.modified_s for found in self.objects)

    @property
    def size_bytes(self) -> int:
        """The size of all its files, those of its segments included."""
        own = sum(found.size_bytes for found in self.objects)
        segments = self.manifest.segments if self.manifest else ()
        return own + sum(info.size_bytes for segment in segments for info in segment.files.values())

    @property
    def signed(self) -> bool:
        """Whether there is a signature of its manifest; whose it is isn't known."""
        return bundle_key(self.id, SIGNATURE_FILE) in {found.key for found in self.objects}


def list_versions(store: ObjectStore) -> list[Version]:
    """The bundles in a store, the newest first; those that can't be used last.

    Raises:
        StoreError: The store can't be read.
    """
    objects: dict[str, list[ListedObject]] = defaultdict(list)
    for found in store.objects(BUNDLES_KEY):
        bundle, slash, _ = found.key.removeprefix(BUNDLES_KEY).partition("/")
        if slash and is_bundle_id(bundle):  # whatever else is there is somebody else's
            objects[bundle].append(found)
    segments = {found.key: found.size_bytes for found in store.objects(SEGMENTS_KEY)}
    with ThreadPoolExecutor(max_workers=_READ_AT_ONCE) as pool:
        versions = pool.map(lambda bundle: _read(store, bundle, objects[bundle], segments), objects)
        return sorted(versions, key=lambda version: (version.created, version.id), reverse=True)


def roll_back(store: ObjectStore, bundle: str | None) -> Pointer:
    """Put an earlier bundle in service again.

    Args:
        store: Where it lies.
        bundle: Its id; None for the one that was in service before.

    Returns:
        The pointer, as it is now.

    Raises:
        PublishingError: There is no such bundle, it isn't whole, or it is in service already.
        LostRaceError: Somebody else has put a bundle in service meanwhile.
        StoreError: The store can't be used.
    """
    since = read_in_service(store)
    if since.pointer is None:
        raise PublishingError(f"nothing is in service in {store.address}: publish first")
    bundle = bundle or since.pointer.previous
    if bundle is None:
        raise PublishingError(f"no other bundle was in service in {store.address} before")
    if bundle == since.bundle:
        raise PublishingError(f"bundle {bundle} is in service already")
    versions = {version.id: version for version in list_versions(store)}
    if bundle not in versions:
        raise PublishingError(f"{store.address} holds no bundle {bundle}; it holds {', '.join(versions)}")
    if (problem := versions[bundle].problem) is not None:
        raise PublishingError(f"bundle {bundle} can't be put in service: {problem}")
    return put_in_service(store, bundle, since=since)


def _read(store: ObjectStore, bundle: str, objects: Sequence[ListedObject], segments: Mapping[str, int]) -> Version:
    """A bundle's manifest, and whether all that it names is there in its size."""
    manifest, problem = None, None
    found = store.read(bundle_key(bundle, MANIFEST_FILE), max_bytes=MAX_MANIFEST_BYTES)
    if found is None:
        problem = "it isn't whole: its manifest is missing"
    elif bundle_id(found.data) != bundle:
        problem = f"its manifest is altered: it is that of {bundle_id(found.data)}"
    else:
        try:
            manifest = read_manifest(found.data)
        except BundleError as error:
            problem = str(error)
    if manifest is not None:
        sizes = {**segments, **{found.key: found.size_bytes for found in objects}}
        for name, info in manifest.all_files.items():
            if sizes.get(bundle_key(bundle, name)) != info.size_bytes:
                problem = f"{name} is missing or of another size"
    return Version(id=bundle, manifest=None if problem else manifest, problem=problem, objects=tuple(objects))
