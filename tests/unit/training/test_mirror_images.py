"""Mirror images: another size, in whole cells."""

import pytest
import torch

from export.training.photo_model import mirror_images, mirror_side


@pytest.mark.parametrize(("size", "side"), [(32, 32), (64, 64), (160, 192), (192, 224), (224, 256), (448, 512)])
def test_mirror_images_are_a_seventh_larger_in_whole_cells(size: int, side: int) -> None:
    assert mirror_side(size) == side
    assert mirror_images(torch.zeros(2, 3, size, size)).shape == (2, 3, side, side)


def test_what_was_on_the_left_is_on_the_right() -> None:
    photo = torch.zeros(1, 3, 224, 224)
    photo[:, :, :, :112] = torch.linspace(0.1, 1.0, 224)[:, None]
    mirrored = mirror_images(photo)
    assert mirrored[:, :, :, :120].abs().max() == 0.0
    assert mirrored[:, :, 0, 140:].min() == pytest.approx(0.1, abs=0.01)
    assert mirrored[:, :, -1, 140:].min() == pytest.approx(1.0, abs=0.01)


def test_of_a_size_that_stays_mirror_images_are_the_pixels_turned() -> None:
    photos = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(mirror_images(photos), photos.flip(3))
