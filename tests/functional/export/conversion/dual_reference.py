"""What transformers' and OpenCLIP's own code makes of texts and pictures, called as their documentation says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer


class Reference:
    """A dual encoder in a folder, of a kind."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._kind = kind
        if kind.startswith("open_clip"):
            import open_clip

            name = f"local-dir:{folder}"
            self._model, _, self._prepare = open_clip.create_model_and_transforms(name)
            self._cut = open_clip.get_tokenizer(name)
        else:
            folder = folder / "0_CLIPModel" if kind == "sentence-transformers" else folder
            self._model = AutoModel.from_pretrained(folder)
            self._prepare = AutoImageProcessor.from_pretrained(folder, use_fast=False)  # type: ignore[no-untyped-call]
            self._cut = AutoTokenizer.from_pretrained(folder)  # type: ignore[no-untyped-call]
        self._model.eval()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Float32 [n, dimensions], unit L2 norm; each text alone."""
        return np.concatenate([_unit(self._text(text)) for text in texts])

    @torch.inference_mode()
    def embed_pictures(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Float32 [n, dimensions], unit L2 norm."""
        if self._kind.startswith("open_clip"):
            return _unit(self._model.encode_image(torch.stack([self._prepare(picture) for picture in pictures])))
        prepared = self._prepare(images=list(pictures), return_tensors="pt")
        return _unit(self._model.get_image_features(**prepared))

    def scale_and_bias(self) -> tuple[float, float]:
        """By which SigLIP's cosines become logits."""
        return float(self._model.logit_scale.detach().exp()), float(self._model.logit_bias.detach())

    def _text(self, text: str) -> Any:
        if self._kind.startswith("open_clip"):
            return self._model.encode_text(self._cut([text]))
        padding = "max_length" if self._kind.startswith("siglip") else True
        tokens = self._cut([text], padding=padding, truncation=True, return_tensors="pt")
        if self._kind == "chinese_clip":  # get_text_features fails in this version; what forward does
            return self._model.text_projection(self._model.text_model(**tokens)[0][:, 0])
        return self._model.get_text_features(**tokens)


def assert_first_alike(found: ArrayLike, expected: NDArray[np.float32]) -> None:
    """Texts find first what the model's own code finds first, 99.5 of 100 of them.

    Args:
        found: The number of the first photo for each text.
        expected: The cosines, [texts, photos].
    """
    assert (np.asarray(found) == expected.argmax(1)).mean() >= 0.995


def _unit(features: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = torch.nn.functional.normalize(features, dim=-1).numpy()
    return array
