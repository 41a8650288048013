"""Dual encoders of OpenCLIP: its own architectures, with it MobileCLIP, DFN and EVA, by name or out of a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor, nn

from export.conversion.dual.dual_encoder import DualEncoder, Tokens, fill
from export.errors import ModelError, installing
from export.pictures.fitting.preprocessing import Preprocessing

CONFIGURATION = "open_clip_config.json"
_RESAMPLE = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


class TextTower(nn.Module):
    """Token ids and mask to a text's features, whatever stands where there is padding.

    OpenCLIP reads texts padded to the full length. Where attention looks back alone, what stands behind the text makes
    no difference, and it is pooled at its last token instead of at the place of the highest number.

    Args:
        model: One of OpenCLIP's.
        pad: What has to stand where there is padding.
        length: To which every text is padded; None where that makes no difference.
    """

    def __init__(self, model: Any, *, pad: int, length: int | None) -> None:
        super().__init__()
        self.model = model
        self.pad = pad
        self.length = length

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Int64 [n, tokens] each -> float32 [n, dimensions]."""
        if self.length is None:
            return self._looking_back(input_ids, attention_mask)
        features: Tensor = self.model.encode_text(fill(input_ids, attention_mask, self.pad, self.length))
        return features

    def _looking_back(self, ids: Tensor, mask: Tensor) -> Tensor:
        text = text_part(self.model)
        x = text.token_embedding(ids) + text.positional_embedding[: ids.shape[1]]
        x = text.transformer(x, attn_mask=text.attn_mask[: ids.shape[1], : ids.shape[1]])
        x = text.ln_final(x)
        last = mask.sum(dim=1) - 1
        pooled: Tensor = x.gather(1, last[:, None, None].expand(-1, 1, x.shape[-1])).squeeze(1)
        if text.text_projection is None:
            return pooled
        linear = isinstance(text.text_projection, nn.Linear)
        projected: Tensor = text.text_projection(pooled) if linear else pooled @ text.text_projection
        return projected


class _Attention(nn.Module):
    """What torch's attention computes of one input, step by step: torch's own can't be traced, or for one length."""

    def __init__(self, own: nn.MultiheadAttention) -> None:
        super().__init__()
        self.own = own

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, *, need_weights: bool, attn_mask: Tensor | None
    ) -> tuple[Tensor, None]:
        """Float32 [n, tokens, width] -> the same; key and value are the query."""
        del key, value, need_weights
        heads, size = self.own.num_heads, self.own.head_dim
        three = nn.functional.linear(query, self.own.in_proj_weight, self.own.in_proj_bias).chunk(3, dim=-1)
        q, k, v = (each.reshape(*query.shape[:2], heads, size).transpose(1, 2) for each in three)
        scores = q @ k.transpose(-1, -2) / size**0.5
        if attn_mask is not None:
            scores = scores + attn_mask
        attended: Tensor = self.own.out_proj((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))
        return attended, None


class ImageTower(nn.Module):
    """Pixels to a picture's features."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Float32 [n, 3, height, width] -> float32 [n, dimensions]."""
        features: Tensor = self.model.encode_image(pixels)
        return features


def text_part(model: Any) -> Any:
    """Where a model of OpenCLIP has its text tower: apart, or in itself."""
    return getattr(model, "text", model)


