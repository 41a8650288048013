"""Dual encoders of transformers: CLIP and MetaCLIP, SigLIP and SigLIP 2, ALIGN, AltCLIP, Chinese-CLIP.

All have ``get_text_features`` and ``get_image_features``. What differs is what stands behind a text: nothing where
attention looks back alone, or heeds the mask; padding to the full length where the model was trained to read that.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
from transformers import __version__ as transformers_version
from transformers.utils import logging

from export.conversion.dual.dual_encoder import DualEncoder, Tokens, fill
from export.conversion.dual.patch_tower import PatchTower, with_places
from export.conversion.dual.sentencepiece_tokenizer import siglip_tokenizer
from export.errors import ModelError
from export.pictures.fitting.patching import Patching
from export.pictures.fitting.preprocessing import Preprocessing

PADDED = ("siglip", "siglip2")
"""Kinds whose text tower reads the padding too, so that every text is as long as the longest may be."""
LOOKING_BACK = ("clip", "metaclip_2")
"""Kinds in which a token heeds those before it alone, so that what stands behind a text makes no difference."""


class TextTower(nn.Module):
    """Token ids and mask to a text's features, whatever stands where there is padding.

    Args:
        model: One of transformers', with ``get_text_features``.
        pad: What has to stand where there is padding; None where anything may.
        length: To which every text is padded; None where padding makes no difference.
        reads_padding: Whether it reads the padding, as SigLIP learnt to; else its tokenizer tells it where padding is.
    """

    def __init__(self, model: Any, *, pad: int | None, length: int | None, reads_padding: bool) -> None:
        super().__init__()
        self.model = model
        self.pad = pad
        self.length = length
        self.reads_padding = reads_padding

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Int64 [n, tokens] each -> float32 [n, dimensions]."""
        ids = input_ids if self.pad is None else fill(input_ids, attention_mask, self.pad, self.length)
        if self.reads_padding or self.model.config.model_type in LOOKING_BACK:
            features: Tensor = self.model.get_text_features(input_ids=ids)
        elif self.length is not None:
            mask = fill(attention_mask, attention_mask, 0, self.length)
            features = self.model.get_text_features(input_ids=ids, attention_mask=mask)
        elif self.model.config.model_type == "chinese_clip":  # whose own get_text_features misses a pooler
            first = self.model.text_model(input_ids=ids, attention_mask=attention_mask)[0][:, 0]
            features = self.model.text_projection(first)
        else:
            features = self.model.get_text_features(input_ids=ids, attention_mask=attention_mask)
        return features


class ImageTower(nn.Module):
    """Pixels to a picture's features."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Float32 [n, 3, height, width] -> float32 [n, dimensions]."""
        features: Tensor = self.model.get_image_features(pixel_values=pixels)
        return features


def load_transformers(folder: Path, *, name: str, licence: str | None) -> DualEncoder:
    """Load a dual encoder out of a folder as transformers saves it.

    Args:
        folder: Holds config.json, model.safetensors, preprocessor_config.json and the tokenizer's files.
        name: What it is called.
        licence: As its model card says it.

    Raises:
        ModelError: It can't be loaded.
    """
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        # What is in the folder and nothing else: no network, and no code but that of transformers.
        model = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, attn_implementation="eager", dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call]
    except Exception as error:  # transformers raises whatever broken files lead it to
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{name} can't be loaded: {reason[:300]}; fetch the folder anew, or name another model"
        ) from error
    processor = _processor(folder, name)
    model.eval()
    config = model.config
    text = config.text_config
    length = min(int(text.max_position_embeddings), _longest(tokenizer))
    if config.model_type == "altclip":
        length = min(length, text.max_position_embeddings - text.pad_token_id - 1)
    padded = config.model_type in PADDED
    reads_padding = "attention_mask" not in tokenizer.model_input_names
    dimensions = int(getattr(config, "projection_dim", None) or text.hidden_size)
    if padded:
        dimensions = int(getattr(text, "projection_size", None) or text.hidden_size)
    written = _as_json(tokenizer, config.model_type)
    said = processor.to_dict()

    def tokenise(texts: list[str]) -> Tokens:
        found = tokenizer(
            texts,
            padding="max_length" if padded else True,
            truncation=True,
            max_length=length,
            return_tensors="pt",
            return_attention_mask=True,
        )
        mask = torch.ones_like(found.input_ids) if padded and reads_padding else found.attention_mask
        return Tokens(ids=found.input_ids, mask=mask)

    image_tower: ImageTower | PatchTower = PatchTower(model) if "max_num_patches" in said else ImageTower(model)

    def prepare(pictures: list[Image.Image]) -> Tensor:
        prepared = processor(images=pictures, return_tensors="pt")
        if isinstance(image_tower, PatchTower):
            return with_places(prepared.pixel_values, prepared.spatial_shapes, image_tower.grid)
        pixels: Tensor = prepared.pixel_values
        return pixels

    bias = getattr(model, "logit_bias", None)
    return DualEncoder(
        name=name,
        licence=licence,
        dimensions=dimensions,
        logit_scale=_scale(model),
        logit_bias=None if bias is None else float(bias.detach()),
        text_tower=TextTower(
            model,
            pad=int(tokenizer.pad_token_id) if padded or config.model_type == "altclip" else None,
            length=length if padded else None,
            reads_padding=padded and reads_padding,
        ),
        image_tower=image_tower,
        tokenise=tokenise,
        prepare=prepare,
        preprocessing=_preparation(said, name, config),
        tokenizer=written,
        max_tokens=length,
    )


