"""An output folder that can only be read: it is searched and served, and whatever would write says so."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from export.errors import OutputError
from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from export.gallery.serving import create_gallery
from export.library.library import Library
from tests.functional.export.galleries import fake_models, write_photos


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """An output folder, mounted so that nothing can be written."""
    write_photos(tmp_path / "photos", 3)
    index_photos(tmp_path / "photos", tmp_path / "out", workers=1, models=fake_models(tmp_path / "models"))
    out = tmp_path / "out"
    bound = subprocess.run(["mount", "--bind", out, out], capture_output=True, check=False)
    if bound.returncode != 0:
        pytest.skip("mounting isn't permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", out], check=True)
        yield out
    finally:
        subprocess.run(["umount", "-l", out], check=True)


async def ask(out: Path, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=create_gallery(out))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, path)


def test_it_is_read_and_served_without_an_editor(out: Path) -> None:
    with Library.open_to_read(out) as library:
        assert len(library.photos.ids()) == 3
    assert len(asyncio.run(ask(out, "GET", "/v1/photos?k=9")).json()["photos"]) == 3
    assert b"assets/editor" not in asyncio.run(ask(out, "GET", "/")).content
    assert asyncio.run(ask(out, "POST", "/v1/corrections")).status_code == 404


def test_a_correction_says_that_it_can_only_be_read(out: Path, tmp_path: Path) -> None:
    with Library.open_to_read(out) as library:
        photo = sorted(library.photos.ids())[0]
    with pytest.raises(OutputError, match=r"can't be written: it can only be read; choose another folder with --out"):
        correct_caption(photo, "a wall", out, models=fake_models(tmp_path / "models"))
