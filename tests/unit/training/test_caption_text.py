"""Captions as the decoder reads and writes them."""

import numpy as np
import pytest

from export.training.caption_text import (
    BEGIN_ID,
    BRIEFLY,
    DESCRIBE,
    END_ID,
    IGNORED,
    IN_DETAIL,
    choose_answer,
    make_examples,
    train_tokenizer,
)

CAPTIONS = ["A man's dog runs", "A dog", "A black-and-white dog runs, then jumps over a log"]


def test_a_tokenizer_gives_lower_case_text_back() -> None:
    tokenizer = train_tokenizer(CAPTIONS * 3, 200)
    for caption in CAPTIONS:
        assert tokenizer.decode(tokenizer.encode(caption).ids) == caption.lower()
        assert not {0, 1, 2} & set(tokenizer.encode(caption).ids)


def test_the_loss_counts_the_answer_and_its_end_only() -> None:
    tokenizer = train_tokenizer(CAPTIONS * 3, 200)
    examples = make_examples(tokenizer, [(DESCRIBE, CAPTIONS[0]), (BRIEFLY, CAPTIONS[1])], max_tokens=48)
    for row, (instruction, answer) in enumerate([(DESCRIBE, CAPTIONS[0]), (BRIEFLY, CAPTIONS[1])]):
        prefix, written = tokenizer.encode(instruction).ids, tokenizer.encode(answer).ids
        read = [*prefix, BEGIN_ID, *written]
        assert examples.tokens[row, : len(read)].tolist() == read
        targets = [IGNORED] * len(prefix) + [*written, END_ID]
        padding = examples.targets.shape[1] - len(targets)
        assert examples.targets[row].tolist() == targets + [IGNORED] * padding


def test_long_examples_are_cut_without_an_end() -> None:
    tokenizer = train_tokenizer(CAPTIONS * 3, 200)
    examples = make_examples(tokenizer, [(DESCRIBE, CAPTIONS[2])], max_tokens=20)
    assert examples.tokens.shape == examples.targets.shape == (1, 20)
    assert END_ID not in examples.targets[0].tolist()
    counted = examples.targets[0] != IGNORED
    assert examples.tokens[0, 1:][counted[:-1]].tolist() == examples.targets[0][counted][:-1].tolist()


@pytest.mark.parametrize("seed", range(20))
def test_answers_fit_their_instruction(seed: int) -> None:
    instruction, answer = choose_answer(CAPTIONS, np.random.default_rng(seed))
    assert answer in {DESCRIBE: CAPTIONS, BRIEFLY: [CAPTIONS[1]], IN_DETAIL: [CAPTIONS[2]]}[instruction]


@pytest.mark.parametrize("seed", range(20))
def test_a_single_caption_is_only_asked_to_describe(seed: int) -> None:
    assert choose_answer(CAPTIONS[:1], np.random.default_rng(seed)) == (DESCRIBE, CAPTIONS[0])
