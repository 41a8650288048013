"""The image tower of SigLIP 2's NaFlex, which sees pictures in their own shapes, in a form that can be exported.

transformers' own stretches the table of places in a loop over the pictures, to a shape that each has. Here each patch
says how much it gets of each row and column of the table (patching.py), and the same comes out of one product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class PatchTower(nn.Module):
    """Patches with their places to a picture's features.

    Args:
        model: A Siglip2Model of transformers; its embedding of patches is replaced.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        own = model.vision_model.embeddings
        self.grid = int(own.position_embedding_size)
        model.vision_model.embeddings = _Embedding(own)
        self.vision = model.vision_model

    def forward(self, patches: Tensor) -> Tensor:
        """Float32 [n, patches, numbers of a patch + 2 * grid] -> float32 [n, dimensions]."""
        pixels, places = patches[..., : -2 * self.grid], patches[..., -2 * self.grid :]
        there = (places.sum(dim=-1) > 0).to(patches.dtype)
        features: Tensor = self.vision(pixel_values=pixels, attention_mask=there, spatial_shapes=places).pooler_output
        return features


class _Embedding(nn.Module):
    """What a patch shows and where it lies: in the place of Siglip2VisionEmbeddings."""

    def __init__(self, own: Any) -> None:
        super().__init__()
        self.patch_embedding = own.patch_embedding
        self.position_embedding = own.position_embedding

    def forward(self, pixel_values: Tensor, spatial_shapes: Tensor) -> Tensor:
        rows, columns = spatial_shapes.chunk(2, dim=-1)
        shares = (rows.unsqueeze(-1) * columns.unsqueeze(-2)).flatten(2)
        embedded: Tensor = self.patch_embedding(pixel_values) + shares @ self.position_embedding.weight
        return embedded


def with_places(pixels: Tensor, shapes: Tensor, grid: int) -> Tensor:
    """What transformers' processor makes of pictures, each patch with its place as transformers' model stretches it.

    Args:
        pixels: float32 [n, patches, numbers of a patch], the processor's ``pixel_values``.
        shapes: int64 [n, 2], rows and columns of patches, its ``spatial_shapes``.
        grid: Rows and columns of the table of places.
    """
    places = torch.zeros(*pixels.shape[:2], 2 * grid)
    for place, (rows, columns) in zip(places, shapes.tolist(), strict=True):
        of_rows, of_columns = (_stretched(grid, count) for count in (rows, columns))
        place[: rows * columns, :grid] = of_rows.repeat_interleave(columns, dim=0)
        place[: rows * columns, grid:] = of_columns.repeat(rows, 1)
    return torch.cat([pixels, places], dim=-1)


def _stretched(grid: int, count: int) -> Tensor:
    each = torch.eye(grid)[None, None]
    return functional.interpolate(each, size=(count, grid), mode="bilinear", align_corners=False, antialias=True)[0, 0]
