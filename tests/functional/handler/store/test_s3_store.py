"""The store in S3: what it fetches, what it refuses, and what it makes of servers that fail."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handler.bundle.blocks.block_hashes import BLOCK_BYTES
from handler.bundle.bundle import Bundle
from handler.bundle.encoder_files import ENCODER_FILES, encoder_identity
from handler.bundle.manifest import BLOCKED_FILES, BUNDLE_FILES, MANIFEST_FILE, SEGMENT_FILES, WHOLE_FILES
from handler.errors import BundleError, NothingPublishedError, SettingsError, StoreError
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.cache import Cache
from handler.store.folder_store import open_bundle
from handler.store.pointer import POINTER_KEY, bundle_key
from handler.store.s3 import s3_blocks, s3_client, s3_download
from handler.store.store import Store, deliver, open_store
from tests.functional.handler.artefacts import PHOTOS, write_bundle
from tests.functional.handler.published import point_to, publish, put_bundle
from tests.functional.handler.s3_server import (
    SECRET_KEY,
    SESSION_TOKEN,
    STALL_S,
    Fault,
    S3Folder,
    s3_folder,
    settle,
)
from tests.functional.handler.tampering import edit_segments, file_of, read_everything, rehash, rewrite_manifest

PREFIX = "my photos/été"
FILES = (*BUNDLE_FILES, *(f"0/{name}" for name in SEGMENT_FILES))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts, so that these small files have several; no long pauses."""
    monkeypatch.setattr(s3_download, "PART_BYTES", 3_000)
    monkeypatch.setattr(s3_blocks, "PART_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(s3_client, "FIRST_PAUSE_S", 0.001)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Folder]:
    with s3_folder(tmp_path / "bucket") as server:
        yield server


@pytest.fixture
def root(server: S3Folder) -> Path:
    """The folder of the store in the server's bucket."""
    root = server.folder / PREFIX
    root.mkdir(parents=True)
    return root


@pytest.fixture
def connect(server: S3Folder, tmp_path: Path) -> Callable[..., Store]:
    """Open the store, as a process does that starts."""

    def connect(cache: str = "cache", **variables: str) -> Store:
        environment = {
            "THINLENS_BUNDLE": f"s3://gallery/{PREFIX}",
            "THINLENS_CACHE": str(tmp_path / cache),
            **server.environment,
            **variables,
        }
        return open_store(Settings.from_environment(environment), environment)

    return connect


def receive(store: Store) -> Bundle:
    return Bundle.receive(deliver(store))


def receive_all(store: Store) -> Bundle:
    """A bundle, and all of its files."""
    bundle = receive(store)
    settle()
    return bundle


def refused(store: Store) -> str:
    """What opening says, or whatever reads all of it; fails the test if a bundle is answered from to the last photo."""
    with pytest.raises((BundleError, StoreError)) as error:
        read_everything(receive(store))
    message = str(error.value)
    assert "\n" not in message
    assert not re.search(f"{SECRET_KEY}|{SESSION_TOKEN}|Signature=", message)
    return message


def test_a_bundle_is_fetched_and_answers(root: Path, connect: Callable[..., Store], bundle_folder: Path) -> None:
    published = publish(root, bundle_folder)

    bundle = receive(connect())

    assert (bundle.id, len(bundle.photos)) == (published, len(PHOTOS))
    found = Searcher(bundle).search("a dog runs in the park", k=1)
    here = Searcher(open_bundle(bundle_folder)).search("a dog runs in the park", k=1)
    assert found["results"] == here["results"]
    assert [result["id"] for result in found["results"]] == ["animals/dog.jpg"]


def test_every_byte_is_asked_for_once(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path
) -> None:
    published = publish(root, bundle_folder)
    receive_all(connect())

    manifest = open_bundle(bundle_folder).manifest
    for name, info in manifest.all_files.items():
        part_bytes = (s3_blocks if name in manifest.blocked_files else s3_download).PART_BYTES
        parts = -(-info.size_bytes // part_bytes)
        assert server.asked(f"{PREFIX}/{bundle_key(published, name)}") == parts
    assert server.asked(f"{PREFIX}/{POINTER_KEY}") == 1
    assert server.asked(f"{PREFIX}/{bundle_key(published, MANIFEST_FILE)}") == 1


def test_what_is_on_the_disk_is_not_fetched_again(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, tmp_path: Path
) -> None:
    publish(root, bundle_folder)
    first = connect()
    receive_all(first)
    # Another process, which finds the first one's cache free: the lock ends with a process.
    shutil.copytree(tmp_path / "cache", tmp_path / "warm")
    server.requests.clear()

    bundle = receive_all(connect("warm"))

    assert read_everything(bundle) == read_everything(open_bundle(bundle_folder))
    assert [key.rpartition("/")[2] for key in server.requests] == [POINTER_KEY, MANIFEST_FILE]


def test_a_new_bundle_fetches_only_what_differs_and_the_old_one_is_removed(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, tmp_path: Path
) -> None:
    publish(root, bundle_folder)
    store = connect()
    old = Searcher(receive_all(store))
    expected = old.search("snow on a mountain")["results"]
    new = publish(root, write_bundle(tmp_path / "fewer", PHOTOS[:3]))
    server.requests.clear()

    bundle = receive_all(store)

    assert bundle.id == new
    fetched = {key.rpartition("/")[2] for key in server.requests}
    assert not fetched & {"encoder.bin", "encoder.onnx", "tokenizer.json"}
    assert {"views.i8", "index.usearch", "catalogue.bin"} <= fetched
    assert [path.name for path in (tmp_path / "cache/bundles").iterdir()] == [new]
    in_use = {info.sha256 for info in bundle.manifest.all_files.values()}
    assert {path.name for path in (tmp_path / "cache/objects").iterdir()} == in_use
    # Whoever still answers from the old one goes on: its files are gone, what is mapped of them is not.
    assert old.search("snow on a mountain")["results"] == expected


def test_what_was_damaged_on_the_disk_is_fetched_again(
    root: Path, connect: Callable[..., Store], bundle_folder: Path, tmp_path: Path
) -> None:
    published = publish(root, bundle_folder)
    receive_all(connect())
    shutil.copytree(tmp_path / "cache", tmp_path / "warm")
    for number, path in enumerate(sorted((tmp_path / "warm/objects").iterdir())):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.unlink()  # the copy keeps what were two names of a file as two files
        path.write_bytes(data if number % 2 else data[:-1])

    bundle = receive(connect("warm"))
    assert bundle.id == published
    assert read_everything(bundle) == read_everything(open_bundle(bundle_folder))


def test_two_processes_do_not_share_a_cache(root: Path, connect: Callable[..., Store], bundle_folder: Path) -> None:
    published = publish(root, bundle_folder)
    first, second = connect(), connect()
    assert receive(first).id == receive(second).id == published


def test_a_bucket_without_a_pointer_has_nothing_published(root: Path, connect: Callable[..., Store]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    with pytest.raises(NothingPublishedError, match=r"current\.json: 404 NoSuchKey: publish a bundle there first"):
        receive(connect())


PASSING: tuple[Fault, ...] = (500, 502, 503, 504, 429, "cut", "hang up")
LASTING: dict[Fault, str] = {
    403: "403 Fault: may the function's role read it",
    404: "404 Fault: publish a bundle there first",
    400: "400 Fault: are the credentials valid",
    301: "301 Fault: set AWS_REGION to the bucket's region",
    418: "418 Fault: is that the address of a bucket?",
}
OBJECTS = (POINTER_KEY, MANIFEST_FILE, "encoder.onnx", "blocks.bin")


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("name", OBJECTS)
def test_what_passes_is_waited_for(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, name: str, fault: Fault
) -> None:
    published = publish(root, bundle_folder)
    server.faults = lambda key, number: fault if key.endswith(name) and number == 0 else ""
    assert receive(connect()).id == published


@pytest.mark.parametrize("name", OBJECTS)
def test_silence_is_not_waited_for(
    root: Path,
    server: S3Folder,
    connect: Callable[..., Store],
    bundle_folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_client, "TIMEOUT_S", STALL_S / 2)
    published = publish(root, bundle_folder)
    server.faults = lambda key, number: "stall" if key.endswith(name) and number == 0 else ""
    assert receive(connect()).id == published


@pytest.mark.parametrize("fault", [500, 503, "cut", "hang up"])
@pytest.mark.parametrize("name", OBJECTS)
def test_what_does_not_pass_is_said_and_given_up(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, name: str, fault: Fault
) -> None:
    publish(root, bundle_folder)
    server.faults = lambda key, number: fault if key.endswith(name) else ""
    message = refused(connect())
    assert f"s3://gallery/{PREFIX}/" in message
    assert name in message
    assert "gave up after 4 attempts" in message
    if isinstance(fault, int):
        assert f"was answered with {fault}" in message


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_refused_is_said_at_once(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, name: str, fault: Fault
) -> None:
    publish(root, bundle_folder)
    server.faults = lambda key, number: fault if key.endswith(name) else ""
    assert LASTING[fault] in refused(connect())
    assert all(server.asked(key) == 1 for key in server.requests if key.endswith((POINTER_KEY, MANIFEST_FILE)))


@pytest.mark.parametrize("name", [POINTER_KEY, MANIFEST_FILE, *BUNDLE_FILES, *WHOLE_FILES])
def test_a_wrong_body_is_never_served(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, name: str, tmp_path: Path
) -> None:
    publish(root, bundle_folder)
    server.faults = lambda key, number: "wrong" if key.endswith(name) and not number else ""
    store = connect()
    message = refused(store)
    assert name in message
    # Nothing of it is left to be taken for good.
    assert name in (POINTER_KEY, MANIFEST_FILE) or "is altered: its sha256 is" in message
    server.faults = lambda key, number: ""
    assert read_everything(receive(store)) == read_everything(open_bundle(bundle_folder))


def test_a_server_that_knows_no_ranges_is_refused(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path
) -> None:
    publish(root, bundle_folder)
    server.faults = lambda key, number: "whole"
    assert "encoder.bin: 200: is that the address of a bucket?" in refused(connect())


@pytest.mark.parametrize("name", FILES)
def test_an_object_of_another_size_is_refused(
    root: Path, connect: Callable[..., Store], bundle_folder: Path, name: str
) -> None:
    path = file_of(root / bundle_key(publish(root, bundle_folder)), name, root)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\x00")
    part_bytes = BLOCK_BYTES if path.name in BLOCKED_FILES else 3_000
    assert f"gives 'bytes 0-{min(len(whole), part_bytes) - 1}/{len(whole) + 1}'" in refused(connect())
    path.write_bytes(b"")
    assert f"{path.name}: 416 InvalidRange" in refused(connect("second"))


def test_a_wrong_key_is_refused(root: Path, connect: Callable[..., Store], bundle_folder: Path) -> None:
    publish(root, bundle_folder)
    message = refused(connect(AWS_SECRET_ACCESS_KEY="another"))
    assert "403 SignatureDoesNotMatch: may the function's role read it, and are its credentials valid?" in message


def test_nobody_listens(connect: Callable[..., Store]) -> None:
    message = refused(connect(AWS_ENDPOINT_URL_S3="http://127.0.0.1:9"))
    assert "Connection refused; gave up after 4 attempts" in message


def test_credentials_that_no_header_may_hold_are_not_shown(connect: Callable[..., Store]) -> None:
    with pytest.raises(SettingsError, match="AWS_SESSION_TOKEN holds white space") as error:
        connect(AWS_SESSION_TOKEN=f"{SESSION_TOKEN}\n")
    assert SESSION_TOKEN not in str(error.value)


def test_a_manifest_of_another_bundle_is_refused(
    root: Path, connect: Callable[..., Store], bundle_folder: Path, tmp_path: Path
) -> None:
    published = publish(root, bundle_folder)
    other = put_bundle(root, write_bundle(tmp_path / "other", PHOTOS[:2]))
    shutil.copy(root / bundle_key(other, MANIFEST_FILE), root / bundle_key(published, MANIFEST_FILE))
    assert f"is that of {other} (expected {published})" in refused(connect())


def declare_size(bundle: Path, name: str, size: object) -> None:
    """Let the manifest say that a file is so large; the segment's folder takes the name that it has then."""
    segment = file_of(bundle, "0/codes.bin").parent
    rewrite_manifest(bundle, {f"segments/0/files/{name}/size_bytes": size})
    segment.rename(file_of(bundle, "0/codes.bin").parent)


@pytest.mark.parametrize("name", ["codes.bin", "index.usearch"])
@pytest.mark.parametrize("size", [1 << 35, 1 << 62, -1, 0, "1", None])
def test_declared_sizes_are_not_believed(
    root: Path,
    connect: Callable[..., Store],
    damaged: Path,
    name: str,
    size: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        s3_download, "PART_BYTES", 8 << 20
    )  # where the disk has room for all of it, that many are asked for
    declare_size(damaged, name, size)
    publish(root, damaged)
    message = refused(connect())
    assert re.search(
        r"segments\.0\.files\.[a-z.]*\.size_bytes|MB free: give the function more storage|gives 'bytes|in blocks\.bin",
        message,
    )
    assert sum(path.stat().st_blocks * 512 for path in (tmp_path / "cache").rglob("*")) < 1_000_000


def test_a_file_that_is_shorter_than_declared_is_given_up_at_once(
    root: Path, server: S3Folder, connect: Callable[..., Store], damaged: Path, tmp_path: Path
) -> None:
    declare_size(damaged, "codes.bin", 1 << 24)  # thousands of parts, and room for them
    publish(root, damaged)
    assert "gives 'bytes" in refused(connect())
    assert len(server.requests) < 100
    assert sum(path.stat().st_blocks * 512 for path in (tmp_path / "cache").rglob("*")) < 1_000_000


@pytest.mark.parametrize("pointer", ["../../etc", "0123456789abcdef/..", "", "g" * 16, "0" * 15])
def test_no_pointer_leads_out_of_the_store(
    root: Path, server: S3Folder, connect: Callable[..., Store], pointer: str
) -> None:
    point_to(root, pointer)
    assert "Unexpected bundle id" in refused(connect())
    assert server.requests == [f"{PREFIX}/{POINTER_KEY}"]


def test_a_huge_pointer_and_a_huge_manifest_are_not_read(
    root: Path, connect: Callable[..., Store], bundle_folder: Path
) -> None:
    published = publish(root, bundle_folder)
    os.truncate(root / bundle_key(published, MANIFEST_FILE), 3 << 20)
    assert "manifest.json is longer than 1048576 bytes" in refused(connect())
    os.truncate(root / POINTER_KEY, 1 << 20)
    assert "current.json is longer than 4096 bytes" in refused(connect("second"))


def test_a_full_disk_is_said_beforehand(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root, bundle_folder)
    store = connect()
    usage = shutil.disk_usage("/")
    needed = sum(info.size_bytes for info in open_bundle(bundle_folder).manifest.whole_files.values()) + (1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=needed))
    receive_all(connect("small enough"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=needed - 1))
    server.requests.clear()
    assert "MB free: give the function more storage, or set THINLENS_CACHE" in refused(store)
    assert [key.rpartition("/")[2] for key in server.requests] == [POINTER_KEY, MANIFEST_FILE]


def test_a_cache_that_cannot_be_made_is_said(connect: Callable[..., Store], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StoreError, match="cache cannot be made: .*: set THINLENS_CACHE"):
        connect()


def test_the_pointer_is_asked_for_on_condition_that_it_has_changed(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, tmp_path: Path
) -> None:
    first = publish(root, bundle_folder)
    store = connect()
    receive(store)
    assert [store.newest() for _ in range(3)] == [first] * 3
    second = publish(root, write_bundle(tmp_path / "second", PHOTOS[:2]))
    assert store.newest() == second
    point_to(root, first)
    assert store.newest() == first
    # From then on a check is one attempt: there is a bundle to answer from.
    server.requests.clear()
    server.faults = lambda key, number: 503
    with pytest.raises(StoreError, match="503 SlowDown; gave up after 1 attempts"):
        store.newest()
    assert len(server.requests) == 1


def test_a_failed_delivery_leaves_no_half_files_to_be_believed(
    root: Path, server: S3Folder, connect: Callable[..., Store], bundle_folder: Path, tmp_path: Path
) -> None:
    published = publish(root, bundle_folder)
    server.faults = lambda key, number: 500 if key.endswith("encoder.bin") and number else ""
    store = connect()
    refused(store)
    server.faults = lambda key, number: ""
    assert receive(store).id == published
    assert not list((tmp_path / "cache").rglob("*.incoming"))


def test_files_of_one_content_do_no_harm(root: Path, connect: Callable[..., Store], damaged: Path) -> None:
    """They have one name in the cache: what is being received under it must not be begun anew."""
    shutil.copyfile(damaged / "tokenizer.json", damaged / "encoder.json")
    rehash(damaged)
    hashes = {name: hashlib.sha256((damaged / name).read_bytes()).hexdigest() for name in ENCODER_FILES}
    identity = encoder_identity(hashes)
    edit_segments(damaged, lambda segments: segments[0].update(encoder=identity))
    spaces = {"encoder/space": identity, "calibration/encoder": identity}
    rewrite_manifest(damaged, {"encoder/identity": identity, **spaces})
    publish(root, damaged)
    assert "in encoder.json" in refused(connect())


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_cache_that_others_may_write_to_is_refused(connect: Callable[..., Store], tmp_path: Path, mode: int) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    with pytest.raises(StoreError, match="cache is not this user's alone: set THINLENS_CACHE to a folder that is"):
        connect()


def test_a_cache_behind_a_link_is_refused(connect: Callable[..., Store], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is not this user's alone"):
        connect()


def test_a_cache_keeps_to_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("stays")
    cache = Cache.open(tmp_path / "cache")
    cache.keep_only(cache.bundle("0123456789abcdef"))
    assert (tmp_path / "precious").read_text() == "stays"
