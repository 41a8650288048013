"""Hubness: some photos come close to whatever is asked, and stand before those that are asked for.

In spaces of many dimensions a few points are among the nearest neighbours of very many others (Radovanović et al. 2010,
JMLR 11). What helps is to set how close a photo comes to a query against how close it comes to queries in general: the
inverted softmax (Smith et al. 2017, arXiv 1702.03859), with a bank of queries as in Bogolin et al. 2022 (arXiv
2112.12777). Its logarithm is an offset of each photo, whatever is asked. So that searching stays one inner product, the
offset is laid along a direction in which all texts reach equally far.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

TEMPERATURE = 0.06
SHARE = 0.65
"""Of the offset that is taken off; with all of it, recall falls again."""
_RIDGE = 0.3
_ROUNDS = 12
_TEXTS_AT_ONCE = 8_192


class Hubness(nn.Module):
    """Takes off visual views how close they come to texts in general; changes nothing until it is fitted.

    Attributes:
        bank: float32 [size, dim], what texts are about, unit L2 norm.
        direction: float32 [dim], whose inner product with texts is 1, by and large.
        level: float32 [], how close photos come to the bank in the middle.
    """

    bank: Tensor
    direction: Tensor
    level: Tensor

    def __init__(self, *, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("bank", torch.zeros(size, dim))
        self.register_buffer("direction", torch.zeros(dim))
        self.register_buffer("level", torch.zeros(()))

    def forward(self, visual: Tensor) -> Tensor:
        """Visual views float32 [n, dim], unit L2 norm -> the same without the offset."""
        offset = SHARE * (self._nearness(visual) - self.level)
        return functional.normalize(visual - offset[:, None] * self.direction, dim=-1)

    @torch.no_grad()
    def fit(self, texts: Tensor, visual: Tensor, *, seed: int) -> None:
        """Learn what texts are about, how far they reach, and where photos lie.

        Args:
            texts: float32 [m, dim], unit L2 norm; fewer than the bank's size fill a part of it again.
            visual: float32 [n, dim], unit L2 norm, of training photos.
            seed: Of the bank's first entries.
        """
        self.bank.copy_(_spherical_k_means(texts, len(self.bank), seed=seed))
        moments = texts.T @ texts / len(texts)
        ridge = _RIDGE * moments.diagonal().mean() * torch.eye(len(moments))
        direction = torch.linalg.solve(moments + ridge, texts.mean(0))
        self.direction.copy_(direction / (texts @ direction).mean())
        self.level.copy_(self._nearness(visual).mean())

    def _nearness(self, visual: Tensor) -> Tensor:
        return TEMPERATURE * torch.logsumexp(visual @ self.bank.T / TEMPERATURE, dim=-1)


def _spherical_k_means(vectors: Tensor, count: int, *, seed: int) -> Tensor:
    """The directions of so many clusters (Dhillon and Modha 2001), float32 [count, dim], unit L2 norm."""
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed))
    centres = vectors[order.repeat(-(-count // len(order)))[:count]].clone()
    for _ in range(_ROUNDS):
        nearest = torch.cat([(part @ centres.T).argmax(1) for part in torch.split(vectors, _TEXTS_AT_ONCE)])
        sums = torch.zeros_like(centres).index_add_(0, nearest, vectors)
        empty = torch.bincount(nearest, minlength=count) == 0
        centres = torch.where(empty[:, None], centres, functional.normalize(sums, dim=1))
    return centres
