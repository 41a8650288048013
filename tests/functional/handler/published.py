"""Stores for tests: bundles laid out as the publisher lays them out."""

from __future__ import annotations

import shutil
from pathlib import Path

from handler.bundle.manifest import MANIFEST_FILE, SEGMENTS_FOLDER, bundle_id
from handler.store.pointer import POINTER_KEY, Pointer, bundle_key


def put_bundle(store: Path, bundle: Path) -> str:
    """Copy a bundle into a store that is a folder, its segments beside those of others; gives its id."""
    identity = bundle_id((bundle / MANIFEST_FILE).read_bytes())
    place = store / bundle_key(identity)
    shutil.copytree(bundle, place, dirs_exist_ok=True)
    if (place / SEGMENTS_FOLDER).exists():
        shutil.copytree(place / SEGMENTS_FOLDER, store / SEGMENTS_FOLDER, dirs_exist_ok=True)
        shutil.rmtree(place / SEGMENTS_FOLDER)
    return identity


def point_to(store: Path, bundle: str) -> None:
    """Put a bundle in service."""
    pointer = Pointer(bundle=bundle, published="2026-01-02T03:04:05+00:00", previous=None)
    beside = store / f"{POINTER_KEY}.new"
    beside.write_bytes(pointer.to_bytes())
    beside.replace(store / POINTER_KEY)


def publish(store: Path, bundle: Path) -> str:
    """Put a bundle into a store and in service; gives its id."""
    identity = put_bundle(store, bundle)
    point_to(store, identity)
    return identity
