"""The dual encoder: an image tower and a text tower in one space, loaded in torch.

It knows towers, not where they come from; what is made of them is for text_tower.py and image_tower.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from export.pictures.fitting.patching import Patching
from export.pictures.fitting.preprocessing import Preprocessing

_TEXTS_AT_ONCE = 64
_PICTURES_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Texts as a text tower takes them: int64 [n, tokens], and 1 where a token stands and 0 where padding does."""

    ids: Tensor
    mask: Tensor


def fill(ids: Tensor, mask: Tensor, pad: int, length: int | None) -> Tensor:
    """Token ids with a number where there is padding, and up to a length if there is one."""
    filled = torch.where(mask > 0, ids, torch.full_like(ids, pad))
    if length is None:
        return filled
    rest = torch.full_like(ids[:, :1], pad).repeat(1, length)
    return torch.cat([filled, rest], dim=1)[:, :length]


@dataclass(frozen=True, slots=True, kw_only=True)
class DualEncoder:
    """Two towers, and what the model's own code does before them.

    Attributes:
        name: What it is called.
        licence: As its model card says it; None where that says nothing.
        dimensions: Of its space.
        logit_scale: What cosines are multiplied by for the logits that it was trained with.
        logit_bias: What is added to these, where their sigmoid is the probability that text and picture belong
            together; None where it was trained to choose among several.
        text_tower: Token ids and mask as Tokens has them, to float32 [n, dimensions] of any length; what stands where
            there is padding makes no difference.
        image_tower: Float32 [n, …], which `prepare` and `preprocessing` give, to float32 [n, dimensions] of any length.
        tokenise: The model's own tokenizer.
        prepare: The model's own preprocessing: pictures to what the image tower takes.
        preprocessing: What that does.
        tokenizer: The tokenizer as the tokenizers library writes it.
        max_tokens: The longest text.
    """

    name: str
    licence: str | None
    dimensions: int
    logit_scale: float
    logit_bias: float | None
    text_tower: nn.Module
    image_tower: nn.Module
    tokenise: Callable[[list[str]], Tokens]
    prepare: Callable[[list[Image.Image]], Tensor]
    preprocessing: Preprocessing | Patching
    tokenizer: str
    max_tokens: int

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts as the model's own code embeds them: float32 [n, dimensions], unit L2 norm."""
        parts = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            tokens = self.tokenise(list(texts[start : start + _TEXTS_AT_ONCE]))
            parts.append(self._unit(self.text_tower, tokens.ids, tokens.mask))
        return self._joined(parts)

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Pictures, RGB, upright, as the model's own code embeds them: float32 [n, dimensions], unit L2 norm."""
        parts = []
        for start in range(0, len(pictures), _PICTURES_AT_ONCE):
            prepared = self.prepare([each.convert("RGB") for each in pictures[start : start + _PICTURES_AT_ONCE]])
            parts.append(self._unit(self.image_tower, prepared))
        return self._joined(parts)

    @torch.inference_mode()
    def _unit(self, tower: nn.Module, *inputs: Tensor) -> NDArray[np.float32]:
        device = next(tower.parameters()).device
        vectors = nn.functional.normalize(tower(*(each.to(device) for each in inputs)).float(), dim=-1)
        array: NDArray[np.float32] = vectors.cpu().numpy()
        return array

    def _joined(self, parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)