def load_open_clip(source: str, *, name: str, licence: str | None, pretrained: str | None = None) -> DualEncoder:
    """Load a dual encoder of OpenCLIP.

    Args:
        source: An architecture, or "local-dir:" and a folder with open_clip_config.json and its weights.
        name: What it is called.
        licence: As its model card says it.
        pretrained: The tag of its weights, with an architecture.

    Raises:
        ModelError: OpenCLIP isn't there, or can't load it.
    """
    open_clip = import_open_clip()
    try:
        model = open_clip.create_model(source, pretrained=pretrained, require_pretrained=True, weights_only=True)
        cut = open_clip.get_tokenizer(source)
        asked = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
        processor = open_clip.transform.image_transform_v2(asked, is_train=False)
    except Exception as error:  # OpenCLIP raises whatever broken files and the network lead it to
        reason = " ".join(str(error).split())
        raise ModelError(f"OpenCLIP can't load {name}: {reason[:300]}") from error
    model.eval()
    for block in model.modules():
        own = getattr(block, "attn", None)
        if (
            type(block).__name__ == "ResidualAttentionBlock"
            and isinstance(own, nn.MultiheadAttention)
            and own.batch_first
        ):
            block.attn = _Attention(own)
    text = text_part(model)
    backward = getattr(text, "attn_mask", None) is not None and _pooling(model) in ("argmax", "eos")
    length = int(cut.context_length)
    written, pad = _as_json(cut, length)

    def tokenise(texts: list[str]) -> Tokens:
        ids = cut(texts)
        if not backward:
            return Tokens(ids=ids, mask=torch.ones_like(ids))
        last = ids.argmax(dim=1, keepdim=True)  # the end mark has the highest number
        return Tokens(ids=ids, mask=(torch.arange(ids.shape[1])[None] <= last).long())

    def prepare(pictures: list[Image.Image]) -> Tensor:
        return torch.stack([processor(picture) for picture in pictures])

    bias = getattr(model, "logit_bias", None)
    with torch.inference_mode():
        dimensions = int(model.encode_text(cut(["a"])).shape[-1])
    return DualEncoder(
        name=name,
        licence=licence,
        dimensions=dimensions,
        logit_scale=float(model.logit_scale.detach().exp()),
        logit_bias=None if bias is None else float(bias.detach()),
        text_tower=TextTower(model, pad=pad, length=None if backward else length),
        image_tower=ImageTower(model),
        tokenise=tokenise,
        prepare=prepare,
        preprocessing=_preprocessing(model.visual.preprocess_cfg),
        tokenizer=written,
        max_tokens=length,
    )


def import_open_clip() -> Any:
    """OpenCLIP; raises ModelError where it isn't installed, or where its torchvision doesn't fit torch."""
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise ModelError(f"OpenCLIP's models need {error.name}; {installing('clip')}") from error
    except RuntimeError as error:  # "operator torchvision::nms does not exist"
        raise ModelError(
            f"OpenCLIP can't be loaded: torchvision doesn't fit torch {torch.__version__} ({error}); install the "
            "torchvision that was built for it"
        ) from error
    return open_clip


def _pooling(model: Any) -> str:
    text = text_part(model)
    return str(getattr(text, "text_pool_type", None) or getattr(text, "pool_type", "argmax"))


def _as_json(cut: Any, length: int) -> tuple[str, int]:
    """The tokenizer as the tokenizers library writes it, and the number that stands for padding."""
    if hasattr(cut, "byte_encoder"):
        return _clip_tokenizer(cut), 0
    tokenizer = cut.tokenizer
    if not tokenizer.is_fast:
        raise ModelError(f"the tokenizer {type(tokenizer).__name__} has no tokenizer.json; expected one that has")
    del length
    return str(tokenizer.backend_tokenizer.to_str()), int(tokenizer.pad_token_id or 0)


def _clip_tokenizer(cut: Any) -> str:
    """CLIP's own, out of its merges: lower case, pairs of bytes, a mark at the begin and one at the end."""
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import BPE

    merges = sorted(cut.bpe_ranks, key=cut.bpe_ranks.__getitem__)
    start, end = "<start_of_text>", "<end_of_text>"
    model = BPE(dict(cut.encoder), merges, end_of_word_suffix="</w>", fuse_unk=False, unk_token=end)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([start, end])
    tokenizer.post_processor = processors.RobertaProcessing(
        sep=(end, cut.eot_token_id), cls=(start, cut.sot_token_id), trim_offsets=False, add_prefix_space=False
    )
    return str(tokenizer.to_str())


def _preprocessing(said: dict[str, Any]) -> Preprocessing:
    size = said["size"]
    sides: Sequence[int] = size if isinstance(size, list | tuple) else (size, size)
    height, width = sides
    return Preprocessing(
        resize=said["resize_mode"],
        size=(height, width),
        crop=(height, width),
        resample=int(_RESAMPLE[said["interpolation"]]),
        scale=tuple(1 / (255 * each) for each in said["std"]),
        offset=tuple(-middle / each for middle, each in zip(said["mean"], said["std"], strict=True)),
        rounds=True,
        border=int(said.get("fill_color") or 0),
    )


def read_open_clip_configuration(folder: Path) -> dict[str, Any]:
    """What open_clip_config.json says of the model; raises ModelError."""
    try:
        found = json.loads((folder / CONFIGURATION).read_bytes())["model_cfg"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / CONFIGURATION} is no configuration of OpenCLIP: {error}") from error
    return dict(found)
