"""Unpacking: a captioner's folder becomes the photo model again that packing.py wrote it from.

Weights are what is stored, so those in 8 bits come back rounded. The shape is that of the weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.errors import ModelError
from export.training.photo_model.backbone import CELL_PIXELS
from export.training.photo_model.captioner_export import read_weights
from export.training.photo_model.photo_model import PhotoModel, PhotoModelShape
from export.understanding.onnx_captioner import OnnxCaptionerSource


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedCaptioner:
    """A captioner in torch: the model in evaluation mode, its decoder's tokenizer, and the names that it tells."""

    model: PhotoModel
    tokenizer: Tokenizer
    names: tuple[str, ...]


def read_captioner(folder: Path) -> TrainedCaptioner:
    """Load a captioner's folder into torch.

    Raises:
        ModelError: A file is missing, or the graphs don't hold a photo model's weights under their names.
    """
    source = OnnxCaptionerSource.open(folder)  # says what is missing
    weights = read_weights(folder / "vision.onnx") | read_weights(folder / "decoder.onnx")
    try:
        model = PhotoModel(_shape(weights, heads=_heads(folder)))
    except (KeyError, ValueError) as error:
        raise _refusal(folder, str(error)) from error
    expected = model.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        wanted, found = (list(of[name].shape) if name in of else "nothing" for of in (expected, weights))
        if found != wanted:
            raise _refusal(folder, f"{name}: found {found}, expected {wanted}")
    model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in weights.items()})
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return TrainedCaptioner(model=model.eval(), tokenizer=tokenizer, names=source.names)


def _refusal(folder: Path, reason: str) -> ModelError:
    return ModelError(
        f"{folder} doesn't hold the weights of a photo model ({reason}); expected a folder that this version of "
        "'thinlens models' wrote"
    )


def _heads(folder: Path) -> int:
    """How many heads share the decoder's width, which the weights don't show."""
    _, _, heads, *_ = json.loads((folder / "captioner.json").read_bytes())["empty_cache"]
    return int(heads)


def _shape(weights: dict[str, NDArray[np.float32]], *, heads: int) -> PhotoModelShape:
    """The sizes that the weights have."""
    dim, visual_hidden = weights["visual_head.project.0.weight"].shape
    vocabulary_size, width = weights["token_embedding.weight"].shape
    return PhotoModelShape(
        trained_size=weights["cell_embedding"].shape[-1] * CELL_PIXELS,
        dim=dim,
        visual_members=len(weights["visual_head.hidden.bias"]) // visual_hidden,
        visual_hidden=visual_hidden,
        bank=len(weights["hubness.bank"]),
        names=len(weights["names"]),
        width=width,
        heads=heads,
        layers=weights["memory_in.weight"].shape[0] // (2 * width),
        vocabulary_size=vocabulary_size,
        max_tokens=len(weights["position_embedding"]),
    )
