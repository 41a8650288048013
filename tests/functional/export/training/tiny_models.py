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
    PreTrainedTokenizerFast,
)

from export.evaluation.probes import PROBES
from export.training.text_encoder.sentence_model import TextEncoder, tokenise

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