def _processor(folder: Path, name: str) -> Any:
    """What prepares pictures; raises ModelError."""
    try:
        return AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            folder, local_files_only=True, use_fast=False
        )
    except Exception as error:  # transformers raises whatever broken files lead it to
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{name} says in preprocessor_config.json how pictures are prepared, and transformers "
            f"{transformers_version} can't do that: {reason[:100]}; update transformers, or name another model"
        ) from error


def _longest(tokenizer: Any) -> int:
    """What the tokenizer says, which is a huge number where it says nothing."""
    return min(int(tokenizer.model_max_length), 8_192)


def _scale(model: Any) -> float:
    """What cosines are multiplied by; ALIGN divides by a temperature."""
    if (temperature := getattr(model, "temperature", None)) is not None:
        return 1.0 / float(temperature.detach())
    return float(model.logit_scale.detach().exp())


def _as_json(tokenizer: Any, kind: str) -> str:
    """The tokenizer as the tokenizers library writes it."""
    if tokenizer.is_fast:
        return str(tokenizer.backend_tokenizer.to_str())
    if kind in PADDED:
        return siglip_tokenizer(Path(tokenizer.vocab_file), tokenizer)
    raise ModelError(
        f"the tokenizer {type(tokenizer).__name__} has no tokenizer.json; expected a model that comes with one"
    )


def _preparation(said: dict[str, Any], name: str, config: Any) -> Preprocessing | Patching:
    """What an image processor of transformers does, as its configuration says it."""
    try:
        if not said.get("do_resize", True):
            raise ValueError("pictures of one size")
        scale, offset = _scaling(said)
        if "max_num_patches" in said:
            grid = math.isqrt(int(config.vision_config.num_patches))
            patch, patches = int(said["patch_size"]), int(said["max_num_patches"])
            resample = int(said["resample"])
            return Patching(patch=patch, patches=patches, grid=grid, resample=resample, scale=scale, offset=offset)
        size = said["size"]
        if "shortest_edge" in size:
            resize, sides = "shortest", (int(size["shortest_edge"]),) * 2
        else:
            resize, sides = "squash", (int(size["height"]), int(size["width"]))
        crop = sides
        if said.get("do_center_crop"):
            crop = (int(said["crop_size"]["height"]), int(said["crop_size"]["width"]))
        return Preprocessing(
            resize=resize,  # type: ignore[arg-type]
            size=sides,
            crop=crop,
            resample=int(said["resample"]),
            scale=scale,
            offset=offset,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{name}: {said.get('image_processor_type')} asks for what isn't known here ({error}); expected a size, a "
            "mean and a standard deviation in preprocessor_config.json"
        ) from error


_Channels = tuple[float, float, float]


def _scaling(said: dict[str, Any]) -> tuple[_Channels, _Channels]:
    """What each channel, 0 to 255, is multiplied by, and what is added then."""
    factor = float(said["rescale_factor"]) if said.get("do_rescale", True) else 1.0
    mean, std = (said["image_mean"], said["image_std"]) if said.get("do_normalize", True) else ([0.0] * 3, [1.0] * 3)
    start = -1.0 if said.get("rescale_offset") else 0.0
    again = std if said.get("include_top") else [1.0] * 3
    (red, green, blue), divisors = mean, [first * second for first, second in zip(std, again, strict=True)]
    scale = (factor / divisors[0], factor / divisors[1], factor / divisors[2])
    return scale, ((start - red) / divisors[0], (start - green) / divisors[1], (start - blue) / divisors[2])
