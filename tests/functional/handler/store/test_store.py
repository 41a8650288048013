"""Stores that are folders: which bundle is in service there, and whether it is signed as it must be."""

from __future__ import annotations

import base64
import mmap
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handler.bundle.bundle import Bundle
from handler.bundle.manifest import MANIFEST_FILE, SIGNATURE_FILE, bundle_id
from handler.bundle.manifest_reader import read_manifest
from handler.errors import BundleError, NothingPublishedError, SettingsError, StoreError
from handler.settings import Settings
from handler.store import hashes
from handler.store.hashes import MOST_FILES, HashesAhead, sha256_of
from handler.store.pointer import POINTER_KEY, bundle_key
from handler.store.store import Store, deliver, open_store
from tests.functional.handler.artefacts import PHOTOS, write_bundle
from tests.functional.handler.published import point_to, publish, put_bundle
from tests.functional.handler.s3_server import s3_folder
from tests.functional.handler.tampering import drop_last_segment

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


def open_at(place: Path | str, **variables: str) -> Store:
    environment = {"THINLENS_BUNDLE": str(place), **variables}
    return open_store(Settings.from_environment(environment), environment)


@pytest.mark.parametrize(
    "address", ["s3://", "s3://photos/../elsewhere", "gs://photos/gallery", "https://photos.example"]
)
def test_an_address_of_no_known_kind_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="^THINLENS_BUNDLE is .*expected .*s3://"):
        open_at(address)


def receive(store: Store) -> Bundle:
    return Bundle.receive(deliver(store))


def sign(bundle: Path, key: Ed25519PrivateKey = KEY) -> None:
    (bundle / SIGNATURE_FILE).write_bytes(key.sign((bundle / MANIFEST_FILE).read_bytes()))


def test_a_folder_that_is_a_bundle(bundle_folder: Path) -> None:
    store = open_at(bundle_folder)
    assert receive(store).id == store.newest() == bundle_id((bundle_folder / MANIFEST_FILE).read_bytes())


def test_a_link_may_be_moved_to_another_bundle(bundle_folder: Path, tmp_path: Path) -> None:
    other = write_bundle(tmp_path / "other", PHOTOS[:2])
    (tmp_path / "bundle").symlink_to(bundle_folder)
    store = open_at(tmp_path / "bundle")
    first = receive(store).id
    (tmp_path / "bundle").unlink()
    (tmp_path / "bundle").symlink_to(other)
    assert store.newest() != first
    assert receive(store).id == store.newest()


def test_a_folder_with_a_pointer(bundle_folder: Path, tmp_path: Path) -> None:
    first = publish(tmp_path, bundle_folder)
    store = open_at(tmp_path)
    assert receive(store).id == first
    second = publish(tmp_path, write_bundle(tmp_path / "second", PHOTOS[:2]))
    assert store.newest() == receive(store).id == second
    point_to(tmp_path, first)
    assert store.newest() == receive(store).id == first


def test_bundles_share_segments(damaged_segments: Path, segments_folder: Path, tmp_path: Path) -> None:
    first = publish(tmp_path / "store", drop_last_segment(damaged_segments))
    store = open_at(tmp_path / "store")
    before = receive(store)
    second = publish(tmp_path / "store", segments_folder)
    after = receive(store)

    assert (before.id, after.id) == (first, second)
    assert before.manifest.segments == after.manifest.segments[:2]
    assert (before.manifest.counts.photos, after.manifest.counts.photos) == (len(PHOTOS) - 2, len(PHOTOS))
    assert len(list((tmp_path / "store/segments").iterdir())) == 3
    shutil.rmtree(tmp_path / "store" / after.manifest.segments[2].folder)
    with pytest.raises(BundleError, match=f"{after.manifest.segments[2].folder} is missing, or not a folder"):
        receive(store)
    point_to(tmp_path / "store", first)
    assert receive(store).id == first


@pytest.mark.parametrize("pointer", [b"", b"{}", b"[]", b"\xff", b'{"format_version": 2}', b" " * 5000])
def test_a_broken_pointer_is_refused(bundle_folder: Path, tmp_path: Path, pointer: bytes) -> None:
    publish(tmp_path, bundle_folder)
    (tmp_path / POINTER_KEY).write_bytes(pointer)
    with pytest.raises(BundleError, match=POINTER_KEY):
        receive(open_at(tmp_path))


def test_an_empty_folder_has_nothing_published(tmp_path: Path) -> None:
    with pytest.raises(NothingPublishedError, match="nothing is published in "):
        receive(open_at(tmp_path))
    with pytest.raises(BundleError, match="no such folder"):
        receive(open_at(tmp_path / "mistyped"))


