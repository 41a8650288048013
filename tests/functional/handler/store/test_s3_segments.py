"""The store in S3 and segments: what bundles share is fetched once and kept as long as a bundle needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from handler.bundle.bundle import Bundle
from handler.bundle.manifest import BLOCKED_FILES, MANIFEST_FILE, SEGMENT_FILES
from handler.errors import BundleError
from handler.search.searcher import Searcher
from handler.settings import Settings
from handler.store.folder_store import open_bundle
from handler.store.pointer import POINTER_KEY, bundle_key
from handler.store.s3 import s3_download
from handler.store.store import Store, deliver, open_store
from tests.functional.handler.artefacts import BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.published import point_to, publish
from tests.functional.handler.s3_server import S3Folder, s3_folder, settle
from tests.functional.handler.tampering import drop_last_segment, file_of, read_everything


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Folder]:
    with s3_folder(tmp_path / "bucket") as server:
        server.folder.mkdir()
        yield server


@pytest.fixture
def store(server: S3Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(s3_download, "PART_BYTES", 1 << 20)  # a request for each file of these
    environment = {
        "THINLENS_BUNDLE": "s3://gallery",
        "THINLENS_CACHE": str(tmp_path / "cache"),
        **server.environment,
    }
    return open_store(Settings.from_environment(environment), environment)


def receive(store: Store) -> Bundle:
    """A bundle, and all of its files."""
    bundle = Bundle.receive(deliver(store))
    settle()
    return bundle


def cached(tmp_path: Path, folder: str) -> set[str]:
    return {path.name for path in (tmp_path / "cache" / folder).iterdir()}


def hashes(bundle: Bundle) -> set[str]:
    return {info.sha256 for info in bundle.manifest.all_files.values()}


def test_a_bundle_that_shares_segments_fetches_only_the_new_one(
    server: S3Folder, store: Store, segments_folder: Path, damaged_segments: Path, tmp_path: Path
) -> None:
    publish(server.folder, drop_last_segment(damaged_segments))
    old = receive(store)
    query = "a man surfs a wave"
    expected = Searcher(old).search(query)["results"]
    server.requests.clear()
    new = publish(server.folder, segments_folder)

    bundle = receive(store)

    assert bundle.id == new
    segment = bundle.manifest.segments[2].folder
    assert Counter(server.requests) == Counter(
        [POINTER_KEY, bundle_key(new, MANIFEST_FILE), bundle_key(new, "collection.bin")]
        + [f"{segment}/{name}" for name in SEGMENT_FILES]
    )
    assert cached(tmp_path, "bundles") == {new}
    assert cached(tmp_path, "objects") == hashes(bundle)
    here = Searcher(open_bundle(segments_folder)).search(query)["results"]
    assert Searcher(bundle).search(query)["results"] == here
    # Whoever still answers from the old one goes on.
    assert Searcher(old).search(query)["results"] == expected


def test_a_rollback_fetches_what_no_other_bundle_has_and_the_segment_is_removed(
    server: S3Folder, store: Store, segments_folder: Path, damaged_segments: Path, tmp_path: Path
) -> None:
    first = publish(server.folder, drop_last_segment(damaged_segments))
    receive(store)
    publish(server.folder, segments_folder)
    receive(store)
    server.requests.clear()
    point_to(server.folder, first)

    bundle = receive(store)

    assert server.requests == [POINTER_KEY, bundle_key(first, MANIFEST_FILE), bundle_key(first, "collection.bin")]
    assert cached(tmp_path, "bundles") == {first}
    assert cached(tmp_path, "objects") == hashes(bundle)


def test_a_damaged_shared_file_is_fetched_again(
    server: S3Folder, store: Store, segments_folder: Path, damaged_segments: Path, tmp_path: Path
) -> None:
    publish(server.folder, drop_last_segment(damaged_segments))
    old = receive(store)
    views = old.manifest.segments[0].files["views.i8"]
    path = tmp_path / "cache/objects" / views.sha256
    path.write_bytes(b"\x00" * views.size_bytes)
    new = publish(server.folder, segments_folder)
    server.requests.clear()

    assert receive(store).id == new
    assert server.asked(f"{old.manifest.segments[0].folder}/views.i8") == 1


def test_files_of_one_content_in_two_segments_are_fetched_once(server: S3Folder, store: Store, tmp_path: Path) -> None:
    captions = ("a dog", "a cat", "snow", "a boat", "a horse", "the sea")
    photos = [TinyPhoto(id=f"{number}.jpg", caption=caption) for number, caption in enumerate(captions)]
    folder = write_bundle(tmp_path / "bundle", photos, BundleChoices(segments=3))
    assert file_of(folder, "1/columns.bin").read_bytes() == file_of(folder, "2/columns.bin").read_bytes()
    publish(server.folder, folder)

    bundle = receive(store)

    first, second = (f"{segment.folder}/columns.bin" for segment in bundle.manifest.segments[1:])
    assert server.asked(first) + server.asked(second) == 1
    assert cached(tmp_path, "objects") == hashes(bundle)
    found = Searcher(bundle).search("a boat", k=1)["results"]
    assert found == Searcher(open_bundle(folder)).search("a boat", k=1)["results"]
    assert [result["id"] for result in found] == ["3.jpg"]


@pytest.mark.parametrize("file", SEGMENT_FILES)
def test_one_wrong_file_of_one_content_is_not_taken_for_the_other(
    server: S3Folder, store: Store, tmp_path: Path, file: str
) -> None:
    folder = write_bundle(tmp_path / "bundle", choices=BundleChoices(segments=3))
    publish(server.folder, folder)
    key = file_of(folder, f"1/{file}").relative_to(folder).as_posix()
    data = bytearray((server.folder / key).read_bytes())
    data[-1] ^= 1
    (server.folder / key).write_bytes(data)
    altered = "1 of its blocks aren't what was written" if file in BLOCKED_FILES else "its sha256 is"
    with pytest.raises(BundleError, match=rf"{file} is altered: {altered}"):
        read_everything(receive(store))
