"""Tiny models of random weights, made where they are needed."""

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

from export.probes import PROBES

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