def test_a_pointer_to_nothing_and_to_another_bundle_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    point_to(tmp_path, "0123456789abcdef")
    with pytest.raises(BundleError, match="no such folder"):
        receive(open_at(tmp_path))
    published = put_bundle(tmp_path, bundle_folder)
    (tmp_path / bundle_key(published)).rename(tmp_path / bundle_key("0123456789abcdef"))
    with pytest.raises(BundleError, match=f"its manifest is that of {published} \\(expected 0123456789abcdef\\)"):
        receive(open_at(tmp_path))


@pytest.mark.parametrize("place", ["folder", "store"])
def test_only_what_is_signed_is_served_if_a_key_is_set(damaged: Path, tmp_path: Path, place: str) -> None:
    root = bundle = damaged
    if place == "store":
        root = tmp_path / "store"
        bundle = root / bundle_key(publish(root, damaged))
    store = open_at(root, THINLENS_PUBLIC_KEY=PUBLIC_KEY)
    with pytest.raises(BundleError, match="manifest.sig is missing, which THINLENS_PUBLIC_KEY asks for"):
        receive(store)

    sign(bundle)
    assert receive(store).id == store.newest()

    for wrong in (b"", bytes(64), (bundle / SIGNATURE_FILE).read_bytes() + b"\x00"):
        (bundle / SIGNATURE_FILE).write_bytes(wrong)
        with pytest.raises(BundleError, match="manifest.sig is not the signature of manifest.json by the key"):
            receive(store)
    sign(bundle, Ed25519PrivateKey.generate())
    with pytest.raises(BundleError, match="manifest.sig is not the signature of manifest.json by the key"):
        receive(store)


def test_only_what_is_signed_is_fetched_from_s3_if_a_key_is_set(bundle_folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    published = publish(root, bundle_folder)
    with s3_folder(root) as server:
        variables = {**server.environment, "THINLENS_CACHE": str(tmp_path / "cache"), "THINLENS_PUBLIC_KEY": PUBLIC_KEY}
        store = open_at("s3://gallery", **variables)
        with pytest.raises(StoreError, match="manifest.sig: 404 NoSuchKey"):
            receive(store)
        (root / bundle_key(published, SIGNATURE_FILE)).write_bytes(bytes(64))
        with pytest.raises(BundleError, match="manifest.sig is not the signature"):
            receive(store)
        assert not any(key.endswith("encoder.bin") for key in server.requests)
        sign(root / bundle_key(published))
        assert receive(store).id == published


def test_a_signature_does_no_harm_where_none_is_asked_for(damaged: Path) -> None:
    sign(damaged)
    assert receive(open_at(damaged)).manifest.counts.photos == len(PHOTOS)


def test_hashes_begun_ahead_are_those_of_the_files(bundle_folder: Path) -> None:
    ahead = HashesAhead(str(bundle_folder))
    paths = [str(path) for path in bundle_folder.resolve().rglob("*") if path.is_file()]
    assert any("segments" in path for path in paths)
    expected = [sha256_of(path) for path in paths]
    assert [ahead(path) for path in paths] == expected
    assert [ahead(path) for path in paths] == expected


def test_what_is_verified_by_blocks_is_not_hashed_ahead(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[str] = []
    map_file = hashes._map

    def noted(path: str) -> mmap.mmap:
        mapped.append(path)
        return map_file(path)

    monkeypatch.setattr(hashes, "_map", noted)
    HashesAhead(str(bundle_folder))
    folder = bundle_folder.resolve()
    manifest = read_manifest((folder / MANIFEST_FILE).read_bytes())
    assert sorted(mapped) == sorted(str(folder / name) for name in (MANIFEST_FILE, *manifest.whole_files))


def test_hashes_are_given_out_once(damaged: Path) -> None:
    ahead = HashesAhead(str(damaged))
    path = str(damaged.resolve() / "encoder.json")
    before = ahead(path)
    Path(path).write_bytes(b"changed")
    assert ahead(path) == sha256_of(path) != before


@pytest.mark.parametrize("place", ["absent", "file", "many", "s3://bucket/prefix"])
def test_hashes_are_not_begun_of_what_is_no_bundle(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "many").mkdir()
    for number in range(MOST_FILES + 1):
        (tmp_path / "many" / str(number)).write_bytes(b"a")
    (tmp_path / "asked").write_bytes(b"a")
    assert HashesAhead(str(tmp_path / place))(str(tmp_path / "asked")) == sha256_of(str(tmp_path / "asked"))
