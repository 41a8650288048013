"""The bundle: opened whole or refused, whatever happened to its files."""

from __future__ import annotations

import gc
import os
import random
import shutil
from pathlib import Path

import pytest

from handler.bundle.encoder_files import identify_encoder
from handler.bundle.manifest import BUNDLE_FILES, MANIFEST_FILE, bundle_id
from handler.bundle.manifest_reader import MAX_MANIFEST_BYTES
from handler.errors import BundleError
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import PHOTOS, BundleChoices, rehash, rewrite_manifest, write_bundle

ALL_FILES = (MANIFEST_FILE, *BUNDLE_FILES)


def refused(folder: Path) -> str:
    """What opening says; fails the test if the folder is served."""
    with pytest.raises(BundleError) as error:
        open_bundle(folder)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_whole_bundle_opens(bundle_folder: Path) -> None:
    bundle = open_bundle(bundle_folder)

    assert bundle.id == bundle_id((bundle_folder / MANIFEST_FILE).read_bytes())
    assert len(bundle.catalogue) == bundle.manifest.counts.photos == len(PHOTOS)
    assert identify_encoder(bundle_folder) == bundle.manifest.encoder.identity


def test_the_same_content_is_the_same_bundle(bundle_folder: Path, tmp_path: Path) -> None:
    assert open_bundle(write_bundle(tmp_path / "again")).id == open_bundle(bundle_folder).id


def test_opens_through_a_pointer(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle").symlink_to(bundle_folder)
    assert open_bundle(tmp_path / "bundle").id == open_bundle(bundle_folder).id


@pytest.mark.parametrize("name", ALL_FILES)
def test_refuses_a_missing_file(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    assert f"files missing: {name}" in refused(damaged)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_refuses_a_truncated_file(damaged: Path, name: str) -> None:
    size = (damaged / name).stat().st_size
    for kept in (0, 1, size // 2, size - 1):
        os.truncate(damaged / name, kept)
        assert f"{name} is truncated or altered: {kept} bytes (expected {size})" in refused(damaged)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_refuses_a_longer_file(damaged: Path, name: str) -> None:
    with (damaged / name).open("ab") as file:
        file.write(b"\x00")
    assert f"{name} is truncated or altered" in refused(damaged)


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_refuses_a_flipped_bit(damaged: Path, name: str) -> None:
    whole = (damaged / name).read_bytes()
    chooser = random.Random(name)
    for _ in range(10):
        data = bytearray(whole)
        data[chooser.randrange(len(data))] ^= 1 << chooser.randrange(8)
        (damaged / name).write_bytes(bytes(data))
        assert f"{name} is altered: its sha256 is" in refused(damaged)


@pytest.mark.parametrize("name", ALL_FILES)
def test_refuses_an_empty_file_a_folder_and_a_link(damaged: Path, bundle_folder: Path, name: str) -> None:
    (damaged / name).write_bytes(b"")
    assert name in refused(damaged)
    (damaged / name).unlink()
    (damaged / name).mkdir()
    assert f"{name} is not a regular file" in refused(damaged)
    (damaged / name).rmdir()
    (damaged / name).symlink_to(bundle_folder / name)
    assert f"{name} is not a regular file" in refused(damaged)


def test_refuses_swapped_files(damaged: Path) -> None:
    views, index = (damaged / "views.i8").read_bytes(), (damaged / "index.usearch").read_bytes()
    (damaged / "views.i8").write_bytes(index)
    (damaged / "index.usearch").write_bytes(views)
    assert "is truncated or altered" in refused(damaged)


@pytest.mark.parametrize("name", ["extra.bin", ".DS_Store", "MANIFEST.json", "encoder.bin.tmp", "line\nbreak"])
def test_refuses_superfluous_files(damaged: Path, name: str) -> None:
    (damaged / name).write_bytes(b"")
    assert f"files that belong to no bundle: {name!r}" in refused(damaged)


def test_refuses_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").mkdir()

    assert "no such folder: write a bundle with 'thinlens index PHOTOS'" in refused(tmp_path / "absent")
    assert "no such folder" in refused(tmp_path / "file")
    assert "loop" in refused(tmp_path / "loop")
    assert "files missing: catalogue.bin, columns.bin, encoder.bin" in refused(tmp_path / "empty")


def test_refuses_a_huge_manifest(damaged: Path) -> None:
    # Sparse: it is the declared size that must not be read into memory.
    os.truncate(damaged / MANIFEST_FILE, 1 << 40)
    assert f"expected at most {MAX_MANIFEST_BYTES}" in refused(damaged)


def test_refuses_huge_declared_sizes(damaged: Path) -> None:
    rewrite_manifest(damaged, {"files/index.usearch/size_bytes": 1 << 35})
    assert "index.usearch is truncated or altered" in refused(damaged)
    rewrite_manifest(damaged, {"files/index.usearch/size_bytes": 1 << 62})
    assert "'files.index.usearch.size_bytes'" in refused(damaged)


def test_refuses_an_unknown_format_version(damaged: Path) -> None:
    rewrite_manifest(damaged, {"format_version": 2})
    assert "Unknown format_version 2 (expected 1) in manifest.json: update thinlens" in refused(damaged)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (BundleChoices(calibration_encoder="0" * 64), "encoder of the calibration is 0000"),
        (BundleChoices(calibration_captioner="0" * 64), "captioner of the calibration is 0000"),
    ],
)
def test_refuses_a_foreign_calibration(tmp_path: Path, choices: BundleChoices, message: str) -> None:
    assert message in refused(write_bundle(tmp_path / "bundle", choices=choices))


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_refuses_parts_of_another_bundle_even_if_their_hashes_are_given(
    damaged: Path, tmp_path: Path, name: str
) -> None:
    """A writer who mixes two bundles and hashes the mixture is found out wherever the parts can tell."""
    other = write_bundle(tmp_path / "other", PHOTOS[:3], BundleChoices(weights=(1.0, 2.0)))
    (other / "encoder.json").write_text('{"name": "other", "dim": 64, "max_tokens": 12}')
    (other / "tokenizer.json").write_text((other / "tokenizer.json").read_text() + "\n")
    (other / "encoder.onnx").write_bytes((other / "encoder.onnx").read_bytes() + b"\x00")
    (other / "encoder.bin").write_bytes((other / "encoder.bin").read_bytes() + b"\x00")
    shutil.copy(other / name, damaged / name)
    rehash(damaged)
    message = refused(damaged)
    assert "do not belong together" in message or "Unexpected count 3 (expected 6)" in message


def open_files() -> int:
    """How many files this process holds open, where the system tells."""
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.exists() else 0


def test_no_damaged_bundle_leaves_files_open(damaged: Path) -> None:
    before = open_files()
    os.truncate(damaged / "catalogue.bin", 5)
    for _ in range(20):
        refused(damaged)
    gc.collect()  # pytest keeps an exception's frames, and with them what had been opened, in a ring
    assert open_files() <= before
