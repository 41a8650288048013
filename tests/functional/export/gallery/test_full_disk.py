"""A disk that fills up while a run writes: nothing half-written is ever taken for whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from export.errors import OutputError
from export.gallery.indexing import index_photos
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import fake_models, times_understood, write_photo, write_photos

PHOTOS = 12
STEP_KB = 64
MOST_KB = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of STEP_KB, which only root may make."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={STEP_KB}k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting isn't permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def grow(disk: Path, size_kb: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size_kb}k", str(disk)], check=True)


def test_a_disk_that_grows_step_by_step(tmp_path: Path, disk: Path) -> None:
    """Every run gets a little further than the last, and is told what to do, until one comes to the end."""
    write_photos(tmp_path / "photos", PHOTOS)
    models = fake_models(tmp_path / "models")
    messages = []
    for size_kb in range(STEP_KB, MOST_KB, STEP_KB):
        grow(disk, size_kb)
        try:
            report = index_photos(tmp_path / "photos", disk / "out", workers=1, models=models)
            break
        except OutputError as error:
            messages.append(str(error))
            assert not (disk / "out/bundle").exists()
    assert report.photos == PHOTOS
    assert open_bundle(disk / "out/bundle").id == report.bundle
    assert len(messages) >= 3
    assert all("make room" in message and "--out" in message for message in messages)
    assert len(times_understood(models)) < PHOTOS * len(messages)
    assert not list(disk.rglob("*.partial"))


def test_a_bundle_in_service_stays_when_the_disk_is_full(tmp_path: Path, disk: Path) -> None:
    grow(disk, MOST_KB)
    write_photos(tmp_path / "photos", PHOTOS)
    models = fake_models(tmp_path / "models")
    served = index_photos(tmp_path / "photos", disk / "out", workers=1, models=models).bundle
    write_photo(tmp_path / "photos/new.png", "red", seed=99)
    used_kb = sum(path.stat().st_blocks for path in disk.rglob("*") if path.is_file()) // 2
    for spare_kb in (4, 16, 48):
        grow(disk, used_kb + spare_kb)
        with pytest.raises(OutputError):
            index_photos(tmp_path / "photos", disk / "out", workers=1, models=models)
        assert open_bundle(disk / "out/bundle").id == served
    grow(disk, MOST_KB)
    assert index_photos(tmp_path / "photos", disk / "out", workers=1, models=models).photos == PHOTOS + 1
