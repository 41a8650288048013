"""The bundle: opened or refused, whatever happened to its files, and never answering from what is damaged."""

from __future__ import annotations

import gc
import os
import random
import shutil
from pathlib import Path

import pytest

from handler.bundle.blocks import blocked_file
from handler.bundle.encoder_files import identify_encoder
from handler.bundle.manifest import (
    MANIFEST_FILE,
    SEGMENTS_FOLDER,
    bundle_id,
)
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES, read_manifest
from handler.errors import BundleError
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import PHOTOS, BundleChoices, write_bundle
from tests.functional.handler.bundle.damaged import BLOCKED, FILES, Damaged
from tests.functional.handler.tampering import file_of, read_everything, rewrite_manifest


def refused(damaged: Damaged | Path) -> str:
    """What opening says; fails the test if the bundle is served."""
    with pytest.raises(BundleError) as error:
        open_bundle(damaged) if isinstance(damaged, Path) else damaged.open()
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_whole_bundle_opens(three: Damaged) -> None:
    bundle = three.open()

    assert bundle.id == bundle_id((three.bundle / MANIFEST_FILE).read_bytes())
    assert len(bundle.photos.present()) == bundle.manifest.counts.photos == len(PHOTOS)
    assert len(bundle.photos) == len(PHOTOS) + 1
    assert identify_encoder(three.bundle) == bundle.manifest.encoder.identity


