"""What an image looks like in a few bytes: by hand for small images, and alike for copies."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance

from export.pictures.looks import fingerprint, placeholder


def bits_apart(a: Image.Image, b: Image.Image) -> int:
    return (int(fingerprint(a), 16) ^ int(fingerprint(b), 16)).bit_count()


def landscape(seed: int) -> Image.Image:
    """Smooth random hills of brightness, such as photos have."""
    coarse = np.random.default_rng(seed).integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)


def test_the_placeholder_names_the_colours_row_by_row() -> None:
    colours = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    image = Image.fromarray(colours.repeat(10, axis=0).repeat(20, axis=1))
    assert placeholder(image) == bytes(range(36)).hex()
    assert placeholder(Image.new("RGB", (1, 1), (255, 0, 16))) == "ff0010" * 12


def test_the_fingerprint_says_where_brightness_grows() -> None:
    to_the_right = Image.linear_gradient("L").rotate(90).convert("RGB")
    assert fingerprint(to_the_right) == "f" * 16 + "0" * 16
    assert fingerprint(to_the_right.rotate(180)) == "0" * 32
    assert fingerprint(Image.linear_gradient("L").convert("RGB")) == "0" * 16 + "f" * 16
    assert fingerprint(Image.new("RGB", (3, 3), "white")) == "0" * 32


def test_copies_differ_in_few_bits_and_others_in_many() -> None:
    for seed in range(20):
        image = landscape(seed)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=40)
        for copy in (
            image.resize((160, 120)),
            Image.open(file).convert("RGB"),
            ImageEnhance.Brightness(image).enhance(0.8),
            image.convert("L").convert("RGB"),
        ):
            assert bits_apart(image, copy) <= 7
        assert bits_apart(image, landscape(seed + 100)) > 30
