"""A tokenizer like CLIP's, of fewer pieces: byte pairs (Sennrich et al. 2016, arXiv 1508.07909) of our own captions."""

# transformers' tokenizers come without types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizerFast

_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
"""What CLIP's tokenizer splits texts into."""


def train_byte_pairs(texts: Sequence[str], folder: Path, *, size: int, max_tokens: int) -> CLIPTokenizerFast:
    """A tokenizer of so many pieces: bytes, bytes that end a word, what is made of pairs, begin and end.

    What is in the folder already is taken as it is.
    """
    if not (folder / "merges.txt").is_file():
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        byte_pairs = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
        byte_pairs.normalizer = normalizers.Lowercase()
        splits = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
        byte_pairs.pre_tokenizer = pre_tokenizers.Sequence([splits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
        trainer = trainers.BpeTrainer(
            vocab_size=size - 2, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
        )
        byte_pairs.train_from_iterator(texts, trainer)
        merges = [" ".join(pair) for pair in json.loads(byte_pairs.to_str())["model"]["merges"]]
        merges = merges[: size - 2 - 2 * len(alphabet)]
        pieces = [*alphabet, *(byte + "</w>" for byte in alphabet), *(pair.replace(" ", "") for pair in merges)]
        pieces = [*dict.fromkeys(pieces), _BEGIN, _END]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps({piece: row for row, piece in enumerate(pieces)}))
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    return CLIPTokenizerFast(
        vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), model_max_length=max_tokens
    )