def test_what_the_caller_has_verified_is_not_hashed(damaged_segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_of(block: memoryview) -> bytes:
        raise AssertionError("a block is hashed")

    files = read_manifest((damaged_segments / MANIFEST_FILE).read_bytes()).all_files
    monkeypatch.setattr(blocked_file, "hash_of", hash_of)
    read_everything(open_bundle(damaged_segments, verified=files))
    with pytest.raises(AssertionError, match="a block is hashed"):
        read_everything(open_bundle(damaged_segments))


def test_the_same_content_is_the_same_bundle(segments_folder: Path, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "again", choices=BundleChoices(segments=3))
    assert open_bundle(again).id == open_bundle(segments_folder).id


def test_opens_through_a_pointer(segments_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").symlink_to(segments_folder)
    assert open_bundle(tmp_path / "bundle").id == open_bundle(segments_folder).id


@pytest.mark.parametrize("name", FILES)
def test_refuses_a_missing_file(three: Damaged, name: str) -> None:
    path = three.file(name)
    path.unlink()
    assert f"files missing: {path.name}" in refused(three)


def test_refuses_a_missing_manifest_and_missing_folders(damaged_segments: Path) -> None:
    segment = file_of(damaged_segments, "1/codes.bin").parent
    (damaged_segments / MANIFEST_FILE).rename(damaged_segments / "kept")
    assert "files missing: manifest.json" in refused(damaged_segments)
    (damaged_segments / "kept").rename(damaged_segments / MANIFEST_FILE)
    shutil.rmtree(segment)
    assert f"files missing: {segment.name}" in refused(damaged_segments)
    shutil.rmtree(damaged_segments / SEGMENTS_FOLDER)
    assert "files missing: segments" in refused(damaged_segments)


@pytest.mark.parametrize("name", FILES)
def test_refuses_a_truncated_file(three: Damaged, name: str) -> None:
    path = three.file(name)
    size = path.stat().st_size
    for kept in (0, 1, size // 2, size - 1):
        os.truncate(path, kept)
        assert f"{path.name} is truncated or altered: {kept} bytes (expected {size})" in refused(three)


@pytest.mark.parametrize("name", FILES)
def test_refuses_a_longer_file(three: Damaged, name: str) -> None:
    path = three.file(name)
    with path.open("ab") as file:
        file.write(b"\x00")
    assert f"{path.name} is truncated or altered" in refused(three)


@pytest.mark.parametrize("name", [name for name in FILES if name not in BLOCKED])
def test_refuses_a_flipped_bit(three: Damaged, name: str) -> None:
    path = three.file(name)
    whole = path.read_bytes()
    chooser = random.Random(name)
    for _ in range(5):
        data = bytearray(whole)
        data[chooser.randrange(len(data))] ^= 1 << chooser.randrange(8)
        path.write_bytes(bytes(data))
        assert f"{path.name} is altered: its sha256 is" in refused(three)


@pytest.mark.parametrize("name", FILES)
def test_refuses_a_folder_and_a_link(three: Damaged, tmp_path: Path, name: str) -> None:
    path = three.file(name)
    path.rename(tmp_path / "elsewhere")
    path.mkdir()
    assert f"{path.name} is not a regular file" in refused(three)
    path.rmdir()
    path.symlink_to(tmp_path / "elsewhere")
    assert f"{path.name} is not a regular file" in refused(three)


def test_refuses_a_manifest_that_is_empty_a_folder_or_a_link(damaged: Path, bundle_folder: Path) -> None:
    (damaged / MANIFEST_FILE).write_bytes(b"")
    assert "manifest.json is not valid JSON" in refused(damaged)
    (damaged / MANIFEST_FILE).unlink()
    (damaged / MANIFEST_FILE).mkdir()
    assert "manifest.json is not a regular file" in refused(damaged)
    (damaged / MANIFEST_FILE).rmdir()
    (damaged / MANIFEST_FILE).symlink_to(bundle_folder / MANIFEST_FILE)
    assert "manifest.json is not a regular file" in refused(damaged)


def test_refuses_a_segment_that_is_a_file_or_a_link(three: Damaged, tmp_path: Path) -> None:
    segment = three.file("1/codes.bin").parent
    segment.rename(tmp_path / "elsewhere")
    segment.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert segment.name in refused(three)
    segment.unlink()
    segment.write_bytes(b"")
    assert segment.name in refused(three)
    segment.unlink()
    (tmp_path / "elsewhere").rename(segment)
    assert three.open().manifest.counts.photos == len(PHOTOS)


@pytest.mark.parametrize(
    "names", [("0/views.i8", "0/codes.bin"), ("0/codes.bin", "2/codes.bin"), ("0/blocks.bin", "2/codes.bin"), FILES[:2]]
)
def test_refuses_swapped_files(three: Damaged, names: tuple[str, str]) -> None:
    first, second = map(three.file, names)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert "altered" in refused(three)


def test_refuses_swapped_segments(three: Damaged, tmp_path: Path) -> None:
    first, second = (three.file(f"{number}/codes.bin").parent for number in (1, 2))
    first.rename(tmp_path / "kept")
    second.rename(first)
    (tmp_path / "kept").rename(second)
    assert "altered" in refused(three)


@pytest.mark.parametrize("name", ["extra.bin", ".DS_Store", "MANIFEST.json", "encoder.bin.tmp", "line\nbreak"])
def test_refuses_superfluous_files(three: Damaged, name: str) -> None:
    for folder in (three.bundle, three.file("1/codes.bin").parent):
        (folder / name).write_bytes(b"")
        assert f"files that belong to no bundle: {name!r}" in refused(three)
        (folder / name).unlink()
    assert three.open().manifest.counts.photos == len(PHOTOS)


def test_segments_of_others_are_superfluous_in_a_bundle_and_welcome_in_a_store(three: Damaged) -> None:
    (three.store / SEGMENTS_FOLDER / "0123456789abcdef").mkdir()
    if three.store == three.bundle:
        assert "files that belong to no bundle: '0123456789abcdef'" in refused(three)
    else:
        assert three.open().manifest.counts.photos == len(PHOTOS)


def test_refuses_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").mkdir()

    assert "no such folder: write a bundle with 'thinlens index PHOTOS'" in refused(tmp_path / "absent")
    assert "no such folder" in refused(tmp_path / "file")
    assert "loop" in refused(tmp_path / "loop")
    assert "files missing: manifest.json" in refused(tmp_path / "empty")


def test_refuses_a_huge_manifest(damaged: Path) -> None:
    # Sparse: it is the declared size that must not be read into memory.
    os.truncate(damaged / MANIFEST_FILE, 1 << 40)
    assert f"expected at most {MAX_MANIFEST_BYTES}" in refused(damaged)


def test_refuses_huge_declared_sizes(damaged: Path) -> None:
    path = file_of(damaged, "0/index.usearch")
    rewrite_manifest(damaged, {"segments/0/files/index.usearch/size_bytes": 1 << 35})
    path.parent.rename(file_of(damaged, "0/index.usearch").parent)
    assert "index.usearch is truncated or altered" in refused(damaged)
    rewrite_manifest(damaged, {"segments/0/files/index.usearch/size_bytes": 1 << 62})
    assert "'segments.0.files.index.usearch.size_bytes'" in refused(damaged)


def test_refuses_an_unknown_format_version(damaged: Path) -> None:
    rewrite_manifest(damaged, {"format_version": 3})
    assert "Unknown format_version 3 (expected 1 or 2) in manifest.json: update thinlens" in refused(damaged)


def open_files() -> int:
    """How many files this process holds open, where the system tells."""
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.exists() else 0


def test_no_damaged_bundle_leaves_files_open(damaged_segments: Path) -> None:
    before = open_files()
    os.truncate(file_of(damaged_segments, "2/catalogue.bin"), 5)
    for _ in range(20):
        refused(damaged_segments)
    gc.collect()  # pytest keeps an exception's frames, and with them what had been opened, in a ring
    assert open_files() <= before
