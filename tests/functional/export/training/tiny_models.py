"""Tiny models of random weights, made where they are needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    BlipConfig,
    BlipForConditionalGeneration,
    Florence2Config,
    Florence2ForConditionalGeneration,
    GenerationConfig,
    GitConfig,
    GitForCausalLM,
    GPT2Config,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessor,
)

from export.evaluation.probes import PROBES
from export.training.text_encoder.sentence_model import TextEncoder, tokenise

IMAGE_SIZE = 64
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def word_tokenizer() -> Tokenizer:
    """A WordPiece tokenizer that knows the probes' words, and single letters."""
    letters = [chr(code) for code in range(33, 127)]
    words = sorted({word for probe in PROBES for word in probe.lower().split()})
    pieces = dict.fromkeys([*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    return tokenizer


def tiny_bert(vocabulary_size: int = 400, *, width: int = 64, seed: int = 0) -> BertModel:
    """Two layers, weights large enough for texts to lie apart."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=64,
        initializer_range=0.1,
    )  # type: ignore[no-untyped-call]
    return BertModel(config, add_pooling_layer=False).eval()  # type: ignore[no-untyped-call, no-any-return]


def probe_vectors(bert: BertModel, tokenizer: Tokenizer) -> NDArray[np.float32]:
    """What torch makes of the probes, with mean pooling: float32 [probes, dim], unit L2 norm."""
    batch = tokenise(tokenizer, PROBES)
    with torch.no_grad():
        vectors: NDArray[np.float32] = TextEncoder(bert).eval()(batch.input_ids, batch.attention_mask).numpy()
    return vectors


def save_tokenizer(folder: Path, *, token_types: bool = False) -> int:
    """Save the word tokenizer as transformers does; return how many pieces it has."""
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=word_tokenizer(),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        bos_token="[CLS]",
        eos_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"] + ["token_type_ids"] * token_types,
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def save_captioner(folder: Path, kind: str) -> Path:
    """A captioner of a kind, with random weights that its captions depend on, as transformers saves it."""
    torch.manual_seed(0)
    size = save_tokenizer(folder)
    model = CAPTIONERS[kind](size)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2 if "embed" in name else 0.1)
    model.generation_config = GenerationConfig(pad_token_id=0, bos_token_id=2, decoder_start_token_id=2, eos_token_id=3)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    ViTImageProcessor(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}).save_pretrained(folder)
    return folder


def _vision_encoder_decoder(vocabulary_size: int) -> PreTrainedModel:
    vision = ViTConfig(image_size=IMAGE_SIZE, patch_size=16, **_SMALL)  # type: ignore[no-untyped-call]
    text = GPT2Config(  # type: ignore[no-untyped-call]
        vocab_size=vocabulary_size, n_embd=32, n_layer=2, n_head=2, n_positions=64, add_cross_attention=True
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, text)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 0, 3
    return VisionEncoderDecoderModel(config)


def _blip(vocabulary_size: int) -> PreTrainedModel:
    text = {"vocab_size": vocabulary_size, "max_position_embeddings": 64, "encoder_hidden_size": 32, **_SMALL}
    text |= {"bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(text_config=text, vision_config={"image_size": IMAGE_SIZE, "patch_size": 16, **_SMALL})  # type: ignore[no-untyped-call]
    return BlipForConditionalGeneration(config)


def _git(vocabulary_size: int) -> PreTrainedModel:
    config = GitConfig(  # type: ignore[no-untyped-call]
        vision_config={"image_size": IMAGE_SIZE, "patch_size": 16, **_SMALL},
        vocab_size=vocabulary_size,
        max_position_embeddings=128,
        bos_token_id=2,
        eos_token_id=3,
        **_SMALL,
    )
    return GitForCausalLM(config)  # type: ignore[no-untyped-call]


def _florence2(vocabulary_size: int) -> PreTrainedModel:
    text = {
        "model_type": "bart",
        "vocab_size": vocabulary_size,
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 128,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "pad_token_id": 0,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": None,
    }
    vision = {
        "embed_dim": (8, 16, 16, 32),
        "depths": (1, 1, 1, 1),
        "num_heads": (1, 1, 1, 2),
        "num_groups": (1, 1, 1, 2),
        "window_size": 2,
        "projection_dim": 32,
    }
    config = Florence2Config(text_config=text, vision_config=vision, image_token_id=4)  # type: ignore[no-untyped-call]
    return Florence2ForConditionalGeneration(config)


_SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
CAPTIONERS = {
    "vision-encoder-decoder": _vision_encoder_decoder,
    "blip": _blip,
    "git": _git,
    "florence2": _florence2,
}
