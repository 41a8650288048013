"""Captions as the decoder reads and writes them: instructions, word pieces, and answers as targets.

It knows texts and token ids, nothing of photos. An example is one sequence,
``<instruction> <s> answer </s>``; the loss counts the answer and its end only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

DESCRIBE = "What does the image describe?"
BRIEFLY = "Describe the image briefly."
IN_DETAIL = "Describe the image in detail."
INSTRUCTIONS = (DESCRIBE, BRIEFLY, IN_DETAIL)

PADDING, BEGIN, END = "<pad>", "<s>", "</s>"
PADDING_ID, BEGIN_ID, END_ID = 0, 1, 2
IGNORED = -100


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


def choose_answer(captions: Sequence[str], random: np.random.Generator) -> tuple[str, str]:
    """An instruction and a caption that answers it.

    Any caption answers ``DESCRIBE``; of a photo with several, the one of fewest words answers
    ``BRIEFLY`` and the one of most words answers ``IN_DETAIL``.
    """
    instruction = str(random.choice(INSTRUCTIONS, p=(0.6, 0.15, 0.25))) if len(captions) > 1 else DESCRIBE
    if instruction == BRIEFLY:
        return instruction, min(captions, key=_word_count)
    if instruction == IN_DETAIL:
        return instruction, max(captions, key=_word_count)
    return instruction, captions[int(random.integers(len(captions)))]


def make_examples(tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], max_tokens: int) -> Examples:
    """Examples of (instruction, answer) pairs, cut at ``max_tokens`` and padded to the longest."""
    rows = []
    for instruction, text in pairs:
        prefix = [*tokenizer.encode(instruction).ids, BEGIN_ID]
        rows.append((prefix, [*tokenizer.encode(text).ids, END_ID]))
    steps = min(max_tokens, max(len(prefix) + len(answer) - 1 for prefix, answer in rows))
    tokens = torch.full((len(rows), steps), PADDING_ID)
    targets = torch.full((len(rows), steps), IGNORED)
    for row, (prefix, answer) in enumerate(rows):
        read = [*prefix, *answer[:-1]][:steps]
        tokens[row, : len(read)] = torch.tensor(read)
        written = answer[: steps - len(prefix) + 1]
        targets[row, len(prefix) - 1 : len(prefix) - 1 + len(written)] = torch.tensor(written)
    return Examples(tokens=tokens, targets=targets)


def _word_count(caption: str) -> int:
    return len(caption.split())
