"""Answers as the decoder reads and writes them: word pieces, and answers as targets.

It knows texts and token ids, nothing of photos. An example is one sequence,
``<instruction> <s> answer </s>``; the loss counts the answer and its end only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from export.training.data.tasks import INSTRUCTIONS, Answer
from export.training.losses import IGNORED

PADDING, BEGIN, END = "<pad>", "<s>", "</s>"
PADDING_ID, BEGIN_ID, END_ID = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Token ids to read and, one place later, to write.

    Attributes:
        tokens: int64 [n, steps]; instruction, begin, answer, padding.
        targets: int64 [n, steps]; the token after each of ``tokens`` where it belongs to the answer, else IGNORED.
    """

    tokens: Tensor
    targets: Tensor


def train_tokenizer(captions: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """Byte-pair pieces (Sennrich et al. 2016, arXiv 1508.07909) of lower-case captions and the instructions."""
    tokenizer = Tokenizer(models.BPE(unk_token=PADDING))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(behavior="isolated")]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, special_tokens=[PADDING, BEGIN, END], min_frequency=2, show_progress=False
    )
    texts = [*captions, *INSTRUCTIONS]
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def make_examples(tokenizer: Tokenizer, answers: Sequence[Answer], max_tokens: int) -> Examples:
    """Examples of instructions and their answers, cut at ``max_tokens`` and padded to the longest."""
    rows = []
    for answer in answers:
        prefix = [*tokenizer.encode(answer.instruction).ids, BEGIN_ID]
        rows.append((prefix, [*tokenizer.encode(answer.text).ids, END_ID]))
    steps = min(max_tokens, max(len(prefix) + len(ids) - 1 for prefix, ids in rows))
    tokens = torch.full((len(rows), steps), PADDING_ID)
    targets = torch.full((len(rows), steps), IGNORED)
    for row, (prefix, ids) in enumerate(rows):
        read = [*prefix, *ids[:-1]][:steps]
        tokens[row, : len(read)] = torch.tensor(read)
        written = ids[: steps - len(prefix) + 1]
        targets[row, len(prefix) - 1 : len(prefix) - 1 + len(written)] = torch.tensor(written)
    return Examples(tokens=tokens, targets=targets)


def plain_words(text: str) -> str:
    """What captions are compared by: lower case, words and single spaces only."""
    letters = (letter if letter.isalnum() or letter == "'" else " " for letter in text.lower())
    return " ".join("".join(letters).split())
