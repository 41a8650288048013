"""Hubness: photos that come close to whatever is asked give way to those that are asked for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from export.training.photo_model.hubness import Hubness

DIM = 48
TOPICS = 200


def _texts_and_photos(*, hub_share: float) -> tuple[Tensor, Tensor]:
    """Texts about topics, which have something in common; of each topic a photo, of which every tenth is a hub."""
    generator = torch.Generator().manual_seed(3)
    common = functional.normalize(torch.randn(DIM, generator=generator), dim=0)
    topics = functional.normalize(torch.randn(TOPICS, DIM, generator=generator), dim=1)
    texts = functional.normalize(topics + 0.7 * common, dim=1)
    noise = torch.randn(TOPICS, DIM, generator=generator) / DIM**0.5
    photos = functional.normalize(topics + 0.9 * noise, dim=1)
    hubs = torch.arange(TOPICS) % 10 == 0
    photos[hubs] = functional.normalize(photos[hubs] + hub_share * common, dim=1)
    return texts, photos


def _recall_at_1(texts: Tensor, photos: Tensor) -> float:
    return float(((texts @ photos.T).argmax(1) == torch.arange(len(texts))).float().mean())


def _fitted(texts: Tensor, photos: Tensor, *, size: int = 64) -> Hubness:
    hubness = Hubness(size=size, dim=DIM)
    hubness.fit(texts, photos, seed=1)
    return hubness


def test_photos_are_found_that_hubs_stood_before() -> None:
    texts, photos = _texts_and_photos(hub_share=0.8)
    corrected = _fitted(texts, photos)(photos)
    before, after = _recall_at_1(texts, photos), _recall_at_1(texts, corrected)
    assert after > before + 0.05, (before, after)


def test_views_keep_unit_norm_and_their_place() -> None:
    texts, photos = _texts_and_photos(hub_share=0.8)
    corrected = _fitted(texts, photos)(photos)
    assert torch.allclose(corrected.norm(dim=1), torch.ones(TOPICS), atol=1e-5)
    assert (corrected * photos).sum(1).min() > 0.8


def test_texts_reach_equally_far_in_the_direction() -> None:
    texts, photos = _texts_and_photos(hub_share=0.8)
    reach = texts @ _fitted(texts, photos).direction
    assert abs(float(reach.mean()) - 1.0) < 1e-4
    assert float(reach.std()) < 0.25


def test_what_was_not_fitted_changes_nothing() -> None:
    _, photos = _texts_and_photos(hub_share=0.8)
    assert torch.allclose(Hubness(size=64, dim=DIM)(photos), photos, atol=1e-6)


def test_fewer_texts_than_the_bank_holds_are_enough() -> None:
    texts, photos = _texts_and_photos(hub_share=0.8)
    hubness = _fitted(texts[:20], photos, size=64)
    assert torch.allclose(hubness.bank.norm(dim=1), torch.ones(64), atol=1e-5)
    assert torch.isfinite(hubness(photos)).all()
