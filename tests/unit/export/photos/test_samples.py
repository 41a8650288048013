"""The sample photographs, from the packages that carry them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from export.errors import PhotosError
from export.photos import samples


def test_every_sample_is_an_image_that_opens(tmp_path: Path) -> None:
    assert samples.copy_samples(tmp_path / "samples") == 11
    sizes = {}
    for path in (tmp_path / "samples").iterdir():
        with Image.open(path) as image:
            image.load()
            sizes[path.name] = image.size
    assert sizes == {
        "astronaut.png": (512, 512),
        "camera.png": (512, 512),
        "chelsea.png": (451, 300),
        "china.jpg": (640, 427),
        "coffee.png": (600, 400),
        "coins.png": (384, 303),
        "flower.jpg": (640, 427),
        "hubble_deep_field.jpg": (1000, 872),
        "moon.png": (512, 512),
        "motorcycle_left.png": (741, 500),
        "rocket.jpg": (640, 427),
    }


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "moon.png").write_bytes(b"mine")
    samples.copy_samples(tmp_path)
    assert (tmp_path / "moon.png").read_bytes() == b"mine"


def test_a_missing_package_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "SAMPLES", {"not_installed/data": ("a.png",)})
    with pytest.raises(
        PhotosError, match="'not_installed', which isn't there; install it with: make setup EXTRAS=demo"
    ):
        samples.copy_samples(tmp_path)
