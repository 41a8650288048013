"""Patching: shapes as transformers' processor gives them, and patches that say where they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from export.pictures.fitting.patching import Patching, preparation
from export.pictures.fitting.preprocessing import Preprocessing

PATCHING = Patching(patch=2, patches=7, grid=2, resample=2, scale=(1.0, 1.0, 1.0), offset=(0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [(640, 480, (14, 18)), (256, 256, (16, 16)), (3, 4, (18, 14)), (1, 5_000, (256, 1)), (30_000, 20, (1, 256))],
)
def test_shapes_are_those_of_transformers(width: int, height: int, shape: tuple[int, int]) -> None:
    assert replace(PATCHING, patch=16, patches=256).shape(width, height) == shape


def test_patches_carry_their_pixels_and_their_places() -> None:
    pixels = np.arange(2 * 8 * 3, dtype=np.uint8).reshape(2, 8, 3)
    (patches,) = PATCHING.apply([Image.fromarray(pixels)])  # one row of four: two rows would be too many
    assert patches.shape == (7, 2 * 2 * 3 + 2 + 2)
    there, empty = patches[:4], patches[4:]
    assert not empty.any()
    np.testing.assert_array_equal(there[1, :12].reshape(2, 2, 3), pixels[:, 2:4])
    np.testing.assert_allclose(there[:, 12:14], np.full((4, 2), 0.5))  # one row gets half of each row of the table
    np.testing.assert_allclose(there[:, 14:], [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])


def test_what_is_written_is_read() -> None:
    assert preparation(PATCHING.to_json()) == PATCHING
    whole = Preprocessing(resize="squash", size=(4, 4), crop=(4, 4), resample=2, scale=(1.0,) * 3, offset=(0.0,) * 3)
    assert preparation(whole.to_json()) == whole
    with pytest.raises(ValueError, match="expected at most 4096 of 64"):
        preparation({**PATCHING.to_json(), "patches": 1_000_000})
